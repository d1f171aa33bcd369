#include <sentinel/bpf/budget.hpp>

#include <gtest/gtest.h>

namespace {

using sentinel::bpf::Budget;
using sentinel::bpf::Step;

TEST(Budget, steps_down_once_an_interval_while_it_is_exceeded) {
  Budget budget(0.01);
  EXPECT_FALSE(budget.spend(0.009, 1));
  EXPECT_EQ(budget.step(), Step::full);
  for (const auto expected : {Step::threshold_up, Step::sampling, Step::events_off, Step::detached}) {
    EXPECT_TRUE(budget.spend(0.1, 5));
    EXPECT_EQ(budget.step(), expected);
  }
  EXPECT_FALSE(budget.spend(0.1, 5));
  EXPECT_EQ(budget.step(), Step::detached);
  EXPECT_DOUBLE_EQ(budget.used(), 0.02);
}

TEST(Budget, steps_up_after_ten_calm_intervals_in_a_row) {
  Budget budget(0.01);
  budget.spend(1, 1);
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(budget.spend(0, 1));
  EXPECT_FALSE(budget.spend(0.008, 1));  // within the budget, not calm
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(budget.spend(0, 1));
  EXPECT_TRUE(budget.spend(0, 1));
  EXPECT_EQ(budget.step(), Step::full);
}

TEST(Budget, waits_longer_before_it_tries_again_what_was_too_dear) {
  Budget budget(0.01);
  const auto calm_intervals_until_up = [&] {
    int count = 1;
    while (!budget.spend(0, 1)) ++count;
    return count;
  };
  budget.spend(1, 1);
  EXPECT_EQ(calm_intervals_until_up(), 10);
  budget.spend(1, 1);
  EXPECT_EQ(calm_intervals_until_up(), 20);
  budget.spend(1, 1);
  EXPECT_EQ(calm_intervals_until_up(), 40);
  for (int i = 0; i < 200; ++i) budget.spend(0, 1);
  budget.spend(1, 1);
  EXPECT_EQ(calm_intervals_until_up(), 10);
}

TEST(Budget, none_is_no_limit) {
  Budget budget(0);
  EXPECT_FALSE(budget.spend(100, 1));
  EXPECT_EQ(budget.step(), Step::full);
}

}  // namespace
