#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "rules/engine/distinct.hpp"
#include "rules/engine/grid.hpp"
#include "rules/engine/hyperloglog.hpp"
#include "rules/engine/sketch.hpp"
#include "rules/engine/source.hpp"
#include "tests/unit/rules/engine/rig.hpp"

namespace sentinel::rules {
namespace {

constexpr double most_error = 1.0000001 * Sketch::relative_error;

void expect_within_a_percent(std::vector<double> numbers, const Sketch& sketch) {
  std::sort(numbers.begin(), numbers.end());
  ASSERT_EQ(sketch.count(), numbers.size());
  for (const double q : {0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0}) {
    const double exact = numbers[static_cast<std::size_t>(q * static_cast<double>(numbers.size() - 1))];
    EXPECT_LE(std::abs(sketch.quantile(q) - exact), most_error * std::abs(exact)) << "q " << q;
  }
}

TEST(Sketches, AreWithinAPercentWhateverTheDistribution) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> wide(0, 3);
  std::normal_distribution<double> both(0, 1000);
  for (int which = 0; which < 3; ++which) {
    Sketch sketch;
    std::vector<double> numbers;
    for (int i = 0; i < 5'000; ++i) {
      const double number = which == 0 ? wide(random) : which == 1 ? both(random) : static_cast<double>(random() % 5);
      sketch.add(number);
      numbers.push_back(number);
    }
    expect_within_a_percent(numbers, sketch);
  }
}

TEST(Sketches, MergedAreAsOneOfAll) {
  std::mt19937_64 random(2);
  std::lognormal_distribution<double> wide(5, 2);
  Sketch merged;
  std::vector<double> numbers;
  for (int part = 0; part < 20; ++part) {
    Sketch sketch;
    for (int i = 0; i < 200; ++i) {
      numbers.push_back(part % 2 == 0 ? wide(random) : -wide(random));
      sketch.add(numbers.back());
    }
    merged.merge(sketch);
  }
  expect_within_a_percent(numbers, merged);
}

TEST(Sketches, AreBoundedAndKeepTheLarge) {
  Sketch sketch;
  std::vector<double> numbers;
  for (int exponent = -300; exponent <= 300; ++exponent) {
    sketch.add(std::pow(10.0, exponent));
    numbers.push_back(std::pow(10.0, exponent));
  }
  EXPECT_NEAR(sketch.quantile(1), 1e300, 1e300 * most_error);
  const double high = numbers[static_cast<std::size_t>(0.99 * 600)];
  EXPECT_NEAR(sketch.quantile(0.99), high, high * most_error);
  sketch.add(std::numeric_limits<double>::infinity());
  EXPECT_GT(sketch.quantile(1), 1e307);
  EXPECT_TRUE(std::isfinite(sketch.quantile(1)));
}

TEST(Sketches, ForgetWhatTheySaw) {
  Sketch sketch;
  sketch.add(1e200);
  sketch.add(0);
  sketch.clear();
  EXPECT_EQ(sketch.count(), 0u);
  sketch.add(1e-100);  // far below what it saw before
  EXPECT_NEAR(sketch.quantile(0.5), 1e-100, 1e-102);
}

TEST(DistinctCounts, AreExactToTheBoundAndCloseBeyond) {
  for (const std::size_t different : {0U, 1U, 15U, 16U, 17U, 511U, 512U, 513U, 2'000U, 20'000U, 200'000U}) {
    Distinct distinct;
    for (int again = 0; again < 2; ++again) {
      for (std::size_t i = 0; i < different; ++i) distinct.add(hash_text("text " + std::to_string(i)));
    }
    const auto exact = static_cast<double>(different);
    if (different <= Distinct::most_exact) {
      EXPECT_EQ(distinct.count(), exact);
    } else {
      EXPECT_NEAR(distinct.count(), exact, 0.05 * exact) << "three standard errors";
    }
  }
}

TEST(DistinctCounts, MergeWithoutCountingTwice) {
  for (const int size : {100, 400, 5'000}) {
    Distinct merged;
    for (int part = 0; part < 4; ++part) {
      Distinct distinct;
      for (int i = 0; i < size; ++i) distinct.add(hash_text(std::to_string(i + part * size / 2)));
      merged.merge(distinct);
    }
    const double exact = 2.5 * size;
    EXPECT_NEAR(merged.count(), exact, exact <= Distinct::most_exact ? 0 : 0.05 * exact);
    merged.clear();
    EXPECT_EQ(merged.count(), 0);
    EXPECT_TRUE(merged.empty());
  }
}

TEST(Grids, AreTheWidestThatFit) {
  const auto grid = [](std::uint64_t over, std::uint64_t every) { return make_grid(over * second, every * second); };
  EXPECT_EQ(grid(15, 5).width_ns, 5 * second);
  EXPECT_EQ(grid(15, 5).panes, 3u);
  EXPECT_EQ(grid(12, 5).width_ns, second);
  EXPECT_EQ(grid(1, 5).panes, 1u);
  EXPECT_EQ(grid(1, 5).step_ns, 5 * second);
  EXPECT_EQ(grid(3600, 1).panes, 3600u);
  const Grid odd = make_grid(3600 * second, 1'000'000'001);
  EXPECT_LE(odd.panes, 3600u);
  EXPECT_GE(odd.over_ns(), 3600 * second);
  const Grid least = make_grid(0, 0);
  EXPECT_EQ(least.panes, 1u);
  const Grid most = make_grid(never, never);
  EXPECT_EQ(most.panes, 1u);
}

TEST(Grids, PanesAreHalfOpen) {
  const Grid grid = make_grid(15 * second, 5 * second);
  EXPECT_EQ(grid.pane_of(0), 1u);
  EXPECT_EQ(grid.pane_of(1), 1u);
  EXPECT_EQ(grid.pane_of(5 * second), 1u);
  EXPECT_EQ(grid.pane_of(5 * second + 1), 2u);
}

TEST(Grids, StepsMeet) {
  EXPECT_EQ(common_step(5 * second, 5 * second), 5 * second);
  EXPECT_EQ(common_step(4 * second, 6 * second), 12 * second);
  EXPECT_EQ(common_step(60 * second, 60 * second + 1), 60 * second + 1) << "they meet in a hundred thousand years";
}

TEST(LossLogs, AreBoundedAndSumByTime) {
  LossLog log;
  for (std::uint64_t i = 0; i < 10'000; ++i) log.add(1, i * 7'919 % 10'000);  // in no order
  EXPECT_EQ(log.between(0, 10'000), 10'000u) << "that of time 0 is told a little later";
  EXPECT_EQ(log.between(9'000, 9'100), 100u);
  EXPECT_EQ(log.between(5, 5), 0u);
}

}  // namespace
}  // namespace sentinel::rules
