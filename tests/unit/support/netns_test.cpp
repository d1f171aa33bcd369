#include "tests/support/netns.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "tests/support/privilege.hpp"
#include "tests/support/process.hpp"
#include "tests/support/tcp_traffic.hpp"
#include "tests/unit/support/counters.hpp"

namespace sentinel::testing {
namespace {

constexpr auto left = NetworkNamespaces::left;
constexpr auto right = NetworkNamespaces::right;

std::uint32_t namespace_of_this_thread() {
  struct stat status = {};
  EXPECT_EQ(::stat("/proc/thread-self/ns/net", &status), 0);
  return static_cast<std::uint32_t>(status.st_ino);
}

class NetworkNamespacesTest : public ::testing::Test {
 protected:
  void SetUp() override { SENTINEL_REQUIRE_NETWORK_NAMESPACES(); }
};

TEST_F(NetworkNamespacesTest, each_side_is_a_namespace_of_its_own) {
  const auto network = NetworkNamespaces::make();
  ASSERT_TRUE(network) << network.error().message;
  EXPECT_EQ(network->run_in(left, namespace_of_this_thread), network->id(left));
  EXPECT_EQ(network->run_in(right, namespace_of_this_thread), network->id(right));
  EXPECT_NE(network->id(left), network->id(right));
  EXPECT_NE(network->id(left), namespace_of_this_thread());
}

TEST_F(NetworkNamespacesTest, two_of_them_do_not_meet) {
  const auto one = NetworkNamespaces::make();
  const auto other = NetworkNamespaces::make();
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_TRUE(other) << other.error().message;
  const auto port = one->run_in(right, [] { return TcpPort::listen({.address = NetworkNamespaces::ipv4(right)}); });
  ASSERT_TRUE(port) << port.error().message;
  const auto refused = other->run_in(left, [&] { return make_traffic(*port, {}); });
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("Connection refused"), std::string::npos) << refused.error().message;
}

TEST_F(NetworkNamespacesTest, both_families_pass_between_them) {
  const auto network = NetworkNamespaces::make();
  ASSERT_TRUE(network) << network.error().message;
  const TcpPort::At all[] = {{.family = TcpFamily::ipv4, .address = NetworkNamespaces::ipv4(right)},
                             {.family = TcpFamily::ipv6, .address = NetworkNamespaces::ipv6(right)},
                             {.family = TcpFamily::v4_mapped, .address = NetworkNamespaces::ipv4(right)}};
  for (const auto& at : all) {
    const auto port = network->run_in(right, [&] { return TcpPort::listen(at); });
    ASSERT_TRUE(port) << port.error().message;
    const auto done = network->run_in(left, [&] { return make_traffic(*port, {.count = 3, .bytes = 1000}); });
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(done->connections, 3U);
  }
  EXPECT_EQ(tcp_counter(*network, left, "ActiveOpens"), 9U);
  EXPECT_EQ(tcp_counter(*network, left, "PassiveOpens"), 0U);
  EXPECT_EQ(tcp_counter(*network, right, "ActiveOpens"), 0U);
  EXPECT_EQ(tcp_counter(*network, right, "PassiveOpens"), 9U);
}

TEST_F(NetworkNamespacesTest, segments_are_lost_and_connections_end_all_the_same) {
  auto network = NetworkNamespaces::make();
  ASSERT_TRUE(network) << network.error().message;
  if (const auto drops = network->drop_segments(right, 0.1); !drops) GTEST_SKIP() << drops.error().message;
  const auto port = network->run_in(right, [] { return TcpPort::listen({.address = NetworkNamespaces::ipv4(right)}); });
  ASSERT_TRUE(port) << port.error().message;
  const auto something_was_lost = [&] {
    const auto done = network->run_in(left, [&] { return make_traffic(*port, {.count = 8, .parallel = 8}); });
    const auto dropped = network->dropped_segments(right);
    if (!done || !dropped) {
      ADD_FAILURE() << (done ? dropped.error().message : done.error().message);
      return true;
    }
    EXPECT_EQ(done->transitions, 80U);
    return *dropped > 0;
  };
  EXPECT_TRUE(eventually(something_was_lost));
  EXPECT_GT(tcp_counter(*network, left, "RetransSegs") + tcp_counter(*network, right, "RetransSegs"), 0U);
}

TEST_F(NetworkNamespacesTest, what_was_never_asked_to_drop_says_so) {
  const auto network = NetworkNamespaces::make();
  ASSERT_TRUE(network) << network.error().message;
  const auto dropped = network->dropped_segments(left);
  ASSERT_FALSE(dropped);
  EXPECT_FALSE(dropped.error().message.empty());
}

}  // namespace
}  // namespace sentinel::testing
