#include "rules/rule.hpp"

#include <gtest/gtest.h>

namespace sentinel::rules {
namespace {

using namespace std::chrono_literals;

WindowSpec window(std::string name, std::string_view filter, Function function, std::chrono::nanoseconds over) {
  WindowSpec spec;
  spec.name = std::move(name);
  spec.filter = *parse_selector(filter).value;
  spec.function = function;
  spec.over = over;
  return spec;
}

Rule rule(std::vector<WindowSpec> windows, std::string_view when) {
  Rule out;
  out.name = "r";
  std::vector<std::string> names;
  for (const auto& each : windows) names.push_back(each.name);
  out.windows = std::move(windows);
  out.alert.emplace();
  out.alert->when = *parse_expression(when, names).value;
  return out;
}

TEST(Rule, IsReadInOneLine) {
  EXPECT_EQ(rule({window("", R"(m{state="time_wait"})", Function::avg, 15s)}, "> 80").expression(),
            R"(avg over 15s of m{state="time_wait"} > 80)");
  EXPECT_EQ(rule({window("", "m > 5", Function::last, 1min)}, "> 80").expression(), "last over 1m of (m > 5) > 80");

  auto again = window("again", "a", Function::rate, 1min);
  again.aggregation = Aggregation::sum;
  auto sent = again;
  sent.name = "sent";
  sent.by = {"device", "cpu"};
  EXPECT_EQ(
      rule({again, sent}, "again/sent > 0.05").expression(),
      "again / sent > 0.05 where again = sum of rate over 1m of a, sent = sum by (device, cpu) of rate over 1m of a");

  auto quantile = window("p", "m", Function::quantile, 10s);
  quantile.quantile = 0.99;
  EXPECT_EQ(rule({quantile}, "p * 2 > 1").expression(), "p * 2 > 1 where p = quantile 0.99 over 10s of m");
  auto distinct = window("", "m", Function::distinct, 10s);
  distinct.distinct_of = "comm";
  distinct.by = {"pid"};
  EXPECT_EQ(rule({distinct}, "> 1").expression(), "distinct comm over 10s by (pid) of m > 1");

  Rule filter;
  filter.filter = *parse_selector("m{ a = 'b' }").value;
  EXPECT_EQ(filter.expression(), R"(m{a="b"})");
}

TEST(Rule, IsItselfUntilItsWindowsChange) {
  const auto before = rule({window("", "m", Function::avg, 15s)}, "> 80");
  auto after = rule({window("", "m{}", Function::avg, 15s)}, "> 90");
  after.alert->severity = Severity::critical;
  after.to = {"x"};
  EXPECT_EQ(before.identity(), after.identity());
  const auto differs = [&](auto change) {
    Rule changed = before;
    change(changed);
    EXPECT_NE(before.identity(), changed.identity());
  };
  differs([](Rule& r) { r.name = "s"; });
  differs([](Rule& r) { r.from = {"cpu"}; });
  differs([](Rule& r) { r.windows[0].over = 16s; });
  differs([](Rule& r) { r.windows[0].every = 15s; });
  differs([](Rule& r) { r.windows[0].function = Function::max; });
  differs([](Rule& r) { r.windows[0].aggregation = Aggregation::max; });
  differs([](Rule& r) { r.windows[0].by.emplace(); });
  differs([](Rule& r) { r.windows[0].filter = *parse_selector("n").value; });
  differs([](Rule& r) { r.windows[0].groups = 5; });
  differs([](Rule& r) { r.windows.push_back(r.windows[0]); });
}

TEST(Rule, TellsItsPartsApart) {
  auto one = window("", "m", Function::avg, 15s);
  auto two = one;
  one.by = {"a", "b"};
  two.by = {"a:b"};
  EXPECT_NE(one.identity(), two.identity());
}

}  // namespace
}  // namespace sentinel::rules
