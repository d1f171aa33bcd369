#include "tests/support/tcp_traffic.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/support/netns.hpp"
#include "tests/support/privilege.hpp"
#include "tests/unit/support/counters.hpp"

namespace sentinel::testing {
namespace {

constexpr auto left = NetworkNamespaces::left;

/// A network of the test's own, so that the kernel's counters are of this traffic alone.
class TcpTrafficTest : public ::testing::TestWithParam<TcpFamily> {
 protected:
  void SetUp() override {
    SENTINEL_REQUIRE_NETWORK_NAMESPACES();
    auto made = NetworkNamespaces::make();
    ASSERT_TRUE(made) << made.error().message;
    network_.emplace(std::move(*made));
  }

  /// On loopback of one namespace.
  Result<TcpDone> traffic(const TcpTraffic& traffic) {
    return network_->run_in(left, [&]() -> Result<TcpDone> {
      const TcpPort::At at = {.family = GetParam()};
      const auto port = traffic.shape == TcpShape::refused ? TcpPort::refuse(at) : TcpPort::listen(at);
      return port ? make_traffic(*port, traffic) : port.error();
    });
  }
  std::uint64_t counter(const char* name) const { return tcp_counter(*network_, left, name); }

  std::optional<NetworkNamespaces> network_;
};

std::string name_of(const ::testing::TestParamInfo<TcpFamily>& info) {
  if (info.param == TcpFamily::v4_mapped) return "v4_mapped";
  return info.param == TcpFamily::ipv4 ? "ipv4" : "ipv6";
}

INSTANTIATE_TEST_SUITE_P(families, TcpTrafficTest,
                         ::testing::Values(TcpFamily::ipv4, TcpFamily::ipv6, TcpFamily::v4_mapped), name_of);

TEST_P(TcpTrafficTest, graceful_connections_end_without_a_reset) {
  const auto done = traffic({.count = 100, .bytes = 10'000});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->connections, 100U);
  EXPECT_EQ(done->transitions, 1000U);
  EXPECT_EQ(counter("ActiveOpens"), 100U);
  EXPECT_EQ(counter("PassiveOpens"), 100U);
  EXPECT_EQ(counter("EstabResets"), 0U);
  EXPECT_EQ(counter("OutRsts"), 0U);
  EXPECT_EQ(counter("CurrEstab"), 0U);
}

TEST_P(TcpTrafficTest, half_closed_connections_end_without_a_reset) {
  const auto done = traffic({.shape = TcpShape::half_closed, .count = 100});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->transitions, 1000U);
  EXPECT_EQ(counter("PassiveOpens"), 100U);
  EXPECT_EQ(counter("EstabResets"), 0U);
  EXPECT_EQ(counter("OutRsts"), 0U);
  EXPECT_EQ(counter("CurrEstab"), 0U);
}

TEST_P(TcpTrafficTest, reset_connections_are_reset_at_both_ends) {
  const auto done = traffic({.shape = TcpShape::reset, .count = 100, .bytes = 1});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->transitions, 600U);
  EXPECT_EQ(counter("PassiveOpens"), 100U);
  EXPECT_EQ(counter("EstabResets"), 200U);
  EXPECT_EQ(counter("OutRsts"), 100U);
  EXPECT_EQ(counter("CurrEstab"), 0U);
}

TEST_P(TcpTrafficTest, refused_connections_are_never_established) {
  const auto done = traffic({.shape = TcpShape::refused, .count = 100});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->transitions, 200U);
  EXPECT_EQ(counter("ActiveOpens"), 100U);
  EXPECT_EQ(counter("AttemptFails"), 100U);
  EXPECT_EQ(counter("PassiveOpens"), 0U);
}

TEST_P(TcpTrafficTest, threads_share_the_count_out) {
  for (const TcpShape shape : {TcpShape::graceful, TcpShape::half_closed, TcpShape::reset}) {
    const auto done = traffic({.shape = shape, .count = 103, .parallel = 10, .bytes = 100});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->connections, 103U);
    EXPECT_EQ(done->transitions, 103 * transitions_of(shape));
  }
  EXPECT_EQ(counter("PassiveOpens"), 309U);
  EXPECT_EQ(counter("EstabResets"), 206U);
}

TEST(TcpPortTest, connections_live_less_than_a_millisecond) {
  const auto port = TcpPort::listen({});
  ASSERT_TRUE(port) << port.error().message;
  const auto done = make_traffic(*port, {.count = 200});
  ASSERT_TRUE(done) << done.error().message;
  // Whatever else the machine does, it doesn't hold up every one of them.
  EXPECT_GT(done->shorter_than_a_millisecond, 0U);
}

TEST(TcpPortTest, listeners_open_and_close) {
  const auto transitions = open_and_close_listeners({}, 10);
  ASSERT_TRUE(transitions) << transitions.error().message;
  EXPECT_EQ(*transitions, 20U);
}

TEST(TcpPortTest, a_port_can_be_had_again_at_once) {
  std::uint16_t same = 0;
  for (int i = 0; i < 3; ++i) {
    const auto port = TcpPort::listen({.port = same});
    ASSERT_TRUE(port) << port.error().message;
    same = port->port();
    const auto done = make_traffic(*port, {.count = 5});
    ASSERT_TRUE(done) << done.error().message;
  }
}

TEST(TcpPortTest, a_shape_needs_its_kind_of_port) {
  const auto listens = TcpPort::listen({});
  const auto refuses = TcpPort::refuse({});
  ASSERT_TRUE(listens && refuses);
  const auto refused = make_traffic(*listens, {.shape = TcpShape::refused});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  const auto graceful = make_traffic(*refuses, {});
  ASSERT_FALSE(graceful);
  EXPECT_EQ(graceful.error().code, Errc::invalid_argument);
}

TEST(TcpPortTest, bad_addresses_and_too_many_bytes_are_refused) {
  const auto wrong = TcpPort::listen({.family = TcpFamily::ipv6, .address = "127.0.0.1"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::invalid_argument);
  const auto foreign = TcpPort::listen({.address = "192.0.2.77"});
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("192.0.2.77"), std::string::npos);
  const auto port = TcpPort::listen({});
  ASSERT_TRUE(port);
  const auto many = make_traffic(*port, {.bytes = 1'000'000});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace sentinel::testing
