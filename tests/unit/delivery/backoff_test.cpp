#include "core/delivery/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sentinel::delivery {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(Backoff, DoublesToTheLongestWithJitterBelow) {
  Backoff backoff(500ms, 30s);
  for (const nanoseconds whole : {nanoseconds(500ms), nanoseconds(1s), nanoseconds(2s), nanoseconds(4s),
                                  nanoseconds(8s), nanoseconds(16s), nanoseconds(30s), nanoseconds(30s)}) {
    const auto wait = backoff.next();
    EXPECT_LE(wait, whole);
    EXPECT_GE(wait, whole / 2);
  }
  for (int i = 0; i < 10'000; ++i) EXPECT_LE(backoff.next(), nanoseconds(30s));
  backoff.reset();
  EXPECT_LE(backoff.next(), nanoseconds(500ms));
}

TEST(Backoff, OfTwoAgentsIsNotTheSame) {
  Backoff one(1s, 30s);
  Backoff other(1s, 30s);
  int same = 0;
  for (int i = 0; i < 20; ++i) same += one.next() == other.next() ? 1 : 0;
  EXPECT_LT(same, 3);
}

TEST(Backoff, HonoursWhatTheServerAskedForWithinBounds) {
  Backoff backoff(500ms, 30s);
  EXPECT_EQ(backoff.next(7s), nanoseconds(7s));
  EXPECT_EQ(backoff.next(24h), nanoseconds(300s));
  EXPECT_GE(backoff.next(0s), nanoseconds(1s));
}

TEST(RetryAfter, IsSecondsOrADate) {
  constexpr std::int64_t now = 784'111'777'000'000'000;  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", now), nanoseconds(120s));
  EXPECT_EQ(parse_retry_after("0", now), nanoseconds(0s));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:00 GMT", now), nanoseconds(23s));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), nanoseconds(0s));
  EXPECT_EQ(parse_retry_after("999999999999", now), nanoseconds(1'000'000s));
  for (const char* text :
       {"", "soon", "-1", "1.5", "12 s", "99999999999999999999999", "Sun, 06 Nov 1994 08:50:00 CET"}) {
    EXPECT_FALSE(parse_retry_after(text, now)) << text;
  }
}

}  // namespace
}  // namespace sentinel::delivery
