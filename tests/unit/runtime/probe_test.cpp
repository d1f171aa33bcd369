#include "core/runtime/probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>
#include <string>

#include "core/plugin/child.hpp"
#include "core/plugin/image.hpp"
#include "core/runtime/plan.hpp"
#include "core/telemetry/snapshot.hpp"
#include "tests/support/process.hpp"

namespace sentinel::runtime {
namespace {

namespace fs = std::filesystem;

using sentinel::testing::patience;
using sentinel::testing::read_text;
using sentinel::testing::TempFolder;
using sentinel::testing::write_text;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

const fs::path program = SENTINEL_BINARY_DIR "/sentinel";

config::ResolvedValue text(std::string name, std::string value) {
  return {std::move(name), FieldType::string, std::move(value), 0, 0, {}, {}, false};
}

config::ResolvedValue whole(std::string name, FieldType type, std::int64_t value) {
  return {std::move(name), type, std::to_string(value), value, 0, {}, {}, false};
}

/// A plugin of tests/plugins as the pipeline file would configure it.
InstanceSpec spec_of(const std::string& plugin, config::Resolved config = {}) {
  InstanceSpec spec;
  spec.name = "tried";
  spec.plugin = plugin;
  spec.file = fs::path(SENTINEL_BINARY_DIR) / "tests" / "plugins" / (plugin + ".so");
  const auto image = plugin::read_image(spec.file);
  EXPECT_TRUE(image) << spec.file;
  if (image) spec.sha256 = plugin::sha256(image->bytes);
  spec.every = 1s;
  spec.series_limit = 100;
  spec.config = std::move(config);
  return spec;
}

InstanceSpec collector(bool refuse = false) {
  config::ResolvedValue value{"value", FieldType::number, "1.5", 0, 1.5, {}, {}, true};
  config::ResolvedValue kinds{"kinds", FieldType::string_list, "a,b", 0, 0, {"a", "b"}, {}, true};
  return spec_of("test_collector", {value, kinds, whole("refuse", FieldType::boolean, refuse ? 1 : 0)});
}

InstanceSpec sink(std::string path = "/test") {
  auto spec = spec_of("test_sink", {text("path", std::move(path)), text("title", "Title")});
  spec.kind = Kind::sink;
  return spec;
}

InstanceSpec misbehaving(const std::string& in, const std::string& how) {
  return spec_of("test_misbehaves", {text("in", in), text("how", how), whole("for", FieldType::duration, 0),
                                     whole("after", FieldType::integer, 0)});
}

Result<void> probed(const InstanceSpec& spec, std::chrono::milliseconds deadline = patience) {
  const AgentLabels labels(config::Labels{{"instance", "here"}});
  return probe(spec, labels, program, deadline);
}

std::string refusal(const InstanceSpec& spec) {
  const auto result = probed(spec);
  return result ? "(good)" : result.error().message;
}

TEST(Probe, TakesWhatDoesWell) {
  EXPECT_EQ(refusal(collector()), "(good)");
  EXPECT_EQ(refusal(sink()), "(good)");
  EXPECT_EQ(refusal(misbehaving("none", "fail")), "(good)");
  EXPECT_EQ(refusal(spec_of("test_c")), "(good)");
}

TEST(Probe, TakesWhatShips) {
  config::Config wanted;
  wanted.agent.plugin_path = {SENTINEL_BINARY_DIR "/plugins"};
  wanted.collectors.resize(1);
  wanted.collectors[0].name = wanted.collectors[0].plugin = "proc_cpu";
  wanted.sinks.resize(1);
  wanted.sinks[0].name = wanted.sinks[0].plugin = "prometheus";
  const auto planned = make_plan({}, wanted, program);
  ASSERT_TRUE(planned.ok());
  ASSERT_EQ(planned.plan.instances.size(), 3U);
  for (const auto& spec : planned.plan.instances) EXPECT_EQ(refusal(spec), "(good)") << spec.name;
}

TEST(Probe, ACollectorWithNothingToSayYetIsGood) {
  EXPECT_EQ(refusal(misbehaving("collect", "no_data")), "(good)");
  EXPECT_THAT(refusal(misbehaving("start", "no_data")), HasSubstr("start: nothing yet")) << "of collect alone";
}

TEST(Probe, ACollectorThatEmitsByItselfIsStartedAndStopped) {
  EXPECT_EQ(refusal(spec_of("test_own_threads")), "(good)");
}

TEST(Probe, TriesTheConfigurationItself) {
  const auto refused = probed(collector(true));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported) << "the plugin's own";
  EXPECT_EQ(refused.error().message, "create: refuse is set: unset it");
}

TEST(Probe, TriesConstantLabels) {
  auto spec = collector();
  spec.labels = {{"kind", "taken"}};
  EXPECT_THAT(refusal(spec), AllOf(StartsWith("create: "), HasSubstr("kind")));
}

TEST(Probe, LeavesBuiltInAndUnavailableOnesAlone) {
  InstanceSpec self;
  self.built_in = telemetry::self_plugin();
  const AgentLabels labels(config::Labels{});
  EXPECT_TRUE(probe(self, labels, "/nowhere/sentinel"));
  InstanceSpec unavailable;
  unavailable.unavailable = "no BPF here";
  EXPECT_TRUE(probe(unavailable, labels, "/nowhere/sentinel"));
}

/// A sink is not started: that may be heard outside, by whom it takes a port from.
TEST(Probe, ASinkIsOnlyCreatedAndDestroyed) {
  const auto bad_sink = [](const std::string& in, const std::string& how) {
    auto spec =
        spec_of("test_sink_misbehaves", {text("in", in), text("how", how), whole("for", FieldType::duration, 0)});
    spec.kind = Kind::sink;
    return refusal(spec);
  };
  EXPECT_EQ(bad_sink("start", "fail"), "(good)");
  EXPECT_EQ(bad_sink("stop", "fail"), "(good)");
  EXPECT_EQ(bad_sink("create", "fail"), "create: it fails in create, as configured");
  EXPECT_EQ(bad_sink("create", "throw"), "create: threw: thrown in create, as configured");
}

struct Misdeed {
  const char* in;
  const char* how;
  const char* reason;

  // NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for it by this name
  friend void PrintTo(const Misdeed& misdeed, std::ostream* out) { *out << misdeed.in << " " << misdeed.how; }
};

std::string name_of(const ::testing::TestParamInfo<Misdeed>& info) {
  return std::string(info.param.in) + "_" + info.param.how;
}

class ProbeRefuses : public ::testing::TestWithParam<Misdeed> {};

TEST_P(ProbeRefuses, WithStepAndReason) {
  EXPECT_THAT(refusal(misbehaving(GetParam().in, GetParam().how)), StartsWith(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    Misdeeds, ProbeRefuses,
    ::testing::Values(Misdeed{"create", "fail", "create: it fails in create, as configured"},
                      Misdeed{"create", "throw", "create: threw: thrown in create, as configured"},
                      Misdeed{"start", "fail", "start: it fails in start, as configured"},
                      Misdeed{"start", "throw", "start: threw: thrown in start, as configured"},
                      Misdeed{"collect", "fail", "collect: it fails in collect, as configured"},
                      Misdeed{"collect", "throw_int", "collect: "},
                      Misdeed{"stop", "fail", "stop: it fails in stop, as configured"},
                      Misdeed{"stop", "throw", "stop: threw: thrown in stop, as configured"},
                      Misdeed{"create", "abort", "it crashed with SIGABRT in create"},
                      Misdeed{"start", "abort", "it crashed with SIGABRT in start"},
                      Misdeed{"collect", "abort", "it crashed with SIGABRT in collect"},
                      Misdeed{"stop", "abort", "it crashed with SIGABRT in stop"},
                      Misdeed{"destroy", "abort", "it crashed with SIGABRT in destroy"},
                      Misdeed{"collect", "exit", "it ended its process with code 7 in collect"},
                      Misdeed{"create", "leak_thread", "destroy: leaves a thread behind: left_behind"},
                      Misdeed{"collect", "leak_thread", "destroy: leaves a thread behind: left_behind"},
                      Misdeed{"destroy", "leak_thread", "destroy: leaves a thread behind: left_behind"},
                      Misdeed{"create", "leak_fd", "unload: leaves 1 descriptor open: /dev/full (fd "},
                      Misdeed{"collect", "leak_fd", "unload: leaves 1 descriptor open: /dev/full (fd "},
                      Misdeed{"destroy", "leak_fd", "unload: leaves 1 descriptor open: /dev/full (fd "},
                      Misdeed{"collect", "stay_loaded", "unload: "}),
    name_of);

TEST(Probe, SaysWhyAPluginStaysLoaded) {
  EXPECT_THAT(refusal(misbehaving("collect", "stay_loaded")), HasSubstr("stays mapped after it was closed"));
}

TEST(Probe, RefusesADestroyThatThrows) {
  // All its functions but create let an exception out: start is the first.
  EXPECT_THAT(refusal(spec_of("test_escapes")), StartsWith("start: start let an exception out, against the ABI"));
  auto as_sink = spec_of("test_escapes");
  as_sink.kind = Kind::sink;
  EXPECT_THAT(refusal(as_sink), StartsWith("destroy: destroy let an exception out, against the ABI"));
}

std::string step_of(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}

class ProbeOfHanging : public ::testing::TestWithParam<const char*> {};

TEST_P(ProbeOfHanging, NamesTheStep) {
  const std::string expected = "ms in " + std::string(GetParam());
  // On a busy machine the child may not have come so far when the first deadline passes.
  for (const auto deadline : {1s, 8s, 50s}) {
    const auto result = probed(misbehaving(GetParam(), "hang"), deadline);
    ASSERT_FALSE(result);
    ASSERT_EQ(result.error().code, Errc::timeout) << result.error().message;
    ASSERT_THAT(result.error().message, StartsWith("it did not return within " + std::to_string(deadline / 1ms)));
    if (result.error().message.find(expected) != std::string::npos) return;
  }
  FAIL() << "the step was never named";
}

INSTANTIATE_TEST_SUITE_P(Steps, ProbeOfHanging, ::testing::Values("create", "start", "collect", "stop", "destroy"),
                         step_of);

TEST(Probe, SurvivesAStaticConstructor) {
  EXPECT_THAT(refusal(spec_of("test_constructor_throws")),
              AllOf(StartsWith("it crashed with SIGABRT while being loaded: "), HasSubstr("no start today")));
  EXPECT_THAT(refusal(spec_of("test_constructor_exits")), StartsWith("it ended its process with code 7 while being"));
}

TEST(Probe, RefusesWhatTheLoaderRefuses) {
  EXPECT_THAT(refusal(spec_of("test_magic")), AllOf(StartsWith("load: "), HasSubstr("magic 1")));
  auto missing = collector();
  missing.file = "/nowhere/test_collector.so";
  EXPECT_THAT(refusal(missing), AllOf(StartsWith("load: "), HasSubstr("/nowhere/test_collector.so")));
}

TEST(Probe, RefusesOtherContentThanWasLookedAt) {
  auto spec = collector();
  spec.sha256.back() = spec.sha256.back() == '0' ? '1' : '0';
  EXPECT_THAT(refusal(spec),
              AllOf(StartsWith("load: "), HasSubstr("test_collector.so changed while it was being tried; "
                                                    "try again")));
}

TEST(Probe, SaysWhatProgramItCannotRun) {
  const AgentLabels labels(config::Labels{});
  EXPECT_THAT(probe(collector(), labels, "/nowhere/sentinel").error().message, HasSubstr("/nowhere/sentinel"));
  EXPECT_EQ(probe(collector(), labels, "/bin/true").error().message,
            "it ended its process with code 0 before it was loaded");
}

TEST(Probe, ShowsASecretToTheChildAlone) {
  const TempFolder folder;
  const auto script = folder / "program";
  write_text(script, "#!/bin/sh\ncd '" + folder.path().string() +
                         "'\ntr '\\0' ' ' < /proc/$$/cmdline > arguments\nenv > environment\ncat > input\n");
  fs::permissions(script, fs::perms::owner_all);
  const AgentLabels labels(config::Labels{});
  EXPECT_FALSE(probe(sink("/hunter2"), labels, script, patience)) << "a script answers nothing";
  EXPECT_THAT(read_text(folder / "input"), HasSubstr("/hunter2"));
  EXPECT_THAT(read_text(folder / "arguments"), AllOf(HasSubstr("plugin probe"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(read_text(folder / "environment"), AllOf(HasSubstr("PWD="), Not(HasSubstr("hunter2"))));
}

TEST(Probe, AChildWithoutATaskSaysSo) {
  const auto child = plugin::run_child(program, {"sentinel", "plugin", "probe"}, patience, "nonsense");
  ASSERT_TRUE(child);
  EXPECT_THAT(child->output, HasSubstr("was given no task"));
}

}  // namespace
}  // namespace sentinel::runtime
