// Plugins, sinks, rules and pipelines replaced in the running agent, as operators do it: what changed is taken up, what
// did not is not touched, and no record and no scrape is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <fstream>
#include <functional>
#include <ostream>
#include <set>
#include <sstream>
#include <thread>

#include "core/http/client.hpp"
#include "tests/support/swapping.hpp"
#include "tests/unit/delivery/support.hpp"

namespace sentinel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view rule = R"(
  high:
    filter: test_value
    window: {over: 10s, fn: last}
    alert: {when: "> 1", for: 3s, severity: info}
)";

/// usual() with a collector of test_value and a rule on it.
std::string with_rule(std::string_view change = {}) {
  std::string text = SwapAgent::usual();
  text.insert(text.find("pipelines:"), "  test: {plugin: test_collector, every: 100ms, config: {kinds: [one]}}\n");
  text.insert(text.find("sinks:"), rule.substr(1));
  if (!change.empty()) text.replace(text.find("\"> 1\""), 5, change);
  return text;
}

class Swap : public ::testing::Test {
 protected:
  void run(std::string_view body = SwapAgent::usual()) {
    swap_.run(body);
    ASSERT_TRUE(swap_.wait_for_numbers()) << log();
    before_ = swap_.lives();
  }

  /// It ends as well as one that swapped nothing.
  void TearDown() override { EXPECT_EQ(swap_.agent().stop().exit_code, dawdles_ ? 1 : 0); }

  std::string log() { return swap_.agent().log(); }
  std::string version(std::string_view instance = "swap") {
    const auto found = swap_.agent().instance(instance);
    return found.empty() ? std::string() : std::string(found.at("version").as_string());
  }

  /// Generations and times of start of all but these are those of run().
  void expect_untouched_but(const std::set<std::string>& changed) {
    auto others = before_;
    for (const auto& name : changed) others.erase(name);
    EXPECT_EQ(swap_.lives(changed), others) << log();
  }

  /// Each number once, from 1 on, and more of them to come.
  void expect_no_gap() {
    EXPECT_TRUE(swap_.wait_for_numbers()) << log();
    const auto numbers = swap_.received();
    for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], i + 1) << numbers.size() << "\n" << log();
  }

  void expect_committed(const boost::json::object& verdict) {
    EXPECT_EQ(text_of(verdict, "result"), "committed") << text_of(verdict, "reason") << "\n" << log();
  }
  void expect_refused(const boost::json::object& verdict, std::string_view stage, std::string_view reason) {
    EXPECT_EQ(text_of(verdict, "result"), "refused") << log();
    EXPECT_EQ(text_of(verdict, "stage"), stage) << log();
    EXPECT_THAT(text_of(verdict, "reason"), HasSubstr(reason));
    EXPECT_EQ(swap_.lives(), before_) << log();
  }

  SwapAgent swap_;
  SwapAgent::Lives before_;
  bool dawdles_ = false;  ///< longer in drain than stop_timeout
};

TEST_F(Swap, IsAskedForBySignalRequestAndCommand) {
  run();
  swap_.install("test_swap", "v2");
  swap_.agent().process().send(SIGHUP);
  ASSERT_TRUE(eventually([&] { return text_of(swap_.last_reload(), "result") == "committed"; })) << log();
  EXPECT_EQ(text_of(swap_.last_reload(), "by"), "SIGHUP");
  EXPECT_EQ(version(), "2.0.0");
  ASSERT_TRUE(swap_.wait_idle());

  swap_.install("test_swap", "v1");
  const auto verdict = swap_.reload_to_the_end();
  expect_committed(verdict);
  EXPECT_EQ(text_of(verdict, "by"), "POST /-/reload");
  EXPECT_EQ(version(), "1.0.0");

  swap_.install("test_swap", "v2");
  const auto ended = sentinel({"reload", "--wait", "--socket", swap_.agent().socket().string()});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("collector swap: swapped: content "), HasSubstr("\ncommitted\n")));
  EXPECT_EQ(version(), "2.0.0");
  const auto status = swap_.agent().status();
  EXPECT_EQ(status.at("reload").at("state").as_string(), "idle");

  swap_.install("test_swap", "throws_in_collect");
  const auto bad = sentinel({"reload", "--wait", "--socket", swap_.agent().socket().string()});
  EXPECT_EQ(bad.exit_code, 1) << bad.out;
  EXPECT_THAT(bad.out, HasSubstr("rolled_back at probation: 'swap': collect: "));
  expect_untouched_but({"swap"});
  expect_no_gap();
}

TEST_F(Swap, TakesUpWhatTheLastOfManySignalsFound) {
  run();
  constexpr int signals = 20;
  for (int i = 0; i < signals; ++i) {
    swap_.install("test_swap", i % 2 == 0 ? "v1" : "v2");
    swap_.agent().process().send(SIGHUP);
  }
  EXPECT_TRUE(eventually([&] { return version() == "2.0.0"; })) << log();
  EXPECT_TRUE(swap_.wait_idle());
  EXPECT_EQ(version(), "2.0.0") << log();
  expect_untouched_but({"swap"});
  expect_no_gap();
}

TEST_F(Swap, AnswersEveryoneWhoAsks) {
  run();
  swap_.install("test_swap", "v2");
  constexpr int asked = 8;
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < asked; ++i) {
    threads.emplace_back([&] {
      const auto response = swap_.agent().post("/-/reload", "{}");
      if (response && response->status == 200) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, asked) << log();
  EXPECT_EQ(version(), "2.0.0");
  expect_untouched_but({"swap"});
  expect_no_gap();
}

TEST_F(Swap, IsWhatThePlanSaid) {
  run(with_rule());
  swap_.install("test_swap", "v2");
  auto body = with_rule("\"> 2\"");
  body += "  more: {plugin: test_swap_sink, config: {file: /dev/null}}\n";
  body.replace(body.find("proc_mem, every: 200ms"), 22, "proc_mem, every: 300ms");
  swap_.edit(body);

  const auto planned = sentinel({"plan", "--socket", swap_.agent().socket().string()});
  EXPECT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_THAT(planned.out,
              AllOf(HasSubstr("collector swap: swapped: content "), HasSubstr(", version 1.0.0 -> 2.0.0\n"),
                    HasSubstr("collector steady: reconfigured: every: 200ms -> 300ms\n"),
                    HasSubstr("pipeline high: reconfigured: "), HasSubstr("sink more: added"), HasSubstr("\nkept: ")));
  EXPECT_EQ(swap_.lives(), before_) << "a plan changes nothing";

  const auto verdict = swap_.reload_to_the_end();
  expect_committed(verdict);
  EXPECT_EQ(lines_of(verdict), planned.out);
  std::istringstream lines(planned.out);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(swap_.agent().logs("reload: " + line)) << line << log();
  expect_untouched_but({"swap", "steady", "more"});
  expect_no_gap();
}

TEST_F(Swap, LeavesWhatHasTheSameBytes) {
  run();
  fs::last_write_time(swap_.file_of("test_swap"), fs::file_time_type::clock::now());
  EXPECT_EQ(text_of(swap_.reload(), "result"), "unchanged") << log();
  swap_.install("test_swap", "v1");  // as a rebuild that comes to the same
  EXPECT_EQ(text_of(swap_.reload(), "result"), "unchanged") << log();
  swap_.edit(SwapAgent::usual() + "# a remark\n");
  EXPECT_EQ(text_of(swap_.reload(), "result"), "unchanged") << log();
  EXPECT_EQ(swap_.lives(), before_);
  expect_no_gap();
}

TEST_F(Swap, ShowsTheNewMetricAndGoesOnWithTheOld) {
  run();
  const auto seen = swap_.agent().metric("test_swap_records_total").value_or(0);
  EXPECT_FALSE(swap_.agent().metric("test_swap_version"));
  swap_.install("test_swap", "v2");
  expect_committed(swap_.reload());
  // Its first collection is part of the change.
  const auto after = swap_.agent().metrics();
  ASSERT_TRUE(after.contains("test_swap_version")) << log();
  EXPECT_EQ(after.at("test_swap_version"), 2);
  EXPECT_GE(after.at("test_swap_records_total"), seen);
  expect_untouched_but({"swap"});
  expect_no_gap();
}

TEST_F(Swap, GivesOlderStateToANewerPluginAndNotTheOtherWayRound) {
  run();
  swap_.install("test_swap", "newer_state");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(version(), "3.0.0");
  expect_no_gap();
  before_ = swap_.lives();

  swap_.install("test_swap", "v1");
  expect_refused(swap_.reload(), "commit", "cannot read state of version 2");
  expect_no_gap();
}

TEST_F(Swap, IsWholeOrNotAtAll) {
  run();
  swap_.install("test_swap", "throws_in_restore");
  swap_.install("test_swap_sink", "v2");
  swap_.install_other_content("proc_mem", "other");
  swap_.edit(SwapAgent::usual() + "  more: {plugin: test_sink, config: {title: more}}\n");
  expect_refused(swap_.reload(), "commit", "it does wrong in restore");
  EXPECT_EQ(swap_.agent().get("/test").status, 404) << "the sink that was added goes, too";
  expect_no_gap();

  swap_.install("test_swap", "throws_in_collect");
  const auto verdict = swap_.reload_to_the_end();
  EXPECT_EQ(text_of(verdict, "result"), "rolled_back") << log();
  EXPECT_EQ(swap_.agent().get("/test").status, 404);
  EXPECT_EQ(version("numbers"), "1.0.0");
  expect_untouched_but({"swap", "steady", "numbers"});
  expect_no_gap();

  swap_.install("test_swap", "v2");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(swap_.agent().get("/test").status, 200);
  EXPECT_EQ(version("numbers"), "2.0.0");
  expect_untouched_but({"swap", "steady", "numbers", "more"});
  expect_no_gap();
}

TEST_F(Swap, CountsItsReloads) {
  run();
  swap_.install("test_swap", "fails_in_start");
  expect_refused(swap_.reload(), "commit", "it does wrong in start");
  EXPECT_TRUE(eventually([&] {
    const auto shown = swap_.agent().metrics();
    const auto refused = shown.find("sentinel_reloads_total{result=\"refused\",stage=\"commit\"}");
    return refused != shown.end() && refused->second == 1 && shown.at("sentinel_config_last_reload_successful") == 0;
  })) << log();
  swap_.install("test_swap", "v2");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_TRUE(eventually([&] {
    const auto shown = swap_.agent().metrics();
    const auto committed = shown.find("sentinel_reloads_total{result=\"committed\",stage=\"commit\"}");
    return committed != shown.end() && committed->second == 1 &&
           shown.at("sentinel_config_last_reload_successful") == 1 &&
           shown.contains("sentinel_reload_stage_duration_seconds_count{stage=\"probe\"}");
  })) << log();
  EXPECT_EQ(swap_.agent().metric("sentinel_swap_records_lost_total"), 0);
  EXPECT_EQ(swap_.agent().metric("sentinel_plugin_resident_libraries"), swap_.holdings().libraries);
}

/// Something done to the file of a plugin that runs.
struct Meddling {
  const char* name;
  std::function<void(const fs::path&)> act;
  const char* reason;  ///< of the refusal; null: it is swapped

  // NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for it by this name
  friend void PrintTo(const Meddling& meddling, std::ostream* out) { *out << meddling.name; }
};

std::string name_of(const ::testing::TestParamInfo<Meddling>& info) {
  return info.param.name;
}

class SwapOfAFile : public Swap, public ::testing::WithParamInterface<Meddling> {};

TEST_P(SwapOfAFile, IsNoticedAtTheSignalAndNotBefore) {
  run();
  GetParam().act(swap_.file_of("test_swap"));
  expect_no_gap();
  EXPECT_EQ(swap_.lives(), before_);
  EXPECT_THAT(swap_.last_reload(), IsEmpty());
  const auto verdict = swap_.reload_to_the_end();
  if (GetParam().reason == nullptr) {
    expect_committed(verdict);
    EXPECT_EQ(version(), "2.0.0");
    expect_untouched_but({"swap"});
  } else {
    expect_refused(verdict, "check", GetParam().reason);
  }
  expect_no_gap();
  swap_.install("test_swap", "newer_state");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(version(), "3.0.0");
  expect_no_gap();
}

void copy_over(const fs::path& file) {
  const auto content = read_text(swap_variant("test_swap", "v2"));
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

INSTANTIATE_TEST_SUITE_P(
    Of, SwapOfAFile,
    ::testing::Values(Meddling{"copied_over", &copy_over, nullptr},
                      Meddling{"emptied", [](const fs::path& file) { fs::resize_file(file, 0); }, "test_swap.so"},
                      Meddling{"cut_in_half",
                               [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) / 2); },
                               "test_swap.so"},
                      Meddling{"renamed_over",
                               [](const fs::path& file) {
                                 fs::copy_file(swap_variant("test_swap", "v2"), file.string() + ".new");
                                 fs::rename(file.string() + ".new", file);
                               },
                               nullptr},
                      Meddling{"linked",
                               [](const fs::path& file) {
                                 fs::remove(file);
                                 fs::create_symlink(swap_variant("test_swap", "v2"), file);
                               },
                               nullptr},
                      Meddling{"deleted", [](const fs::path& file) { fs::remove(file); }, "is not there"}),
    name_of);

TEST_F(Swap, OfASinkLosesNothingOfWhatWaitsForIt) {
  swap_.install("test_swap_sink", "slow");
  run();
  const auto waiting = [&] { return swap_.agent().count("numbers", "queued_batches"); };
  ASSERT_TRUE(eventually([&] { return waiting() >= 10; })) << log();
  swap_.install("test_swap_sink", "v2");
  swap_.install("test_swap", "v2");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(version("numbers"), "2.0.0");
  EXPECT_TRUE(eventually([&] { return waiting() == 0; })) << log();
  EXPECT_EQ(swap_.agent().count("numbers", "dropped_records"), 0);
  expect_untouched_but({"swap", "numbers"});
  expect_no_gap();
  // Back to the slow one, while all goes on.
  swap_.install("test_swap_sink", "slow");
  expect_committed(swap_.reload_to_the_end());
  expect_no_gap();
  swap_.install("test_swap_sink", "v1");
  expect_committed(swap_.reload_to_the_end());
}

TEST_F(Swap, OfASinkThatTakesNothingIsUndone) {
  run();
  swap_.install("test_swap_sink", "throws");
  const auto verdict = swap_.reload_to_the_end();
  EXPECT_EQ(text_of(verdict, "result"), "rolled_back") << log();
  EXPECT_THAT(text_of(verdict, "reason"), HasSubstr("'numbers': consume: threw: it takes nothing"));
  EXPECT_EQ(version("numbers"), "1.0.0");
  expect_untouched_but({"numbers"});
  expect_no_gap();
}

TEST_F(Swap, ThatIsUndoneBringsBackWhatItRemoved) {
  auto body = SwapAgent::usual();
  body.replace(body.find("host: {to: "), 11, "host: {from: [swap, steady], to: ");
  const auto line = body.find("  swap:");
  const std::string swap_line = body.substr(line, body.find("\n", line) - line + 1);
  body.replace(line, swap_line.size(),
               "  swap: {plugin: test_swap, every: 100ms, deadline: 500ms, labels: {which: first}}\n");
  const std::string labelled = body.substr(line, body.find("\n", line) - line + 1);
  body.insert(body.find("  steady"), "  second: {plugin: test_swap, every: 100ms, labels: {which: second}}\n");
  run(body);
  body.erase(body.find(labelled), labelled.size());
  body.replace(body.find("from: [swap, steady]"), 20, "from: [steady]");
  body += "  more: {plugin: test_sink, config: {title: more}}\n";
  swap_.edit(body);
  swap_.install("test_swap", "throws_in_collect");
  const auto verdict = swap_.reload_to_the_end();
  EXPECT_EQ(text_of(verdict, "result"), "rolled_back") << log();
  EXPECT_THAT(lines_of(verdict), AllOf(HasSubstr("collector swap: removed"), HasSubstr("sink more: added")));
  EXPECT_EQ(swap_.agent().state("swap"), "running");
  EXPECT_EQ(swap_.agent().state("more"), "");
  EXPECT_EQ(swap_.agent().get("/test").status, 404);
  expect_untouched_but({"swap", "second"});
  expect_no_gap();
  EXPECT_TRUE(swap_.agent().metric("test_swap_records_total{which=\"first\"}")) << log();
}

TEST_F(Swap, WhoseDrainReturnsTooLateResumesWhatRan) {
  swap_.install("test_swap", "dawdles_in_drain");
  dawdles_ = true;
  run();
  swap_.install("test_swap", "v1");
  expect_refused(swap_.reload(), "commit", "'drain' overran its deadline");
  EXPECT_TRUE(eventually([&] { return swap_.agent().state("swap") == "running"; })) << log();
  expect_no_gap();
}

TEST_F(Swap, OfThePrometheusSinkKeepsSeriesAndAnswersEveryScrape) {
  run();
  std::atomic<bool> done = false;
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  const std::string address = swap_.agent().address();
  std::thread scraper([&] {
    while (!done) {
      const auto response = http::get({{}, address}, "/metrics", {.timeout = patience});
      const bool whole =
          response && response->status == 200 && response->body.find("test_swap_records_total ") != std::string::npos;
      ++(whole ? good : bad);
    }
  });
  for (const char* tail : {"a", "b", "c"}) {
    swap_.install_other_content("prometheus", tail);
    swap_.install("test_swap", *tail == 'b' ? "v2" : "v1");
    const auto verdict = swap_.reload_to_the_end();
    EXPECT_EQ(text_of(verdict, "result"), "committed") << text_of(verdict, "reason");
  }
  swap_.install("test_swap", "throws_in_collect");
  EXPECT_EQ(text_of(swap_.reload_to_the_end(), "result"), "rolled_back");
  const int so_far = good;
  EXPECT_TRUE(eventually([&] { return good > so_far; }));
  done = true;
  scraper.join();
  EXPECT_EQ(bad, 0) << good << " good\n" << log();
  expect_untouched_but({"swap", "prometheus"});
  expect_no_gap();
}

TEST_F(Swap, OfASinkKeepsUndeliveredPosts) {
  std::atomic<bool> up = false;
  std::atomic<int> taken = 0;
  delivery::testing::Server receiver([&](const auto&) {
    if (up) ++taken;
    return delivery::testing::Reaction{.status = up ? 200 : 503};
  });
  auto body = with_rule();
  body.replace(body.find("for: 3s, "), 9, "");
  body.insert(body.find("    alert:"), "    alerts_to: [incident]\n");
  body += "  incident: {plugin: webhook_snapshot, config: {directory: '" + (swap_ / "snapshots").string() +
          "', min_free_ratio: 0, post_to: ['" + receiver.url() + "']}}\n";
  run(body);
  ASSERT_TRUE(eventually([&] { return receiver.count() > 0; })) << log();
  swap_.install_other_content("webhook_snapshot", "other");
  expect_committed(swap_.reload_to_the_end());
  expect_untouched_but({"incident"});
  up = true;
  EXPECT_TRUE(eventually([&] { return taken > 0; })) << log();
  EXPECT_TRUE(eventually([&] {
    for (const auto& [series, value] : swap_.agent().metrics()) {
      if (series.starts_with("sentinel_delivery_pending") && value != 0) return false;
    }
    return true;
  })) << log();
  EXPECT_EQ(taken, 1) << "told twice";
  expect_no_gap();
}

TEST_F(Swap, LeavesAPendingRuleToFireAtItsTime) {
  run(with_rule());
  ASSERT_TRUE(eventually([&] { return !swap_.agent().alerts("high").empty(); })) << log();
  const auto active_since = [&]() -> std::string {
    const auto all = swap_.agent().alerts("high");
    return all.empty() ? std::string() : std::string(all.front().at("activeAt").as_string());
  };
  const auto since = active_since();
  swap_.install("test_swap", "v2");
  expect_committed(swap_.reload());
  EXPECT_EQ(active_since(), since);
  // Of the collector that it looks at, too.
  swap_.install_other_content("test_collector", "other");
  expect_committed(swap_.reload());
  EXPECT_EQ(active_since(), since);
  EXPECT_TRUE(eventually([&] { return swap_.agent().fires("high"); })) << log();
  EXPECT_EQ(active_since(), since);

  // It goes on firing through a change of another rule, and ends with a change of its own.
  auto body = with_rule();
  body.insert(body.find("sinks:"),
              "  low: {filter: test_value, window: {over: 10s, fn: last}, alert: {when: \"> 1\"}}\n");
  swap_.edit(body);
  expect_committed(swap_.reload_to_the_end());
  EXPECT_TRUE(eventually([&] { return swap_.agent().fires("low"); })) << log();
  EXPECT_EQ(active_since(), since);
  swap_.edit(with_rule("\"> 2\""));
  const auto verdict = swap_.reload_to_the_end();
  expect_committed(verdict);
  EXPECT_THAT(lines_of(verdict), AllOf(HasSubstr("pipeline high: reconfigured: "), HasSubstr("pipeline low: removed")));
  EXPECT_TRUE(eventually([&] { return swap_.agent().alerts().empty(); })) << log();
  expect_untouched_but({"swap", "test"});
  expect_no_gap();
}

TEST_F(Swap, OfTheNameOfACollectorShowsEachSeriesOnce) {
  run();
  auto body = SwapAgent::usual();
  body.replace(body.find("  swap:"), 7, "  other:");
  swap_.edit(body);
  const auto verdict = swap_.reload_to_the_end();
  expect_committed(verdict);
  EXPECT_THAT(lines_of(verdict), AllOf(HasSubstr("collector other: added"), HasSubstr("collector swap: removed")));
  EXPECT_EQ(swap_.agent().state("other"), "running");
  EXPECT_EQ(swap_.agent().state("swap"), "");
  expect_untouched_but({"swap", "other"});
  const auto page = swap_.agent().get("/metrics").body;
  std::multiset<std::string> series;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("test_swap_")) series.insert(line.substr(0, line.rfind(' ')));
  }
  EXPECT_EQ(series.count("test_swap_records_total"), 1U) << page;
  EXPECT_EQ(series.count("test_swap_wide{index=\"0\"}"), 1U) << page;
}

TEST_F(Swap, OfAnIntervalKeepsTheState) {
  run();
  auto body = SwapAgent::usual();
  body.replace(body.find("every: 100ms"), 12, "every: 150ms");
  swap_.edit(body);
  const auto verdict = swap_.reload_to_the_end();
  expect_committed(verdict);
  EXPECT_THAT(lines_of(verdict), HasSubstr("collector swap: reconfigured: every: 100ms -> 150ms"));
  EXPECT_EQ(swap_.agent().instance("swap").at("every_seconds").as_double(), 0.15);
  expect_untouched_but({"swap"});
  expect_no_gap();
}

TEST_F(Swap, OfPathsThatSinksServe) {
  run();
  const std::string more = "  more: {plugin: test_swap_sink, config: {file: /dev/null, path: ";
  EXPECT_EQ(swap_.agent().get("/one").status, 404);
  swap_.edit(SwapAgent::usual() + more + "/one}}\n");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(swap_.agent().get("/one").body, "version 1.0.0\n");

  swap_.edit(SwapAgent::usual() + more + "/two}}\n");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(swap_.agent().get("/one").status, 404);
  EXPECT_EQ(swap_.agent().get("/two").body, "version 1.0.0\n");

  swap_.install("test_swap_sink", "v2");
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(swap_.agent().get("/two").body, "version 2.0.0\n");
  expect_untouched_but({"more", "numbers"});
  before_ = swap_.lives();

  for (const char* taken : {"/metrics", "/-/ready"}) {
    swap_.edit(SwapAgent::usual() + more + taken + "}}\n");
    expect_refused(swap_.reload(), "prepare", taken);
  }
  EXPECT_EQ(swap_.agent().get("/two").status, 200);

  swap_.edit(SwapAgent::usual());
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(swap_.agent().get("/two").status, 404);
  EXPECT_EQ(swap_.agent().state("more"), "");
  expect_no_gap();
}

TEST_F(Swap, OfAFileWithMistakesChangesNothing) {
  run();
  swap_.edit("collectors: {swap: {plugin: test_swap, every: soon}}\n");
  swap_.install("test_swap", "v2");
  expect_refused(swap_.reload(), "check", "every");
  const auto planned = sentinel({"plan", "--socket", swap_.agent().socket().string()});
  EXPECT_EQ(planned.exit_code, 2);
  EXPECT_THAT(planned.err, HasSubstr("sentinel.yaml:3:"));
  EXPECT_EQ(version(), "1.0.0");
  expect_no_gap();
}

std::string with_collector(const std::string& line) {
  std::string body = SwapAgent::usual();
  return body.insert(body.find("  steady:"), "  " + line + "\n");
}

TEST_F(Swap, IsNotKeptBackByWhatNeverRan) {
  const std::string never = "never: {plugin: test_misbehaves, every: 1s, config: {in: create, how: fail}}";
  run(with_collector(never));
  EXPECT_EQ(swap_.agent().state("never"), "failed");
  swap_.install("test_swap", "v2");
  const auto verdict = swap_.reload_to_the_end();
  expect_committed(verdict);
  EXPECT_EQ(version(), "2.0.0");
  EXPECT_THAT(boost::json::serialize(verdict.at("not_running")), HasSubstr("never"));
  EXPECT_EQ(swap_.agent().state("never"), "failed");
  EXPECT_EQ(text_of(swap_.reload(), "result"), "unchanged") << "it fails as before";
  swap_.edit(with_collector("never: {plugin: test_misbehaves, every: 1s}"));
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(swap_.agent().state("never"), "running") << "it was mended";
  expect_no_gap();
}

TEST_F(Swap, IsNotKeptBackByAnOptionalNewcomerThatCannotRunHere) {
  run();
  const std::string newcomer =
      "newcomer: {plugin: test_misbehaves, every: 1s, labels: {a: a}, config: {in: create, how: fail}";
  swap_.edit(with_collector(newcomer + ", optional: true}"));
  swap_.install("test_swap", "v2");
  const auto verdict = swap_.reload_to_the_end();
  expect_committed(verdict);
  EXPECT_EQ(version(), "2.0.0");
  EXPECT_THAT(boost::json::serialize(verdict.at("not_running")), HasSubstr("newcomer"));
  EXPECT_EQ(swap_.agent().state("newcomer"), "unavailable");
  swap_.edit(with_collector(newcomer + "}\n  another: {plugin: test_misbehaves, every: 1s, labels: {a: b}, "
                                       "config: {in: create, how: fail}}"));
  const auto refused = swap_.reload();
  EXPECT_EQ(text_of(refused, "stage"), "probe");
  EXPECT_THAT(text_of(refused, "reason"), HasSubstr("collector 'another': create"));
  EXPECT_EQ(swap_.agent().state("another"), "");
  expect_no_gap();
}

TEST_F(Swap, OfASchemaWantsTheConfigurationOfItsOwn) {
  run(SwapAgent::usual(", config: {width: 2}"));
  swap_.install("test_swap", "other_schema");
  const auto verdict = swap_.reload();
  expect_refused(verdict, "check", "config.breadth: is missing");
  EXPECT_THAT(boost::json::serialize(verdict.at("diagnostics")), HasSubstr("width")) << "it is a key no more";
  expect_no_gap();
  swap_.edit(SwapAgent::usual(", config: {breadth: 2}"));
  expect_committed(swap_.reload_to_the_end());
  EXPECT_EQ(version(), "5.0.0");
  expect_untouched_but({"swap"});
  expect_no_gap();
}

TEST_F(Swap, WhileOneIsOnProbationEndsThat) {
  run();
  const auto held = swap_.holdings();
  for (int i = 0; i < 6; ++i) {
    swap_.install("test_swap", i % 2 == 0 ? "v2" : "v1");
    expect_committed(swap_.reload());
  }
  EXPECT_TRUE(swap_.wait_idle());
  EXPECT_EQ(version(), "1.0.0");
  EXPECT_TRUE(eventually([&] { return swap_.holdings() == held; })) << ::testing::PrintToString(swap_.mapped());
  expect_untouched_but({"swap"});
  expect_no_gap();
}

}  // namespace
}  // namespace sentinel::testing
