#include "sentinel/procfs/net_tcp.hpp"

#include <numeric>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::string_view header = "  sl  local_address rem_address   st tx_queue rx_queue\n";

std::uint64_t sum(const TcpStateCounts& counts) {
  return std::accumulate(counts.sockets.begin(), counts.sockets.end(), std::uint64_t{0});
}

TEST(NetTcp, CountsATypicalHost) {
  const auto tcp = count_tcp_states(fixture("debian12", "net/tcp"));
  ASSERT_TRUE(tcp.ok());
  EXPECT_EQ((*tcp)[TcpState::listen], 6u);
  EXPECT_EQ((*tcp)[TcpState::established], 9u);
  EXPECT_EQ((*tcp)[TcpState::time_wait], 4u);
  EXPECT_EQ((*tcp)[TcpState::close_wait], 1u);
  EXPECT_EQ((*tcp)[TcpState::syn_sent], 1u);
  EXPECT_EQ(sum(*tcp), 21u);
  EXPECT_EQ(tcp->malformed_lines, 0u);
}

TEST(NetTcp, CountsEachStateOfIpv6) {
  auto both = count_tcp_states(fixture("ipv6_heavy", "net/tcp6"));
  ASSERT_TRUE(both.ok());
  const TcpStateCounts expected{{0, 31, 1, 3, 2, 5, 18, 1, 4, 2, 4, 1, 0}, 0};
  EXPECT_EQ(both->sockets, expected.sockets);

  *both += *count_tcp_states(fixture("ipv6_heavy", "net/tcp"));
  EXPECT_EQ((*both)[TcpState::listen], 6u);
}

TEST(NetTcp, AHeaderAloneIsAnEmptyTable) {
  const auto tcp = count_tcp_states(fixture("container", "net/tcp6"));
  ASSERT_TRUE(tcp.ok());
  EXPECT_EQ(sum(*tcp), 0u);
}

TEST(NetTcp, SlotNumbersMayBeWide) {
  const auto tcp =
      count_tcp_states(std::string(header) + "1234567: 0100007F:0016 0100007F:D431 06 00000000:00000000\n");
  EXPECT_EQ((*tcp)[TcpState::time_wait], 1u);
}

TEST(NetTcp, CountsBesidesMalformedLinesAndUnknownStates) {
  const auto tcp = count_tcp_states(fixture("hostile", "net/tcp"));
  ASSERT_TRUE(tcp.ok());
  EXPECT_EQ((*tcp)[TcpState::established], 1u);
  EXPECT_EQ((*tcp)[TcpState::listen], 1u);
  EXPECT_EQ((*tcp)[TcpState::time_wait], 1u);
  EXPECT_EQ((*tcp)[TcpState::unknown], 2u) << "states FF and 0D";
  EXPECT_EQ(tcp->malformed_lines, 7u);
}

TEST(NetTcp, RefusesWhatIsNoSocketTable) {
  const std::string line = "   0: 0100007F:0016 0100007F:D431 01 00000000:00000000";
  for (const auto& text : {std::string(), std::string("\n"), std::string("Inter-|   Receive\n"), line + "\n",
                           std::string(header.substr(0, 20)), std::string(header) + line}) {
    const auto result = count_tcp_states(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << text;
  }
}

TEST(NetTcp, NamesStandAtTheKernelsNumbers) {
  EXPECT_EQ(tcp_state_names[1], "established");
  EXPECT_EQ(tcp_state_names[6], "time_wait");
  EXPECT_EQ(tcp_state_names[10], "listen");
  EXPECT_EQ(tcp_state_names[12], "new_syn_recv");
  EXPECT_EQ(tcp_state_names[static_cast<std::size_t>(TcpState::closing)], "closing");
}

}  // namespace
}  // namespace sentinel::procfs
