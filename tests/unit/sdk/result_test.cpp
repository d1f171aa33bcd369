#include <gtest/gtest.h>

#include <memory>
#include <sentinel/error.hpp>
#include <sentinel/result.hpp>
#include <string>

namespace sentinel {

namespace {

Result<int> parsed(bool good) {
  if (good) return 7;
  return Error{Errc::invalid_argument, "no number"};
}

TEST(Result, HoldsAValueOrAnError) {
  const auto good = parsed(true);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 7);
  const auto bad = parsed(false);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, Errc::invalid_argument);
  EXPECT_EQ(bad.error().in("/proc/x").message, "/proc/x: no number");
  EXPECT_EQ(bad.error().in("/proc/x").code, Errc::invalid_argument);
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(3);
  ASSERT_TRUE(made);
  const std::unique_ptr<int> taken = *std::move(made);
  EXPECT_EQ(*taken, 3);
}

TEST(Result, OfVoidSucceedsByDefault) {
  EXPECT_TRUE(Result<void>());
  const Result<void> failed = Error{Errc::timeout, "late"};
  EXPECT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "late");
}

TEST(Result, IsKnownAsOne) {
  static_assert(is_result<Result<int>> && is_result<Result<void>> && !is_result<int>);
}

TEST(AbiError, IsCutToItsSize) {
  sentinel_error out = detail::empty_error();
  EXPECT_EQ(detail::fill(&out, Errc::exhausted, std::string(2000, 'x')), SENTINEL_EXHAUSTED);
  EXPECT_EQ(out.message_size, sizeof(out.message));
  EXPECT_EQ(detail::to_error(out.code, out).message, std::string(1008, 'x'));
  EXPECT_EQ(detail::fill(&out, Errc::failed, std::string(1000, 'x'), "and more of it"), SENTINEL_FAILED);
  EXPECT_EQ(out.message_size, sizeof(out.message));
  EXPECT_EQ(detail::fill(nullptr, Errc::failed, "nowhere to put it"), SENTINEL_FAILED);
}

TEST(AbiError, SurvivesGarbage) {
  sentinel_error out = detail::empty_error();
  out.message_size = 4'000'000'000U;
  const Error read = detail::to_error(-3, out);
  EXPECT_EQ(read.code, Errc::failed);
  EXPECT_EQ(read.message.size(), sizeof(out.message));
  out.message_size = 0;
  EXPECT_EQ(detail::to_error(99, out).message, "failed without a reason (code 99)");
}

}  // namespace

}  // namespace sentinel
