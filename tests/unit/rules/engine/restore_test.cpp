#include <cmath>
#include <optional>

#include "tests/unit/rules/engine/rig.hpp"

namespace sentinel::rules {
namespace {

using Strings = std::vector<std::string>;

RuleText over_ten() {
  return {.name = "high",
          .windows = {{.filter = "m", .over = 10 * second, .fn = Function::last}},
          .when = "> 10",
          .annotations = {{"summary", "at {{ value }}"}}};
}

/// Feeds a rig with one sample each 5 s.
void feed(Rig& rig, std::uint32_t metric, std::uint64_t from, std::uint64_t to, double value) {
  for (std::uint64_t t = from; t <= to; t += 5) {
    rig.sample(metric, {"sda"}, value, t * second, 5 * second);
    rig.advance(t * second + 200 * ms);
  }
}

/// What an engine with `text` saves after a sample over its threshold.
std::string saved_by(const RuleText& text) {
  Rig rig({text});
  feed(rig, rig.host.gauge("m", {"disk"}), 5, 10, 11);
  EXPECT_FALSE(rig.out.transitions.empty());
  return rig.engine.save();
}

TEST(Restore, AnAlertGoesOnAndIsNotToldAsNew) {
  Rig rig({over_ten()});
  ASSERT_TRUE(rig.engine.restore(saved_by(over_ten()), at(12 * second)));
  ASSERT_EQ(rig.engine.alerts().size(), 1u);
  feed(rig, rig.host.gauge("m", {"disk"}), 15, 30, 12);
  EXPECT_TRUE(rig.out.transitions.empty());
  const auto alerts = rig.engine.alerts();
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].state, AlertState::firing);
  EXPECT_EQ(alerts[0].fired_at_ns, boot_unix + 5'000'000'000);
  EXPECT_EQ(alerts[0].value, 12);
  feed(rig, 1, 35, 35, 1);
  EXPECT_EQ(rig.out.story(), Strings{"35s resolved"});
  EXPECT_EQ(rig.out.transitions[0].fired_at_ns, boot_unix + 5'000'000'000);
}

TEST(Restore, IsIndependentOfTheBoot) {
  auto text = over_ten();
  text.hold = 60 * second;
  Rig before({text});
  feed(before, before.host.gauge("m", {"disk"}), 5, 50, 11);
  ASSERT_EQ(before.engine.alerts().size(), 1u);

  // The machine booted again, 55 s after the alert began to hold.
  Rig after(std::vector<RuleText>{});
  std::vector<std::shared_ptr<const Rule>> rules = {make_rule(text)};
  const auto rebooted = [](std::uint64_t boot) {
    return Moment{boot, boot_unix + 58'000'000'000 + static_cast<std::int64_t>(boot)};
  };
  after.engine.set_rules(rules, rebooted(0), after.out);
  ASSERT_TRUE(after.engine.restore(before.engine.save(), rebooted(2 * second)));
  const auto metric = after.host.gauge("m", {"disk"});
  for (std::uint64_t t = 5; t <= 20; t += 5) {
    after.sample(metric, {"sda"}, 11, t * second, 5 * second);
    after.engine.advance(rebooted(t * second + 200 * ms), after.out);
  }
  ASSERT_EQ(after.out.transitions.size(), 1u) << "45 s had passed before, and 15 s at 17 s";
  EXPECT_EQ(after.out.transitions[0].time_ns, 20 * second);
  EXPECT_EQ(after.out.transitions[0].active_since_ns, boot_unix + 5'000'000'000);
}

/// Pending for 45 s of 60 s when its engine saves at 50 s; restored at `restart`, holding on. When it fires, if it
/// does within a minute and a half.
std::optional<std::int64_t> fires_after(std::uint64_t restart) {
  auto text = over_ten();
  text.hold = 60 * second;
  Rig before({text});
  feed(before, before.host.gauge("m", {"disk"}), 5, 50, 11);
  Rig after({text});
  EXPECT_TRUE(after.engine.restore(before.engine.save(), at(restart * second)));
  feed(after, after.host.gauge("m", {"disk"}), restart + 5, restart + 90, 11);
  if (after.out.transitions.empty()) return std::nullopt;
  EXPECT_EQ(after.out.transitions.size(), 1u);
  return (after.out.transitions[0].fired_at_ns - boot_unix) / 1'000'000'000 - static_cast<std::int64_t>(restart);
}

TEST(Restore, WhatAPendingAlertHeldCountsAndTheTimeWithoutAnAgentDoesNot) {
  EXPECT_EQ(fires_after(50), 15);
  EXPECT_EQ(fires_after(55), 15);
  EXPECT_EQ(fires_after(50 + 600), 15);
  EXPECT_EQ(fires_after(50 + 3600), 15);
}

TEST(Restore, APendingAlertBeginsAnewAfterMoreThanAnHour) {
  EXPECT_EQ(fires_after(55 + 3600), 65) << "the first window ends after 5 s";
}

TEST(Restore, APendingAlertThatIsRestoredAgainAndAgainCountsEachTimeOnce) {
  auto text = over_ten();
  text.hold = 60 * second;
  Rig first({text});
  feed(first, first.host.gauge("m", {"disk"}), 5, 50, 11);
  auto saved = first.engine.save();
  // None of these lives long enough to judge.
  for (std::uint64_t restart = 60; restart <= 100; restart += 10) {
    Rig brief({text});
    ASSERT_TRUE(brief.engine.restore(saved, at(restart * second)));
    saved = brief.engine.save();
  }
  Rig last({text});
  ASSERT_TRUE(last.engine.restore(saved, at(110 * second)));
  ASSERT_EQ(last.engine.alerts().size(), 1u);
  EXPECT_EQ(last.engine.alerts()[0].active_since_ns, boot_unix + 5'000'000'000) << "it is shown as it began";
  feed(last, last.host.gauge("m", {"disk"}), 115, 150, 11);
  EXPECT_EQ(last.out.story(), Strings{"125s firing"});
}

TEST(Restore, APendingAlertOfAClockThatWasSetBackGoesOn) {
  auto text = over_ten();
  text.hold = 60 * second;
  Rig before({text});
  feed(before, before.host.gauge("m", {"disk"}), 5, 50, 11);
  Rig after({text});
  ASSERT_TRUE(after.engine.restore(before.engine.save(), at(10 * second)));
  feed(after, after.host.gauge("m", {"disk"}), 15, 40, 11);
  EXPECT_EQ(after.out.story(), Strings{"25s firing"});
}

TEST(Restore, ACooldownOutlivesAPendingAlert) {
  auto text = over_ten();
  text.hold = 5 * second;
  text.cooldown = 7200 * second;
  Rig before({text});
  const auto metric = before.host.gauge("m", {"disk"});
  feed(before, metric, 5, 10, 11);
  feed(before, metric, 15, 15, 1);
  feed(before, metric, 20, 20, 11);
  ASSERT_EQ(before.out.story(), (Strings{"10s firing", "15s resolved"}));
  ASSERT_EQ(before.engine.alerts().size(), 1u);
  Rig after({text});
  ASSERT_TRUE(after.engine.restore(before.engine.save(), at(4000 * second)));
  EXPECT_TRUE(after.engine.alerts().empty());
  feed(after, after.host.gauge("m", {"disk"}), 4005, 4010, 11);
  EXPECT_EQ(after.out.story(), Strings{"4010s firing (silent)"});
}

TEST(Restore, AWindowThatIsNotWholeYetDoesNotSpeakAgainstIt) {
  RuleText text = {
      .name = "rate", .windows = {{.filter = "c", .over = 30 * second, .fn = Function::rate}}, .when = "> 9"};
  Rig before({text});
  const auto counter = before.host.counter("c");
  for (std::uint64_t t = 5; t <= 60; t += 5)
    before.sample(counter, {}, static_cast<double>(t * 10), t * second, 5 * second);
  ASSERT_EQ(before.engine.alerts().size(), 1u);
  Rig after({text});
  ASSERT_TRUE(after.engine.restore(before.engine.save(), at(62 * second)));
  const auto again = after.host.counter("c");
  for (std::uint64_t t = 65; t <= 120; t += 5) {
    after.sample(again, {}, static_cast<double>(t * 10), t * second, 5 * second);
    after.advance(t * second + 200 * ms);
  }
  EXPECT_TRUE(after.out.transitions.empty());
  EXPECT_EQ(after.engine.alerts().size(), 1u);
}

TEST(Restore, WhatNothingFeedsEndsAsNoData) {
  Rig rig({over_ten()});
  ASSERT_TRUE(rig.engine.restore(saved_by(over_ten()), at(12 * second)));
  rig.advance(60 * second);
  EXPECT_TRUE(rig.out.transitions.empty());
  EXPECT_EQ(rig.engine.next_ns(), 72'200 * ms);
  rig.advance(73 * second);
  EXPECT_EQ(rig.out.story(), Strings{"72s no_data"});
}

TEST(Restore, AnAlertWhoseRuleIsGoneIsResolvedAsRuleChanged) {
  auto other = over_ten();
  other.windows[0].over = 15 * second;
  Rig rig({other});
  ASSERT_TRUE(rig.engine.restore(saved_by(over_ten()), at(12 * second)));
  EXPECT_LE(rig.engine.next_ns(), 12 * second);
  rig.advance(12 * second);
  ASSERT_EQ(rig.out.story(), Strings{"12s rule_changed"});
  const Alert& alert = rig.out.transitions[0];
  EXPECT_EQ(alert.rule->name, "high");
  EXPECT_EQ(alert.labels, (Labels{{"alertname", "high"}, {"disk", "sda"}, {"severity", "warning"}}));
  EXPECT_EQ(alert.annotations.at("summary"), "at 11");
  EXPECT_EQ(alert.fired_at_ns, boot_unix + 5'000'000'000);
  rig.advance(13 * second);
  EXPECT_EQ(rig.out.transitions.size(), 1u);
}

TEST(Restore, KeepsContextAndCooldown) {
  RuleText text = {.name = "storm",
                   .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"pid"}}},
                   .when = "> 0",
                   .keep_firing = 10 * second,
                   .cooldown = 60 * second};
  Rig before({text});
  before.event(before.host.event("hit"), {}, 500 * ms,
               {.pid = 7, .comm = "a", .start_time_ns = 5, .container = "c", .stack = {1, ~0ULL}});
  before.advance(2 * second);
  const auto saved = before.engine.save();

  Rig after({text});
  ASSERT_TRUE(after.engine.restore(saved, at(3 * second)));
  EXPECT_EQ(after.engine.save(), saved) << "what was restored is saved alike";
  ASSERT_EQ(after.engine.alerts().size(), 1u);
  ASSERT_NE(after.engine.alerts()[0].context, nullptr);
  EXPECT_EQ(after.engine.alerts()[0].context->stack, (std::vector<std::uint64_t>{1, ~0ULL}));
  const auto hit = after.host.event("hit");
  after.event(hit, {}, 4 * second, {.pid = 1});
  after.advance(20 * second);
  after.event(hit, {}, 20'500 * ms, {.pid = 7});
  after.advance(21'200 * ms);
  EXPECT_EQ(after.out.story(), (Strings{"4s firing", "11s resolved", "14s resolved", "21s firing (silent)"}));
}

TEST(Restore, InfinitiesSurvive) {
  RuleText text = {.name = "share",
                   .windows = {{.filter = "m", .over = 10 * second, .fn = Function::last}},
                   .when = "value / 0 > 10"};
  Rig rig({text});
  ASSERT_TRUE(rig.engine.restore(saved_by(text), at(12 * second)));
  EXPECT_TRUE(std::isinf(rig.engine.alerts().at(0).value));
}

TEST(Restore, WhatIsMalformedRestoresNothing) {
  const auto good = saved_by(over_ten());
  Rig rig({over_ten()});
  std::vector<std::string> bad = {"",
                                  "{",
                                  "[]",
                                  "{}",
                                  R"({"version":2,"alerts":[]})",
                                  R"({"version":1,"alerts":{}})",
                                  R"({"version":1,"alerts":[{}]})"};
  for (std::size_t i = 0; i < good.size(); i += 7) bad.push_back(good.substr(0, i));
  const auto replaced = [&](const std::string& what, const std::string& with) {
    auto text = good;
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), with);
  };
  bad.push_back(replaced("\"firing\"", "\"burning\""));
  bad.push_back(replaced("\"11\"", "\"eleven\""));
  bad.push_back(replaced("\"warning\"", "\"loud\""));
  bad.push_back(replaced("\"held_at_ns\":1", "\"held_at_ns\":9"));
  bad.push_back(replaced("\"lost\":0", "\"lost\":-1"));
  for (const auto& text : bad) {
    const auto restored = rig.engine.restore(text, at(12 * second));
    ASSERT_FALSE(restored.ok()) << text;
    EXPECT_EQ(restored.error().code, Errc::invalid_argument);
  }
  EXPECT_TRUE(rig.engine.alerts().empty());
  EXPECT_TRUE(rig.engine.restore(good, at(12 * second)).ok());
}

}  // namespace
}  // namespace sentinel::rules
