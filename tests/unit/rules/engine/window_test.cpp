#include "tests/unit/rules/engine/rig.hpp"

#include <cmath>
#include <limits>

namespace sentinel::rules {
namespace {

using Strings = std::vector<std::string>;

/// The value that a window over samples each `every` has at `end`.
std::optional<double> value_at(const Rig& rig, std::uint64_t end) {
  std::optional<double> found;
  for (const auto& value : rig.out.values) {
    if (value.time_ns == end) found = value.value;
  }
  return found;
}

TEST(Windows, AnAverageFiresAndResolves) {
  Rig rig({{.name = "high", .windows = {{.filter = "load{interval=\"5\"}"}}, .when = "> 3"}});
  const auto load = rig.host.gauge("load", {"interval"});
  for (std::uint64_t t = 5; t <= 60; t += 5) {
    rig.host.begin("cpu", t * second);
    rig.host.sample(load, {"5"}, t <= 20 ? 4 : 1);
    rig.host.sample(load, {"1"}, 100);
    rig.consume(t * second, 5 * second);
    rig.advance(t * second + 200 * ms);
  }
  EXPECT_EQ(rig.out.story(), (Strings{"5s firing", "25s resolved"}));
  const Labels labels = {{"alertname", "high"}, {"interval", "5"}, {"severity", "warning"}};
  EXPECT_EQ(rig.out.transitions.at(0).labels, labels);
  EXPECT_EQ(rig.out.transitions.at(0).value, 4);
  EXPECT_EQ(rig.out.transitions.at(0).threshold, 3);
  EXPECT_EQ(rig.out.transitions.at(0).fingerprint, fingerprint(labels));
  EXPECT_EQ(rig.out.transitions.at(1).value, 3);
}

struct FunctionCase {
  const char* name;
  WindowText window;
  std::vector<double> samples;  ///< one each 5 s, from 5 s on; NaN: none
  std::vector<double> values;   ///< of the windows of 15 s; NaN: none
};

constexpr double none = std::numeric_limits<double>::quiet_NaN();

class Functions : public testing::TestWithParam<FunctionCase> {};

TEST_P(Functions, OfOneSeries) {
  const auto& expected = GetParam();
  Rig rig({{.name = "r", .windows = {expected.window}}});
  const auto metric = rig.host.gauge("m");
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const std::uint64_t tick = (i + 1) * 5 * second;
    if (i < expected.samples.size() && !std::isnan(expected.samples[i])) {
      rig.sample(metric, {}, expected.samples[i], tick, 5 * second);
    }
    rig.advance(tick + 200 * ms);
    const auto value = value_at(rig, tick);
    ASSERT_EQ(value.has_value(), !std::isnan(expected.values[i])) << "at " << tick / second << " s";
    if (value) {
      EXPECT_DOUBLE_EQ(*value, expected.values[i]) << "at " << tick / second << " s";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Functions,
    testing::Values(
        FunctionCase{"count", {.filter = "m", .fn = Function::count}, {1, 2, 3, 4, none}, {1, 2, 3, 3, 2, 1, 0, 0}},
        FunctionCase{"sum", {.filter = "m", .fn = Function::sum}, {1, 2, 3, 4, none}, {1, 3, 6, 9, 7, 4, 0, 0}},
        FunctionCase{"avg", {.filter = "m", .fn = Function::avg}, {1, 2, 3, 4, none}, {1, 1.5, 2, 3, 3.5, 4, none}},
        FunctionCase{"min", {.filter = "m", .fn = Function::min}, {3, 1, 2, 4, 5}, {3, 1, 1, 1, 2, 4, 5, none}},
        FunctionCase{
            "max", {.filter = "m", .fn = Function::max}, {-3, -1, -2, -4, -5}, {-3, -1, -1, -1, -2, -4, -5, none}},
        FunctionCase{"last", {.filter = "m", .fn = Function::last}, {3, 1, none, none}, {3, 1, 1, 1, none}},
        // What the counter grew by within 15 s, by the second. Nothing is known of the first sample's growth.
        FunctionCase{
            "rate", {.filter = "m", .fn = Function::rate}, {100, 115, 130, 145, none}, {none, 1, 2, 3, 2, 1, 0, 0}},
        // 130 -> 15 is a reset: it grew by 15.
        FunctionCase{"rate_reset", {.filter = "m", .fn = Function::rate}, {100, 130, 15, 30}, {none, 2, 3, 4}},
        // A sample that is missing moves its growth to the next.
        FunctionCase{"rate_gap", {.filter = "m", .fn = Function::rate}, {0, 15, none, 45}, {none, 1, 1, 3}},
        // Beyond the window and two intervals, the counter begins anew.
        FunctionCase{"rate_long_gap",
                     {.filter = "m", .fn = Function::rate},
                     {0, 15, none, none, none, 1500, 1515},
                     {none, 1, 1, 1, 0, 0, 1}},
        // By the second of the interval, where that is the longer one.
        FunctionCase{
            "rate_short_window", {.filter = "m", .over = second, .fn = Function::rate}, {0, 10, 15}, {none, 2, 1, 0}},
        FunctionCase{"filter_value", {.filter = "m > 2", .fn = Function::count}, {1, 2, 3, 4}, {0, 0, 1, 2, 2, 1, 0}},
        FunctionCase{"every",
                     {.filter = "m", .over = 10 * second, .fn = Function::sum, .every = 10 * second},
                     {1, 2, 3, 4},
                     {none, 3, none, 7, none, 0}},
        FunctionCase{"count_not_whole",
                     {.filter = "m", .over = 12 * second, .fn = Function::count},
                     {1, 1, 1, 1},
                     {1, 2, 3, 3}}),
    [](const auto& instance) { return instance.param.name; });

TEST(Windows, OneThatNeedsManyPanesIsExactStill) {
  Rig rig({{.name = "r", .windows = {{.filter = "m", .over = 3600 * second, .fn = Function::sum}}}});
  const auto metric = rig.host.gauge("m");
  for (std::uint64_t t = 1; t <= 4000; ++t) {
    rig.sample(metric, {}, 1, t * second, second);
    rig.advance(t * second + 200 * ms);
    ASSERT_EQ(value_at(rig, t * second), static_cast<double>(std::min<std::uint64_t>(t, 3600)));
    rig.out.values.clear();
  }
}

TEST(Windows, AreHalfOpen) {
  Rig rig({{.name = "r", .windows = {{.filter = "hit", .over = second, .fn = Function::count}}}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, 1 * second);      // the last instant of (0, 1]
  rig.event(hit, {}, 1 * second + 1);  // the first of (1, 2]
  rig.event(hit, {}, 2 * second);
  rig.advance(3 * second + 199 * ms);
  EXPECT_EQ(value_at(rig, 1 * second), 1);
  EXPECT_EQ(value_at(rig, 2 * second), 2);
  EXPECT_EQ(value_at(rig, 3 * second), std::nullopt) << "closed before its 200 ms were over";
  rig.advance(3 * second + 200 * ms);
  EXPECT_EQ(value_at(rig, 3 * second), 0);
}

TEST(Windows, TellWhenTheyNeedTheirNextCall) {
  Rig rig({{.name = "r", .windows = {{.filter = "hit", .over = second, .fn = Function::count}}, .when = "> 5"}});
  const auto hit = rig.host.event("hit");
  EXPECT_EQ(rig.engine.next_ns(), std::numeric_limits<std::uint64_t>::max());
  rig.event(hit, {}, 1'500 * ms);
  EXPECT_EQ(rig.engine.next_ns(), 2'200 * ms);
  rig.advance(2'199 * ms);
  EXPECT_EQ(rig.engine.next_ns(), 2'200 * ms);
  rig.advance(2'200 * ms);
  EXPECT_EQ(rig.engine.next_ns(), 3'200 * ms) << "its group is worth 0 once more";
  rig.advance(3'200 * ms);
  EXPECT_EQ(rig.engine.next_ns(), std::numeric_limits<std::uint64_t>::max()) << "nothing can change but by an event";
}

TEST(Windows, ACloseCannotBeMissedWhenRecordsComeLateToTheClock) {
  Rig rig({{.name = "r", .windows = {{.filter = "m", .over = 5 * second, .fn = Function::last}}}});
  const auto metric = rig.host.gauge("m");
  rig.sample(metric, {}, 1, 5 * second, 5 * second);
  rig.sample(metric, {}, 2, 10 * second, 5 * second);  // nobody called advance(): that it is 10 s closes 5 s
  EXPECT_EQ(value_at(rig, 5 * second), 1);
}

TEST(Windows, AnAggregationJoinsSeries) {
  const auto window = [](Aggregation agg) {
    return std::vector<WindowText>{
        {.filter = "cpu_total", .over = 10 * second, .fn = Function::rate, .agg = agg, .by = Strings{"mode"}}};
  };
  Rig rig({{.name = "sum", .windows = window(Aggregation::sum)},
           {.name = "avg", .windows = window(Aggregation::avg)},
           {.name = "min", .windows = window(Aggregation::min)},
           {.name = "max", .windows = window(Aggregation::max)},
           {.name = "count", .windows = window(Aggregation::count)}});
  const auto cpu = rig.host.counter("cpu_total", {"cpu", "mode"});
  for (std::uint64_t t = 5; t <= 15; t += 5) {
    rig.host.begin("cpu", t * second);
    for (std::uint64_t n = 0; n < 4; ++n) {
      rig.host.sample(cpu, {std::to_string(n), "user"}, static_cast<double>(t * (n + 1)));
      rig.host.sample(cpu, {std::to_string(n), "idle"}, 7);
    }
    rig.consume(t * second, 5 * second);
    rig.advance(t * second + 200 * ms);
  }
  std::map<std::string, double> user;
  std::map<std::string, double> idle;
  for (const auto& value : rig.out.values) {
    if (value.time_ns == 15 * second) (value.labels.at("mode") == "user" ? user : idle)[value.rule] = value.value;
    EXPECT_EQ(value.labels.size(), 1u);
  }
  EXPECT_EQ(user, (std::map<std::string, double>{{"sum", 10}, {"avg", 2.5}, {"min", 1}, {"max", 4}, {"count", 4}}));
  EXPECT_EQ(idle, (std::map<std::string, double>{{"sum", 0}, {"avg", 0}, {"min", 0}, {"max", 0}, {"count", 4}}));
}

TEST(Windows, AnAggregationWithoutByJoinsAll) {
  Rig rig({{.name = "r", .windows = {{.filter = "m", .fn = Function::last, .agg = Aggregation::sum}}}});
  const auto metric = rig.host.gauge("m", {"cpu"});
  rig.host.begin("c", 5 * second);
  rig.host.sample(metric, {"0"}, 1);
  rig.host.sample(metric, {"1"}, 2);
  rig.consume(5 * second, 5 * second);
  rig.advance(6 * second);
  EXPECT_EQ(rig.out.values, (std::vector<Outcome::Value>{{"r", {}, 3, 5 * second}}));
}

TEST(Windows, ByWithoutAnAggregationPoolsRecords) {
  Rig rig({{.name = "r", .windows = {{.filter = "m", .fn = Function::avg, .by = Strings{"kind"}}}}});
  const auto metric = rig.host.gauge("m", {"disk", "kind"});
  rig.host.begin("c", 5 * second);
  rig.host.sample(metric, {"a", "ssd"}, 1);
  rig.host.sample(metric, {"b", "ssd"}, 3);
  rig.host.sample(metric, {"c", ""}, 5);
  rig.consume(5 * second, 5 * second);
  rig.advance(6 * second);
  const std::vector<Outcome::Value> expected = {{"r", {{"kind", "ssd"}}, 2, 5 * second}, {"r", {}, 5, 5 * second}};
  EXPECT_EQ(rig.out.values, expected);
}

TEST(Windows, AFilterOfSeveralMetricsTellsThemApart) {
  Rig rig({{.name = "r", .windows = {{.filter = "{__name__=~\"memory_.*\"}", .fn = Function::last}}}});
  const auto free = rig.host.gauge("memory_free");
  const auto used = rig.host.gauge("memory_used");
  const auto other = rig.host.gauge("load");
  rig.host.begin("c", 5 * second);
  rig.host.sample(free, {}, 1);
  rig.host.sample(used, {}, 2);
  rig.host.sample(other, {}, 3);
  rig.consume(5 * second, 5 * second);
  rig.advance(6 * second);
  const std::vector<Outcome::Value> expected = {{"r", {{"__name__", "memory_free"}}, 1, 5 * second},
                                                {"r", {{"__name__", "memory_used"}}, 2, 5 * second}};
  EXPECT_EQ(rig.out.values, expected);
}

TEST(Windows, QuantileIsWithinAPercent) {
  Rig rig({{.name = "r", .windows = {{.filter = "hit", .over = second, .fn = Function::quantile, .quantile = 0.9}}}});
  const auto hit = rig.host.event("hit");
  rig.host.begin("events", 500 * ms);
  for (int i = 1; i <= 1000; ++i) rig.host.add_event(hit, {}, 500 * ms, {}, i);
  rig.consume(500 * ms, 0);
  rig.advance(1'200 * ms);
  EXPECT_NEAR(value_at(rig, second).value(), 900, 9.01);
}

TEST(Windows, DistinctCountsTextsAndNumbersOfTheContext) {
  Rig rig({{.name = "ports", .windows = {{.filter = "hit", .over = second, .fn = Function::distinct, .of = "port"}}},
           {.name = "pids", .windows = {{.filter = "hit", .over = second, .fn = Function::distinct, .of = "pid"}}}});
  const auto hit = rig.host.event("hit", {"port"});
  rig.host.begin("events", 500 * ms);
  for (std::uint32_t i = 0; i < 300; ++i) {
    rig.host.add_event(hit, {std::to_string(i % 7)}, 500 * ms, {.pid = 1 + i % 100});
  }
  rig.consume(500 * ms, 0);
  rig.advance(1'200 * ms);
  ASSERT_EQ(rig.out.values.size(), 2u);
  EXPECT_EQ(rig.out.values[0].value, 7);
  EXPECT_EQ(rig.out.values[1].value, 100);
}

TEST(Windows, APidIsAPidAndItsStart) {
  Rig rig({{.name = "r",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"comm", "pid"}}},
            .when = "> 2"}});
  const auto hit = rig.host.event("hit");
  rig.host.begin("events", 500 * ms);
  for (int i = 0; i < 2; ++i) rig.host.add_event(hit, {}, 500 * ms, {.pid = 7, .comm = "a", .start_time_ns = 1});
  for (int i = 0; i < 2; ++i) rig.host.add_event(hit, {}, 600 * ms, {.pid = 7, .comm = "a", .start_time_ns = 2});
  for (int i = 0; i < 3; ++i) rig.host.add_event(hit, {}, 700 * ms, {.pid = 8, .comm = "b", .start_time_ns = 3});
  rig.consume(500 * ms, 0);
  rig.advance(1'200 * ms);
  ASSERT_EQ(rig.out.transitions.size(), 1u);
  EXPECT_EQ(rig.out.transitions[0].labels.at("pid"), "8");
  EXPECT_EQ(rig.out.transitions[0].labels.at("comm"), "b");
  EXPECT_EQ(rig.engine.stats().at(0).groups, 3u);
}

TEST(Windows, FiltersSeeContextFieldsAndALabelOfTheSameNameWins) {
  Rig rig({{.name = "pid", .windows = {{.filter = "hit{pid=\"7\"}", .over = second, .fn = Function::count}}},
           {.name = "no_pid", .windows = {{.filter = "hit{pid=\"\"}", .over = second, .fn = Function::count}}},
           {.name = "comm", .windows = {{.filter = "hit{comm=~\"ng.*\"}", .over = second, .fn = Function::count}}},
           {.name = "label", .windows = {{.filter = "own{pid=\"x\"}", .over = second, .fn = Function::count}}},
           {.name = "never", .windows = {{.filter = "hit{nothing=\"x\"}", .over = second, .fn = Function::count}}}});
  const auto hit = rig.host.event("hit");
  const auto own = rig.host.event("own", {"pid"});
  rig.host.begin("events", 500 * ms);
  rig.host.add_event(hit, {}, 500 * ms, {.pid = 7, .comm = "nginx"});
  rig.host.add_event(hit, {}, 500 * ms, {.pid = 77, .comm = "nginx"});
  rig.host.add_event(hit, {}, 500 * ms, {});
  rig.host.add_event(own, {"x"}, 500 * ms, {.pid = 7});
  rig.consume(500 * ms, 0);
  rig.advance(1'200 * ms);
  std::map<std::string, double> counts;
  for (const auto& value : rig.out.values) counts[value.rule] = value.value;
  EXPECT_EQ(counts, (std::map<std::string, double>{{"pid", 1}, {"no_pid", 1}, {"comm", 2}, {"label", 1}}));
  EXPECT_TRUE(rig.engine.stats().at(4).idle);
}

TEST(Windows, FromRestrictsTheSource) {
  Rig rig({{.name = "r", .windows = {{.filter = "m", .fn = Function::sum}}, .from = {"b"}}});
  const auto metric = rig.host.gauge("m", {"of"});
  for (const auto* instance : {"a", "b"}) {
    rig.host.begin(instance, 5 * second);
    rig.host.sample(metric, {instance}, 1);
    rig.consume(5 * second, 5 * second);
  }
  rig.advance(6 * second);
  EXPECT_EQ(rig.out.values, (std::vector<Outcome::Value>{{"r", {{"of", "b"}}, 1, 5 * second}}));
}

TEST(Windows, GroupsAreBoundedAndTheRestIsCounted) {
  Rig rig({{.name = "events",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"pid"}, .groups = 10}}},
           {.name = "samples", .windows = {{.filter = "m", .over = second, .fn = Function::sum, .groups = 3}}}});
  const auto hit = rig.host.event("hit");
  const auto metric = rig.host.gauge("m", {"n"});
  const auto feed = [&](std::uint64_t time_ns) {
    rig.host.begin("c", time_ns);
    for (std::uint32_t pid = 1; pid <= 25; ++pid) rig.host.add_event(hit, {}, time_ns, {.pid = pid});
    for (int n = 0; n < 5; ++n) rig.host.sample(metric, {std::to_string(n)}, 1);
    rig.consume(time_ns, second);
    rig.advance(time_ns + 200 * ms);
  };
  feed(1 * second);
  auto stats = rig.engine.stats();
  EXPECT_EQ(stats[0].groups, 10u);
  EXPECT_EQ(stats[0].overflow, 15u);
  EXPECT_EQ(stats[1].groups, 3u);
  EXPECT_EQ(stats[1].overflow, 2u);
  feed(2 * second);
  stats = rig.engine.stats();
  EXPECT_EQ(stats[0].overflow, 30u);
  EXPECT_EQ(stats[1].overflow, 4u);
}

TEST(Windows, RoomIsMadeByGroupsThatAreGone) {
  Rig rig({{.name = "events",
            .windows = {{.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"pid"}, .groups = 1}}},
           {.name = "samples", .windows = {{.filter = "m", .over = second, .fn = Function::sum, .groups = 1}}}});
  const auto hit = rig.host.event("hit");
  const auto metric = rig.host.gauge("m", {"n"});
  rig.host.begin("collector", second);
  rig.host.add_event(hit, {}, second, {.pid = 1});
  rig.host.sample(metric, {"first"}, 1);
  rig.host.sample(metric, {"second"}, 1);
  rig.consume(second, second);
  rig.advance(second + 200 * ms);
  rig.sample(metric, {"second"}, 1, 2 * second, second);  // without the first, which has ended
  rig.advance(2 * second + 200 * ms);
  rig.event(hit, {}, 2'500 * ms, {.pid = 2});
  rig.sample(metric, {"second"}, 5, 3 * second, second);
  rig.out.values.clear();
  rig.advance(3 * second + 200 * ms);
  const std::vector<Outcome::Value> expected = {{"events", {{"pid", "2"}}, 1, 3 * second},
                                                {"samples", {{"n", "second"}}, 5, 3 * second}};
  EXPECT_EQ(rig.out.values, expected);
}

TEST(Windows, LateSamplesCountInTheOpenPaneAndLateEventsInTheirOwn) {
  Rig rig({{.name = "samples", .windows = {{.filter = "m", .over = 5 * second, .fn = Function::sum}}},
           {.name = "events",
            .windows = {{.filter = "hit", .over = 10 * second, .fn = Function::count, .every = 5 * second}}}});
  const auto metric = rig.host.gauge("m");
  const auto hit = rig.host.event("hit");
  rig.sample(metric, {}, 1, 5 * second, 5 * second);
  rig.event(hit, {}, 5 * second);
  rig.advance(10'300 * ms);  // 5 s and 10 s are closed
  rig.sample(metric, {}, 7, 10 * second, 5 * second);
  rig.event(hit, {}, 9 * second);
  rig.out.values.clear();
  rig.advance(15'200 * ms);
  const std::vector<Outcome::Value> expected = {{"samples", {}, 7, 15 * second}, {"events", {}, 1, 15 * second}};
  EXPECT_EQ(rig.out.values, expected);
  EXPECT_EQ(rig.engine.stats().at(0).late, 1u);
  EXPECT_EQ(rig.engine.stats().at(1).late, 1u);
}

TEST(Windows, AnEventWhoseValueIsNoNumberIsNoRecord) {
  Rig rig({{.name = "r", .windows = {{.filter = "hit", .over = second, .fn = Function::quantile, .quantile = 0.5}}}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, 500 * ms, {}, none);
  rig.event(hit, {}, 600 * ms, {}, 8);
  rig.advance(2 * second);
  EXPECT_NEAR(value_at(rig, second).value(), 8, 0.08);
  EXPECT_EQ(rig.engine.stats().at(0).records, 1u);
}

TEST(Windows, ANumberThatIsNoneIsNoRecord) {
  Rig rig({{.name = "r", .windows = {{.filter = "m", .fn = Function::count}}}});
  const auto metric = rig.host.gauge("m");
  rig.sample(metric, {}, 1, 5 * second, 5 * second);
  rig.sample(metric, {}, none, 10 * second, 5 * second);
  rig.advance(11 * second);
  EXPECT_EQ(value_at(rig, 10 * second), 1);
}

TEST(Windows, AnEventFromTheFutureIsTakenForOneOfSoon) {
  Rig rig({{.name = "r", .windows = {{.filter = "hit", .over = second, .fn = Function::count}}}});
  const auto hit = rig.host.event("hit");
  rig.host.begin("events", 500 * ms);
  rig.host.add_event(hit, {}, std::numeric_limits<std::uint64_t>::max());
  rig.host.add_event(hit, {}, 500 * ms);
  rig.consume(500 * ms, 0);
  rig.advance(2'200 * ms);
  EXPECT_EQ(value_at(rig, 1 * second), 1);
  EXPECT_EQ(value_at(rig, 2 * second), 1);
}

TEST(Windows, ASourceWhoseIntervalChangesStartsAnew) {
  Rig rig({{.name = "r", .windows = {{.filter = "m", .over = 10 * second, .fn = Function::count}}}});
  const auto metric = rig.host.gauge("m");
  for (std::uint64_t t = 5; t <= 20; t += 5) rig.sample(metric, {}, 1, t * second, 5 * second);
  for (std::uint64_t t = 21; t <= 40; ++t) rig.sample(metric, {}, 1, t * second, second);
  rig.advance(40'200 * ms);
  EXPECT_EQ(value_at(rig, 15 * second), 2);
  EXPECT_EQ(value_at(rig, 23 * second), 3);
  EXPECT_EQ(value_at(rig, 40 * second), 10);
}

TEST(Windows, ALongGapIsPassedOverNotCounted) {
  Rig rig({{.name = "r", .windows = {{.filter = "hit", .over = second, .fn = Function::count}}}});
  const auto hit = rig.host.event("hit");
  rig.event(hit, {}, second);
  rig.advance(30ULL * 86'400 * second);
  EXPECT_LT(rig.out.values.size(), 10u);
  EXPECT_EQ(rig.out.values.back().time_ns, 30ULL * 86'400 * second - second);
  EXPECT_EQ(rig.out.values.back().value, 0);
}

TEST(Windows, RecordsWithoutWindowsGoThrough) {
  const RuleText big = {.name = "big", .filter = "m{n=\"1\"} > 10"};
  const RuleText events = {.name = "events", .filter = "hit{comm=\"a\"}"};
  Rig rig(std::vector<RuleText>{big, events});
  const auto metric = rig.host.gauge("m", {"n"});
  const auto hit = rig.host.event("hit");
  rig.host.begin("c", second);
  rig.host.sample(metric, {"1"}, 11);
  rig.host.sample(metric, {"1"}, 10);
  rig.host.sample(metric, {"2"}, 11);
  rig.host.add_event(hit, {}, second, {.comm = "a"}, 3);
  rig.host.add_event(hit, {}, second, {.comm = "b"}, 4);
  rig.consume(second, second);
  EXPECT_EQ(rig.out.records, (std::vector<std::pair<std::string, double>>{{"big", 11}, {"events", 3}}));
  EXPECT_EQ(rig.engine.stats().at(0).records, 1u);
  EXPECT_FALSE(rig.engine.stats().at(0).idle);
}

}  // namespace
}  // namespace sentinel::rules
