#include "core/config/diff.hpp"

#include "tests/unit/config/support.hpp"

namespace sentinel::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> tell(const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (const auto& change : changes) {
    out.push_back(change.name + " " + std::string(to_string(change.kind)) +
                  (change.reason.empty() ? "" : " (" + change.reason + ")"));
  }
  return out;
}

Config load_text(const std::string& text) {
  const Folder folder;
  folder.write("a.yaml", text);
  auto loaded = load(folder / "a.yaml", {});
  EXPECT_TRUE(loaded.ok()) << testing::PrintToString(folder.tell(loaded.diagnostics));
  // The folder's name is another each time.
  loaded.config.agent.plugin_path = {"plugins"};
  loaded.config.agent.state_dir = "state";
  loaded.config.agent.env_file = ".env";
  return loaded.config;
}

const std::string base = R"(version: 1
collectors:
  cpu: {plugin: proc_cpu, every: 5s, config: {procfs: /proc, per_cpu: true}}
  memory: {plugin: proc_mem}
sinks:
  prometheus: {plugin: prometheus}
pipelines:
  host: {to: [prometheus]}
)";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Diff, OfTheSameIsEmpty) {
  const auto config = load_text(base);
  const auto same = diff(config, config);
  EXPECT_TRUE(same.empty());
  EXPECT_THAT(tell(same.collectors), ElementsAre("cpu kept", "memory kept"));
  EXPECT_THAT(tell(same.sinks), ElementsAre("prometheus kept"));
  EXPECT_THAT(tell(same.pipelines), ElementsAre("host kept"));
  EXPECT_TRUE(diff({}, {}).empty());
}

TEST(Diff, DoesNotSeeLinesAndOrder) {
  const auto moved = load_text(R"(
# a comment
version: 1
sinks:
  prometheus:
    plugin: prometheus
collectors:
  cpu:
    every: 5000ms
    plugin: proc_cpu
    config:
      procfs: /proc
      per_cpu: true
  memory: {plugin: proc_mem}
pipelines: {host: {to: [prometheus]}}
)");
  EXPECT_TRUE(diff(load_text(base), moved).empty());
}

TEST(Diff, FromNothingAddsAll) {
  const auto start = diff({}, load_text(base));
  EXPECT_FALSE(start.empty());
  EXPECT_THAT(start.agent, IsEmpty());
  EXPECT_THAT(tell(start.collectors), ElementsAre("cpu added (new in the file)", "memory added (new in the file)"));
  EXPECT_THAT(tell(start.sinks), ElementsAre("prometheus added (new in the file)"));
  EXPECT_THAT(tell(start.pipelines), ElementsAre("host added (new in the file)"));
}

TEST(Diff, ToNothingRemovesAll) {
  const auto end = diff(load_text(base), {});
  EXPECT_THAT(tell(end.collectors),
              ElementsAre("cpu removed (no longer in the file)", "memory removed (no longer in the file)"));
}

TEST(Diff, NamesTheKeysThatChanged) {
  const auto old = load_text(base);
  const auto every = diff(old, load_text(replaced(base, "every: 5s", "every: 10s")));
  EXPECT_THAT(tell(every.collectors),
              ElementsAre("cpu changed (every: 5s -> 10s, deadline: 5s -> 10s)", "memory kept"));
  EXPECT_TRUE(every.collectors[0].has_key("every"));
  EXPECT_FALSE(every.collectors[0].has_key("plugin"));

  const auto config = diff(old, load_text(replaced(base, "per_cpu: true", "secret: hunter2")));
  EXPECT_THAT(tell(config.collectors), ElementsAre("cpu changed (config.secret, config.per_cpu)", "memory kept"));

  const auto swapped =
      diff(old, load_text(replaced(base, "proc_mem}", "proc_mem2, optional: true, labels: {a: b}, series_limit: 5}")));
  EXPECT_THAT(tell(swapped.collectors),
              ElementsAre("cpu kept",
                          "memory changed (plugin: proc_mem -> proc_mem2, optional: false -> true, "
                          "labels: {} -> {a: b}, series_limit: none -> 5)"));

  const auto sink =
      diff(old, load_text(replaced(base, "{plugin: prometheus}", "{plugin: prometheus, queue: 5, optional: true}")));
  EXPECT_THAT(tell(sink.sinks), ElementsAre("prometheus changed (optional: false -> true, queue: 64 -> 5)"));
  EXPECT_TRUE(sink.pipelines[0].kind == ChangeKind::kept);
}

TEST(Diff, ANewCollectorJoinsThePipelinesThatTakeAll) {
  const auto next = load_text(replaced(base, "  memory:", "  tcp: {plugin: proc_tcp}\n  memory:"));
  const auto change = diff(load_text(base), next);
  EXPECT_THAT(tell(change.collectors), ElementsAre("cpu kept", "tcp added (new in the file)", "memory kept"));
  EXPECT_THAT(tell(change.pipelines),
              ElementsAre("host changed (from: [cpu, memory, self] -> [cpu, tcp, memory, self])"));
}

TEST(Diff, ListsEachChangedKeyOfTheAgent) {
  const auto next =
      load_text(base +
                "agent: {listen: none, stop_timeout: 6s, workers: 3, series_limit: 9, labels: {a: b}, web_config: /w,"
                " history: {memory: 1MiB}, log: {level: error, format: json}}\n");
  EXPECT_THAT(
      tell(diff(load_text(base), next).agent),
      ElementsAre("listen changed (listen: 127.0.0.1:8000 -> none)", "web_config changed (web_config: none -> /w)",
                  "labels changed (labels: {} -> {a: b})", "stop_timeout changed (stop_timeout: 5s -> 6s)",
                  "workers changed (workers: 2 -> 3)", "series_limit changed (series_limit: 10000 -> 9)",
                  "history.memory changed (history.memory: 2MiB -> 1MiB)",
                  "log.level changed (log.level: info -> error)", "log.format changed (log.format: text -> json)"));
  EXPECT_FALSE(diff(load_text(base), next).empty());
}

// A member that diff() does not compare would make a reload miss an edit; each struct compares by all of its members.
TEST(Diff, MissesNothingThatComparisonSees) {
  const auto old = load_text(base);
  const std::pair<std::string_view, std::string_view> edits[] = {
      {"plugin: proc_cpu", "plugin: proc_cpu2"},
      {"every: 5s", "every: 6s"},
      {"every: 5s", "every: 5s, deadline: 1s"},
      {"every: 5s", "every: 5s, optional: true"},
      {"every: 5s", "every: 5s, labels: {a: b}"},
      {"every: 5s", "every: 5s, series_limit: 3"},
      {"procfs: /proc", "procfs: /p"},
      {"procfs: /proc, ", ""},
      {"procfs: /proc", "procfs: [/proc]"},
      {"config: {procfs: /proc, per_cpu: true}", "config: {}"},
  };
  for (const auto& [from, to] : edits) {
    const auto next = load_text(replaced(base, from, to));
    EXPECT_NE(old.collectors[0], next.collectors[0]) << to;
    EXPECT_FALSE(diff(old, next).empty()) << to;
  }
}

}  // namespace
}  // namespace sentinel::config
