#include "chaos/bounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>

#include <functional>

namespace chaos {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t mib = 1024 * 1024;

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Refusal& refusal) {
    return refusal.what();
  }
  return "accepted";
}

TEST(Bounds, durations_are_numbers_with_a_unit) {
  EXPECT_EQ(parse_duration("--lifetime", "1ms"), 1ms);
  EXPECT_EQ(parse_duration("--lifetime", "250ms"), 250ms);
  EXPECT_EQ(parse_duration("--lifetime", "30s"), 30s);
  EXPECT_EQ(parse_duration("--lifetime", "60m"), 1h);
}

TEST(Bounds, durations_beyond_an_hour_and_nonsense_are_refused_by_name) {
  for (const char* text : {"", "s", "10", "10 s", "1h", "-1s", "+1s", "1.5s", "s1", "4294967296s", "1ss"}) {
    EXPECT_THAT(refusal([&] { parse_duration("--lifetime", text); }),
                AllOf(HasSubstr("--lifetime"), HasSubstr("no duration")))
        << text;
  }
  for (const char* text : {"0s", "61m", "3600001ms", "4294967295m"}) {
    EXPECT_THAT(refusal([&] { parse_duration("--lifetime", text); }), HasSubstr("not between 1ms and 60m")) << text;
  }
}

TEST(Bounds, a_number_lies_within_both_bounds) {
  EXPECT_EQ(within("--count", 1, 1, 9), 1U);
  EXPECT_EQ(within("--count", 9, 1, 9), 9U);
  EXPECT_EQ(refusal([] { within("--count", 0, 1, 9); }), "--count is 0, not between 1 and 9");
  EXPECT_EQ(refusal([] { within("--count", 10, 1, 9); }), "--count is 10, not between 1 and 9");
}

TEST(Bounds, a_fault_has_an_end) {
  EXPECT_NO_THROW(require_an_end({{"--duration", false}, {"--count", true}}));
  EXPECT_EQ(refusal([] {
              require_an_end({{"--duration", false}, {"--count", false}});
            }),
            "give --duration or --count: without it the fault would not end by itself");
}

TEST(Bounds, only_this_host_is_an_address) {
  const auto v4 = parse_loopback("--address", "127.0.0.1");
  EXPECT_EQ(v4.address.ss_family, AF_INET);
  EXPECT_EQ(v4.size, sizeof(sockaddr_in));
  EXPECT_EQ(parse_loopback("--address", "127.255.0.9").address.ss_family, AF_INET);
  const auto v6 = parse_loopback("--address", "::1");
  EXPECT_EQ(v6.address.ss_family, AF_INET6);
  EXPECT_EQ(v6.size, sizeof(sockaddr_in6));
  for (const char* text : {"", "localhost", "0.0.0.0", "10.0.0.1", "128.0.0.1", "126.255.255.255", "::", "::2",
                           "::ffff:127.0.0.1", "fe80::1", "127.0.0.1:80", "127.1", " 127.0.0.1"}) {
    EXPECT_THAT(refusal([&] { parse_loopback("--address", text); }),
                AllOf(HasSubstr("--address"), HasSubstr("no loopback address")))
        << text;
  }
}

TEST(Bounds, memory_leaves_a_tenth_to_the_host) {
  EXPECT_EQ(available_memory_bytes("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"), 2 * mib);
  EXPECT_EQ(available_memory_bytes("MemTotal: 9 kB\n"), 0U);
  EXPECT_EQ(available_memory_bytes("MemAvailable:"), 0U);
  EXPECT_EQ(available_memory_bytes("MemAvailable: x kB\n"), 0U);
  EXPECT_NO_THROW(require_memory("--ceiling", 90 * mib, 100 * mib));
  EXPECT_THAT(refusal([] { require_memory("--ceiling", 91 * mib, 100 * mib); }),
              AllOf(HasSubstr("--ceiling is 91 MiB"), HasSubstr("(90 MiB)")));
  EXPECT_THAT(refusal([] { require_memory("--ceiling", 1, 0); }), HasSubstr("--ceiling"));
}

}  // namespace
}  // namespace chaos
