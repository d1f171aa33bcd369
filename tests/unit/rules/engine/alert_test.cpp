#include <algorithm>
#include <limits>

#include "tests/unit/rules/engine/rig.hpp"

namespace sentinel::rules {
namespace {

using Strings = std::vector<std::string>;

/// A gauge that is sampled each 5 s, and a rule over its last value.
struct GaugeRig : Rig {
  explicit GaugeRig(RuleText rule) : Rig({rule}), metric(host.gauge("m", {"disk"})) {}

  /// A sample at `t` seconds, whose windows are closed then.
  void step(std::uint64_t t, double value) {
    sample(metric, {"sda"}, value, t * second, 5 * second);
    advance(t * second + 200 * ms);
  }
  void steps(std::uint64_t from, std::uint64_t to, double value) {
    for (std::uint64_t t = from; t <= to; t += 5) step(t, value);
  }
  std::uint32_t metric;
};

RuleText over_ten() {
  return {.name = "high", .windows = {{.filter = "m", .over = 5 * second, .fn = Function::last}}, .when = "> 10"};
}

TEST(Alerts, ForCountsFromTheFirstEndAtWhichItHeld) {
  auto text = over_ten();
  text.hold = 10 * second;
  GaugeRig rig(text);
  rig.step(5, 11);
  ASSERT_EQ(rig.engine.alerts().size(), 1u);
  EXPECT_EQ(rig.engine.alerts()[0].state, AlertState::pending);
  EXPECT_EQ(rig.engine.alerts()[0].active_since_ns, boot_unix + 5'000'000'000);
  rig.step(10, 12);
  EXPECT_TRUE(rig.out.transitions.empty());
  rig.step(15, 13);
  ASSERT_EQ(rig.out.story(), Strings{"15s firing"});
  const Alert& fired = rig.out.transitions[0];
  EXPECT_EQ(fired.active_since_ns, boot_unix + 5'000'000'000);
  EXPECT_EQ(fired.fired_at_ns, boot_unix + 15'000'000'000);
  EXPECT_EQ(fired.time_ns, 15 * second);
  EXPECT_EQ(fired.value, 13);
  EXPECT_EQ(fired.resolved_at_ns, 0);
}

TEST(Alerts, APendingOneThatStopsBeginsAgain) {
  auto text = over_ten();
  text.hold = 10 * second;
  GaugeRig rig(text);
  rig.steps(5, 10, 11);
  rig.step(15, 1);
  EXPECT_TRUE(rig.engine.alerts().empty());
  rig.steps(20, 30, 11);
  EXPECT_EQ(rig.out.story(), Strings{"30s firing"});
}

TEST(Alerts, KeepFiringGrantsTimeAfterItHeldLast) {
  auto text = over_ten();
  text.keep_firing = 15 * second;
  GaugeRig rig(text);
  rig.step(5, 11);
  rig.steps(10, 15, 1);
  rig.step(20, 11);  // held again, so that it begins anew
  rig.steps(25, 30, 1);
  EXPECT_EQ(rig.out.story(), Strings{"5s firing"});
  rig.step(35, 1);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "35s resolved"}));
}

TEST(Alerts, ACooldownHoldsBackTheNotificationAndNeverTheState) {
  auto text = over_ten();
  text.cooldown = 60 * second;
  GaugeRig rig(text);
  rig.step(5, 11);
  rig.step(10, 1);
  rig.step(15, 11);
  EXPECT_EQ(rig.engine.alerts().size(), 1u);
  EXPECT_TRUE(rig.engine.alerts()[0].silent);
  rig.step(20, 1);
  rig.step(65, 11);  // the first was told 60 s ago
  EXPECT_EQ(rig.out.story(),
            (Strings{"5s firing", "10s resolved", "15s firing (silent)", "20s resolved (silent)", "65s firing"}));
}

TEST(Alerts, OneThatStillFiresWhenItsCooldownEndsIsToldThen) {
  auto text = over_ten();
  text.cooldown = 20 * second;
  GaugeRig rig(text);
  rig.step(5, 11);
  rig.step(10, 1);
  rig.steps(15, 40, 11);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "10s resolved", "15s firing (silent)", "15s firing"}));
  rig.step(45, 1);
  EXPECT_EQ(rig.out.story().back(), "45s resolved") << "it was told, so its end is";
}

TEST(Alerts, ACriticalOneKnowsNoCooldown) {
  auto text = over_ten();
  text.cooldown = 60 * second;
  text.severity = Severity::critical;
  GaugeRig rig(text);
  rig.step(5, 11);
  rig.step(10, 1);
  rig.step(15, 11);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "10s resolved", "15s firing"}));
}

TEST(Alerts, ACooldownIsOfOneOffender) {
  Rig rig({{.name = "storm",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"pid"}}},
            .when = "> 0",
            .cooldown = 60 * second}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, 500 * ms, {.pid = 1});
  rig.event(hit, {}, 2'500 * ms, {.pid = 2});
  rig.advance(10 * second);
  EXPECT_EQ(rig.out.story(), (Strings{"1s firing", "2s resolved", "3s firing", "4s resolved"}));
}

TEST(Alerts, WithoutAValueForTwoIntervalsItEndsAsNoData) {
  auto text = over_ten();
  GaugeRig rig(text);
  rig.step(5, 11);
  rig.advance(10'200 * ms);  // the collector fails from here on
  EXPECT_EQ(rig.engine.alerts().size(), 1u);
  rig.advance(15'200 * ms);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "15s no_data"}));
  EXPECT_EQ(rig.out.transitions[1].value, 11);
}

TEST(Alerts, ASeriesThatEndedEndsItsAlertToo) {
  GaugeRig rig(over_ten());
  rig.step(5, 11);
  const auto other = rig.host.gauge("other");
  for (std::uint64_t t = 10; t <= 15; t += 5) {  // good collections, without it
    rig.sample(other, {}, 1, t * second, 5 * second);
    rig.advance(t * second + 200 * ms);
  }
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "15s no_data"}));
  EXPECT_EQ(rig.engine.stats().at(0).groups, 0u);
}

TEST(Alerts, AFailingCollectorLeavesARateAtZeroAndAnEndedSeriesDoesNot) {
  const RuleText quiet = {
      .name = "quiet", .windows = {{.filter = "c_total", .over = 10 * second, .fn = Function::rate}}, .when = "< 1"};
  for (const bool ended : {false, true}) {
    Rig rig({quiet});
    const auto counter = rig.host.counter("c_total", {"n"});
    const auto other = rig.host.gauge("other");
    for (std::uint64_t t = 5; t <= 15; t += 5) {
      rig.sample(counter, {"0"}, static_cast<double>(t * 10), t * second, 5 * second);
    }
    for (std::uint64_t t = 20; t <= 60; t += 5) {
      if (ended) rig.sample(other, {}, 1, t * second, 5 * second);
      rig.advance(t * second + 200 * ms);
    }
    if (ended) {
      EXPECT_EQ(rig.out.story(), (Strings{"25s firing", "35s no_data"}));
    } else {
      EXPECT_EQ(rig.out.story(), Strings{"25s firing"});
    }
  }
}

TEST(Alerts, AbsenceOfEventsCanBeAnAlert) {
  Rig rig({{.name = "silent",
            .windows = {{.filter = "beat", .over = 5 * second, .fn = Function::count}},
            .when = "== 0",
            .hold = 10 * second}});
  const auto beat = rig.host.event("beat");
  EXPECT_TRUE(rig.engine.stats().at(0).idle);
  rig.event(beat, {}, second);
  rig.advance(20 * second + 200 * ms);
  EXPECT_EQ(rig.out.story(), Strings{"20s firing"});
  rig.event(beat, {}, 22 * second);
  rig.advance(25 * second + 200 * ms);
  EXPECT_EQ(rig.out.story(), (Strings{"20s firing", "25s resolved"}));
}

TEST(Alerts, ABurstOfEventsFiresFiveMinutesUnlessToldOtherwise) {
  Rig rig({{.name = "burst",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count}},
            .when = "> 1",
            .keep_firing = std::nullopt}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, 100 * ms);
  rig.event(hit, {}, 200 * ms);
  rig.advance(300 * second + 200 * ms);
  EXPECT_EQ(rig.out.story(), Strings{"1s firing"});
  rig.advance(301 * second + 200 * ms);
  EXPECT_EQ(rig.out.story().size(), 2u);
  EXPECT_EQ(rig.out.story().back().substr(0, 5), "301s ");
}

TEST(Alerts, AGroupOfEventsThatIsGoneDoesNotOffendForEver) {
  Rig rig({{.name = "few",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"pid"}}},
            .when = "< 5"}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, 500 * ms, {.pid = 1});
  rig.advance(20 * second);
  EXPECT_EQ(rig.out.story(), (Strings{"1s firing", "4s no_data"}));
  EXPECT_EQ(rig.engine.stats().at(0).groups, 0u);
  EXPECT_EQ(rig.engine.next_ns(), std::numeric_limits<std::uint64_t>::max());
}

TEST(Alerts, TheContextIsOfTheLastEventInTheWindowThatTripped) {
  Rig rig({{.name = "storm",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"pid"}}},
            .when = "> 1"}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, 500 * ms, {.pid = 7, .comm = "first", .stack = {1}});
  rig.event(hit, {}, 900 * ms, {.pid = 7, .comm = "second", .start_time_ns = 0, .container = "abc", .stack = {2, 3}});
  rig.event(hit, {}, 1'100 * ms, {.pid = 7, .comm = "third"});  // in the next window already
  rig.advance(1'200 * ms);
  ASSERT_EQ(rig.out.transitions.size(), 1u);
  const Alert& alert = rig.out.transitions[0];
  ASSERT_NE(alert.context, nullptr);
  EXPECT_EQ(alert.context->pid, 7u);
  EXPECT_EQ(alert.context->comm, "second");
  EXPECT_EQ(alert.context->container_id, "abc");
  EXPECT_EQ(alert.context->stack, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(alert.time_ns, 900 * ms);
}

TEST(Alerts, TextsOfTheContextThatAreTooLongAreCutBetweenCharacters) {
  Rig rig({{.name = "any", .windows = {{.filter = "hit", .over = second, .fn = Function::count}}, .when = "> 0"}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, 500 * ms, {.pid = 7, .comm = std::string(47, 'a') + "\u00e9\u00e9"});
  rig.advance(1'200 * ms);
  ASSERT_EQ(rig.out.transitions.size(), 1u);
  EXPECT_EQ(rig.out.transitions[0].context->comm, std::string(47, 'a'));
}

TEST(Alerts, TellsWhatWasLostInItsWindow) {
  Rig rig({{.name = "any", .windows = {{.filter = "hit", .over = second, .fn = Function::count}}, .when = "> 0"}});
  const auto hit = rig.host.event("hit");
  rig.engine.lost("events", 1, 1 * second);  // before (1, 2]
  rig.engine.lost("events", 10, 1 * second + 1);
  rig.engine.lost("events", 100, 2 * second);
  rig.engine.lost("events", 1'000, 2 * second + 1);
  rig.engine.lost("another", 10'000, 1'500 * ms);
  rig.event(hit, {}, 1'500 * ms);
  rig.advance(2'200 * ms);
  ASSERT_EQ(rig.out.transitions.size(), 1u);
  EXPECT_EQ(rig.out.transitions[0].lost, 110u);
}

TEST(Alerts, LabelsOfTheGroupWinOverTheRulesAndThoseOverTheAgents) {
  auto text = over_ten();
  text.labels = {{"disk", "rule"}, {"team", "rule"}, {"severity", "rule"}};
  text.annotations = {{"summary", "{{ labels.disk }} of {{ labels.instance }} at {{ value }}"}};
  Rig rig({text}, {{"disk", "agent"}, {"team", "agent"}, {"instance", "host"}, {"alertname", "agent"}});
  rig.sample(rig.host.gauge("m", {"disk"}), {"sda"}, 12.5, 5 * second, 5 * second);
  rig.advance(5'200 * ms);
  ASSERT_EQ(rig.out.transitions.size(), 1u);
  const Labels expected = {
      {"alertname", "high"}, {"disk", "sda"}, {"instance", "host"}, {"severity", "warning"}, {"team", "rule"}};
  EXPECT_EQ(rig.out.transitions[0].labels, expected);
  EXPECT_EQ(rig.out.transitions[0].annotations.at("summary"), "sda of host at 12.5");
}

TEST(Alerts, FingerprintsAreThoseOfPrometheus) {
  // prometheus/common model.LabelSet{}.Fingerprint(), and FNV-1a of "a\xffb\xff".
  EXPECT_EQ(fingerprint({}), 0xcbf29ce484222325ULL);
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const unsigned char byte : {0x61, 0xff, 0x62, 0xff}) hash = (hash ^ byte) * 0x100000001b3ULL;
  EXPECT_EQ(fingerprint({{"a", "b"}}), hash);
  EXPECT_NE(fingerprint({{"a", "bc"}}), fingerprint({{"ab", "c"}}));
}

TEST(Alerts, NamedWindowsMeetByEqualLabelsAndOneWithoutLabelsMeetsAll) {
  Rig rig({{.name = "share",
            .windows = {{.filter = "again_total", .over = 10 * second, .fn = Function::rate, .name = "again"},
                        {.filter = "sent_total", .over = 10 * second, .fn = Function::rate, .name = "sent"},
                        {.filter = "limit", .over = 10 * second, .fn = Function::last, .name = "limit"}},
            .when = "again / sent > limit"}});
  const auto again = rig.host.counter("again_total", {"dev"});
  const auto sent = rig.host.counter("sent_total", {"dev"});
  const auto limit = rig.host.gauge("limit");
  for (std::uint64_t t = 5; t <= 15; t += 5) {
    const auto n = static_cast<double>(t);
    rig.host.begin("tcp", t * second);
    rig.host.sample(again, {"a"}, n);
    rig.host.sample(again, {"b"}, n);
    rig.host.sample(again, {"alone"}, n);
    rig.host.sample(sent, {"a"}, 2 * n);
    rig.host.sample(sent, {"b"}, 20 * n);
    rig.host.sample(limit, {}, 0.25);
    rig.consume(t * second, 5 * second);
    rig.advance(t * second + 200 * ms);
  }
  ASSERT_EQ(rig.out.transitions.size(), 1u);
  EXPECT_EQ(rig.out.transitions[0].labels.at("dev"), "a");
  EXPECT_EQ(rig.out.transitions[0].value, 0.5);
  EXPECT_EQ(rig.out.transitions[0].threshold, 0.25);
}

TEST(Alerts, ARuleWaitsUntilAllItsWindowsWereFed) {
  Rig rig({{.name = "share",
            .windows = {{.filter = "bad", .over = second, .fn = Function::count, .name = "bad"},
                        {.filter = "all", .over = second, .fn = Function::count, .name = "all"}},
            .when = "bad / all > 0.5"}});
  const auto bad = rig.host.event("bad");
  const auto all = rig.host.event("all");
  rig.event(bad, {}, 500 * ms);
  rig.advance(5 * second);
  EXPECT_TRUE(rig.out.transitions.empty()) << "1 / 0 is infinite";
  rig.event(all, {}, 5'500 * ms);
  rig.event(bad, {}, 5'600 * ms);
  rig.advance(6'200 * ms);
  EXPECT_EQ(rig.out.story(), Strings{"6s firing"});
}

TEST(Alerts, WindowsOfDifferentStepsAreJudgedWhereTheyMeet) {
  Rig rig({{.name = "both",
            .windows = {{.filter = "a", .over = 4 * second, .fn = Function::sum, .name = "a"},
                        {.filter = "b", .over = 6 * second, .fn = Function::sum, .name = "b"}},
            .when = "a + b > 0"}});
  const auto a = rig.host.gauge("a");
  const auto b = rig.host.gauge("b");
  for (std::uint64_t t = 2; t <= 12; ++t) {
    if (t % 4 == 0) {
      rig.host.begin("of_a", t * second);
      rig.host.sample(a, {}, 1);
      rig.consume(t * second, 4 * second);
    }
    if (t % 6 == 0) {
      rig.host.begin("of_b", t * second);
      rig.host.sample(b, {}, 2);
      rig.consume(t * second, 6 * second);
    }
    rig.advance(t * second + 200 * ms);
  }
  EXPECT_EQ(rig.out.story(), Strings{"12s firing"});
  EXPECT_EQ(rig.out.transitions[0].value, 3);
}

TEST(Alerts, AClockThatIsSetBackChangesNoDurationAndNoPast) {
  auto text = over_ten();
  text.hold = 10 * second;
  GaugeRig rig(text);
  rig.step(5, 11);
  const auto set_back = [](std::uint64_t boot) { return Moment{boot, at(boot).unix_ns - 3'600'000'000'000}; };
  for (std::uint64_t t = 10; t <= 20; t += 5) {
    rig.sample(rig.metric, {"sda"}, t < 20 ? 11 : 1, t * second, 5 * second);
    rig.engine.advance(set_back(t * second + 200 * ms), rig.out);
  }
  ASSERT_EQ(rig.out.transitions.size(), 2u);
  EXPECT_EQ(rig.out.transitions[0].time_ns, 15 * second) << "10 s after it began to hold, by the clock that counts";
  EXPECT_EQ(rig.out.transitions[0].active_since_ns, boot_unix + 5'000'000'000);
  EXPECT_EQ(rig.out.transitions[1].fired_at_ns, rig.out.transitions[0].fired_at_ns);
  EXPECT_EQ(rig.out.transitions[1].resolved_at_ns, boot_unix + 20'000'000'000 - 3'600'000'000'000);
}

TEST(Alerts, TheEnginesClockNeverRunsBackwards) {
  GaugeRig rig(over_ten());
  rig.step(5, 11);
  rig.step(10, 1);
  const auto next = rig.engine.next_ns();
  rig.advance(1 * second);
  EXPECT_EQ(rig.engine.next_ns(), next);
  EXPECT_EQ(rig.out.transitions.size(), 2u);
}

TEST(Alerts, ThresholdsAndTextsChangeUnderAFiringAlert) {
  auto text = over_ten();
  GaugeRig rig(text);
  rig.steps(5, 10, 50);
  text.when = "> 20";
  text.hold = 5 * second;
  text.annotations = {{"summary", "new"}};
  rig.set({text}, 11 * second);
  EXPECT_EQ(rig.out.story(), Strings{"5s firing"});
  ASSERT_EQ(rig.engine.alerts().size(), 1u);
  EXPECT_EQ(rig.engine.alerts()[0].annotations.at("summary"), "new");
  rig.step(15, 50);
  EXPECT_EQ(rig.engine.alerts().at(0).threshold, 20);
  text.when = "> 60";
  rig.set({text}, 16 * second);
  rig.step(20, 50);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "20s resolved"}));
}

TEST(Alerts, WindowsGoOnWhenAThresholdChanges) {
  RuleText text = {
      .name = "sum", .windows = {{.filter = "m", .over = 60 * second, .fn = Function::sum}}, .when = "> 100"};
  GaugeRig rig(text);
  rig.steps(5, 20, 1);
  text.when = "> 4";
  rig.set({text}, 21 * second);
  rig.step(25, 1);
  EXPECT_EQ(rig.out.story(), Strings{"25s firing"});
  EXPECT_EQ(rig.out.transitions[0].value, 5);
}

TEST(Alerts, AnotherIdentityResolvesThem) {
  auto text = over_ten();
  GaugeRig rig(text);
  rig.step(5, 11);
  text.windows[0].over = 10 * second;
  rig.set({text}, 7 * second);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "7s rule_changed"}));
  EXPECT_TRUE(rig.engine.alerts().empty());
  rig.step(10, 11);
  EXPECT_EQ(rig.out.story().back(), "10s firing");
}

TEST(Alerts, AnotherSeverityIsAnotherAlert) {
  auto text = over_ten();
  GaugeRig rig(text);
  rig.step(5, 11);
  text.severity = Severity::critical;
  rig.set({text}, 7 * second);
  rig.step(10, 11);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "7s rule_changed", "10s firing"}));
  EXPECT_EQ(rig.out.transitions[1].labels.at("severity"), "warning");
  EXPECT_EQ(rig.out.transitions[2].labels.at("severity"), "critical");
}

TEST(Alerts, ARuleThatIsTakenAwayResolvesThem) {
  GaugeRig rig(over_ten());
  rig.step(5, 11);
  rig.set({}, 7 * second);
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "7s rule_changed"}));
  rig.step(10, 11);
  EXPECT_EQ(rig.engine.next_ns(), std::numeric_limits<std::uint64_t>::max());
}

TEST(Alerts, TenThousandAtOnce) {
  Rig rig({{.name = "all",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"pid"}}},
            .when = "> 0"}});
  const auto hit = rig.host.event("hit");
  rig.host.begin("events", 500 * ms);
  for (std::uint32_t pid = 1; pid <= 10'000; ++pid) rig.host.add_event(hit, {}, 500 * ms, {.pid = pid});
  rig.consume(500 * ms, 0);
  rig.advance(1'200 * ms);
  EXPECT_EQ(rig.out.transitions.size(), 10'000u);
  EXPECT_EQ(rig.engine.alerts().size(), 10'000u);
  const auto alerts = rig.engine.alerts();
  EXPECT_TRUE(
      std::is_sorted(alerts.begin(), alerts.end(), [](const Alert& a, const Alert& b) { return a.labels < b.labels; }));
  rig.advance(2'200 * ms);
  EXPECT_EQ(rig.out.transitions.size(), 20'000u);
  EXPECT_TRUE(rig.engine.alerts().empty());
}

TEST(Alerts, CollectorDownIsARuleLikeAnyOther) {
  Rig rig({{.name = "collector_down",
            .windows = {{.filter = "sentinel_collector_up", .over = 10 * second, .fn = Function::max}},
            .when = "== 0",
            .hold = 5 * second}});
  const auto up = rig.host.gauge("sentinel_collector_up", {"collector"});
  for (std::uint64_t t = 5; t <= 20; t += 5) {
    rig.host.begin("self", t * second);
    rig.host.sample(up, {"cpu"}, 1);
    rig.host.sample(up, {"tcp"}, t < 10 ? 1 : 0);
    rig.consume(t * second, 5 * second);
    rig.advance(t * second + 200 * ms);
  }
  EXPECT_EQ(rig.out.story(), Strings{"20s firing"});
  EXPECT_EQ(rig.out.transitions[0].labels.at("collector"), "tcp");
}

}  // namespace
}  // namespace sentinel::rules
