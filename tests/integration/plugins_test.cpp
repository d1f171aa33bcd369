// Files that are no good plugin: `check` says where they are named, which they are and what to do; nothing crashes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Plugins : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directory(folder_ / "plugins"); }

  [[nodiscard]] fs::path plugin(std::string_view name) const {
    return folder_ / "plugins" / (std::string(name) + ".so");
  }
  /// A pipeline file whose only collectors are these, of the plugins of the same names.
  fs::path file(const std::vector<std::string>& collectors) {
    std::string text =
        "version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state, plugin_path: [plugins]}\ncollectors:\n";
    for (const auto& name : collectors) text += "  " + name + ": {plugin: " + name + "}\n";
    write_text(folder_ / "sentinel.yaml", text + "pipelines: {}\nsinks: {}\n");
    return folder_ / "sentinel.yaml";
  }

  TempFolder folder_;
};

TEST_F(Plugins, OfAnotherAbiAreRefusedWithBothVersions) {
  fs::copy_file(plugin_file("test_abi_major"), plugin("test_abi_major"));
  const auto ended = sentinel({"check", file({"test_abi_major"})});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err,
              ContainsRegex("sentinel.yaml:4:3: collector \"test_abi_major\": [^\n]*was built for ABI 2\\.[^\n]*"
                            "this agent speaks 1\\.[^\n]*rebuild it"));
}

TEST_F(Plugins, ThatAreNoPluginsAreRefusedWithWhatTheyAre) {
  write_text(plugin("text"),
             "#!/bin/sh\necho not a plugin, but long enough to be the header of an ELF file, and more\n");
  write_text(plugin("empty"), "");
  fs::copy_file(sentinel_program(), plugin("program"));
  fs::create_directory(plugin("folder"));
  const auto ended = sentinel({"check", file({"text", "empty", "program", "folder", "missing"})});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, ContainsRegex("sentinel.yaml:4:3: collector \"text\": [^\n]*no ELF file"));
  EXPECT_THAT(ended.err, ContainsRegex("sentinel.yaml:5:3: collector \"empty\": [^\n]*empty"));
  EXPECT_THAT(ended.err, ContainsRegex("sentinel.yaml:6:3: collector \"program\": [^\n]+"));
  EXPECT_THAT(ended.err, ContainsRegex("sentinel.yaml:7:3: collector \"folder\": [^\n]+"));
  EXPECT_THAT(ended.err, ContainsRegex("sentinel.yaml:8:3: collector \"missing\": plugin 'missing' is not there"));
}

TEST_F(Plugins, TruncatedAnywhereAreRefused) {
  constexpr std::size_t cuts = 50;
  const std::string whole = read_text(plugin_file("proc_cpu"));
  ASSERT_GT(whole.size(), cuts);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < cuts; ++i) {
    // Evenly from nothing to all but the last byte.
    const std::size_t size = (whole.size() - 1) * i / (cuts - 1);
    names.push_back("cut_" + std::to_string(i));
    write_text(plugin(names.back()), std::string_view(whole).substr(0, size));
  }
  for (const char* command : {"check", "run"}) {
    const auto ended = sentinel({command, file(names)});
    EXPECT_EQ(ended.exit_code, 2) << "signal " << ended.signal;
    for (std::size_t i = 0; i < cuts; ++i) {
      EXPECT_THAT(ended.err, ContainsRegex("sentinel.yaml:" + std::to_string(4 + i) + ":3: collector \"" + names[i] +
                                           "\": [^\n]*(truncated|empty|no ELF)"));
    }
  }
}

TEST_F(Plugins, ThatOthersMayWriteAreRefusedToRoot) {
  fs::copy_file(plugin_file("proc_mem"), plugin("proc_mem"));
  const auto check = [&] { return sentinel({"check", file({"proc_mem"})}); };
  EXPECT_EQ(check().exit_code, 0) << check().err;
  ASSERT_EQ(::chmod(plugin("proc_mem").c_str(), 0666), 0);
  const auto writable = check();
  if (::geteuid() != 0) {
    EXPECT_EQ(writable.exit_code, 0) << writable.err;
    return;
  }
  EXPECT_EQ(writable.exit_code, 2);
  EXPECT_THAT(writable.err, AllOf(HasSubstr("sentinel.yaml:4:3: "), HasSubstr("may be written by everyone"),
                                  HasSubstr("chmod o-w " + plugin("proc_mem").string())));
  ASSERT_EQ(::chmod(plugin("proc_mem").c_str(), 0644), 0);
  ASSERT_EQ(::chmod((folder_ / "plugins").c_str(), 0777), 0);
  EXPECT_THAT(check().err, HasSubstr("chmod o-w " + (folder_ / "plugins").string()));
}

TEST_F(Plugins, WhoseCodeDiesWhileItIsLoadedDoNotTakeTheAgentAlong) {
  const std::vector<std::string> names = {"test_constructor_aborts", "test_constructor_exits",
                                          "test_constructor_throws"};
  for (const auto& name : names) fs::copy_file(plugin_file(name), plugin(name));
  const auto ended = sentinel({"check", file(names)});
  EXPECT_EQ(ended.exit_code, 2) << "signal " << ended.signal;
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_THAT(ended.err,
                ContainsRegex("sentinel.yaml:" + std::to_string(4 + i) + ":3: collector \"" + names[i] + "\": [^\n]+"));
  }
}

TEST_F(Plugins, ThatAreOptionalAreLeftOutWhateverIsWrongWithThem) {
  fs::copy_file(plugin_file("proc_mem"), plugin("proc_mem"));
  fs::copy_file(plugin_file("test_abi_major"), plugin("test_abi_major"));
  write_text(plugin("text"), "not a plugin");
  AgentProcess agent(folder_, R"(version: 1
agent: {listen: '127.0.0.1:0', state_dir: state, plugin_path: [plugins]}
collectors:
  memory: {plugin: proc_mem, every: 200ms, deadline: 30s}
  missing: {plugin: missing, optional: true}
  abi: {plugin: test_abi_major, optional: true}
  text: {plugin: text, optional: true}
pipelines: {}
sinks: {}
)");
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  for (const char* name : {"missing", "abi", "text"}) {
    EXPECT_EQ(agent.state(name), "unavailable");
    EXPECT_THAT(agent.last_error(name), Not(IsEmpty()));
    EXPECT_TRUE(agent.logs("not running: " + std::string(name) + ": " + agent.last_error(name))) << agent.log();
  }
  EXPECT_EQ(agent.state("memory"), "running");
  EXPECT_EQ(agent.stop().exit_code, 0);
}

}  // namespace
}  // namespace sentinel::testing
