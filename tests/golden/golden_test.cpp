// The whole exposition of each fixture tree: real collectors, real store, real sink, one collection. What fails is told
// in <tree>.errors, as the agent would show it. UPDATE_GOLDEN=1 writes the files instead of comparing them.
//
// The trees are those of x86_64: USER_HZ 100 and pages of 4 KiB.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/plugins/rig.hpp"

namespace {

constexpr std::pair<const char*, const char*> collectors[] = {
    {"cpu", "proc_cpu"},        {"memory", "proc_mem"}, {"tcp", "proc_tcp"},    {"processes", "proc_zombie"},
    {"descriptors", "proc_fd"}, {"disks", "proc_disk"}, {"network", "proc_net"}};

/// How full this machine is, is no golden text: the trees' mounts are looked for where there are none.
rig::ConfigValues config_of(std::string_view plugin, const std::string& tree) {
  rig::ConfigValues config{{"procfs", tree}};
  if (plugin == "proc_disk") config.emplace("rootfs", "/nowhere");
  return config;
}

std::string read(const std::filesystem::path& path) {
  const std::ifstream file(path);
  return (std::ostringstream() << file.rdbuf()).str();
}

void compare(const std::string& name, const std::string& text) {
  const std::filesystem::path golden = std::string(SENTINEL_SOURCE_DIR "/tests/golden/") + name;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs
  if (std::getenv("UPDATE_GOLDEN") == nullptr) {
    EXPECT_EQ(text, read(golden)) << golden << "; UPDATE_GOLDEN=1 takes what there is now";
  } else if (text.empty()) {
    std::filesystem::remove(golden);
  } else {
    std::ofstream(golden) << text;
  }
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, exposition_of_a_tree) {
  const std::string tree = std::string(SENTINEL_FIXTURES "/procfs/") + GetParam();
  sentinel::store::Store store(std::size_t{1} << 20U);
  std::vector<std::unique_ptr<rig::Plugin>> plugins;
  std::string errors;
  for (const auto& [instance, plugin] : collectors) {
    plugins.push_back(std::make_unique<rig::Plugin>(store, plugin, config_of(plugin, tree), instance));
    const auto done = plugins.back()->collect(std::chrono::hours(1));
    if (done) continue;
    std::string message = done.error().message;
    if (const auto at = message.find(tree); at != std::string::npos) message.replace(at, tree.size(), "TREE");
    errors += std::string(instance) + ": " + message + "\n";
  }
  rig::Plugin sink(store, "prometheus", {}, "prometheus");
  const auto text = sink.render(rig::view(store));
  ASSERT_TRUE(text) << text.error().message;
  compare(GetParam() + ".prom", *text);
  compare(GetParam() + ".errors", errors);
}

INSTANTIATE_TEST_SUITE_P(Trees, Golden,
                         ::testing::Values("debian12", "ipv6_heavy", "cpus128", "container", "no_psi", "truncated",
                                           "hostile"),
                         [](const auto& tree) { return tree.param; });

TEST(Golden, every_tree_is_compared_and_no_file_is_left_over) {
  const std::filesystem::path trees = SENTINEL_FIXTURES "/procfs";
  for (const auto& entry : std::filesystem::directory_iterator(SENTINEL_SOURCE_DIR "/tests/golden")) {
    const auto extension = entry.path().extension();
    if (extension != ".prom" && extension != ".errors") continue;
    EXPECT_TRUE(std::filesystem::is_directory(trees / entry.path().stem())) << entry.path() << " has no tree";
  }
  for (const auto& entry : std::filesystem::directory_iterator(trees)) {
    const auto golden = SENTINEL_SOURCE_DIR "/tests/golden/" + entry.path().filename().string();
    EXPECT_TRUE(std::filesystem::exists(golden + ".prom") || std::filesystem::exists(golden + ".errors"))
        << entry.path() << " is compared with nothing";
  }
}

TEST(PrometheusSink, serves_its_path_as_text) {
  sentinel::store::Store store(std::size_t{1} << 20U);
  const rig::Plugin by_default(store, "prometheus", {}, "a");
  EXPECT_EQ(by_default.routes(),
            (std::map<std::string, std::string>{{"/metrics", "text/plain; version=0.0.4; charset=utf-8"}}));
  const rig::Plugin elsewhere(store, "prometheus", {{"path", "/host/metrics"}}, "b");
  EXPECT_TRUE(elsewhere.routes().contains("/host/metrics"));
}

}  // namespace
