#include "core/store/history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sentinel::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<double> values(const std::vector<Sample>& samples) {
  std::vector<double> all;
  for (const auto& sample : samples) all.push_back(sample.value);
  return all;
}

TEST(History, GivesASeriesSamplesOfAPeriodOldestFirst) {
  History history(1 << 20);
  history.append(10, {{1, 0.1}, {2, 0.2}});
  history.append(20, {{1, 1.1}});
  history.append(30, {{1, 2.1}, {2, 2.2}});
  EXPECT_THAT(values(history.read(1, 0, 100)), ElementsAre(0.1, 1.1, 2.1));
  EXPECT_THAT(values(history.read(1, 20, 30)), ElementsAre(1.1, 2.1));
  EXPECT_THAT(values(history.read(2, 0, 100)), ElementsAre(0.2, 2.2));
  EXPECT_THAT(history.read(3, 0, 100), IsEmpty());
}

TEST(History, DropsTheOldestCollectionWhenTheBudgetIsUsedUp) {
  constexpr std::size_t budget = 4096;
  History history(budget);
  for (std::uint64_t t = 1; t <= 1000; ++t) {
    history.append(t, std::vector<History::Point>(10, {7, static_cast<double>(t)}));
    EXPECT_LE(history.bytes(), budget);
  }
  EXPECT_GT(history.oldest_ns(), 900U);
  EXPECT_EQ(history.read(7, 0, 2000).back().time_ns, 1000U);
}

TEST(History, KeepsNothingThatIsLargerThanTheBudget) {
  History history(64);
  history.append(1, std::vector<History::Point>(100, {7, 1}));
  EXPECT_EQ(history.bytes(), 0U);
  EXPECT_THAT(history.read(7, 0, 10), IsEmpty());
}

}  // namespace
}  // namespace sentinel::store
