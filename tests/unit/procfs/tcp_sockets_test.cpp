#include "sentinel/procfs/tcp_sockets.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

#include "sentinel/procfs/unique_fd.hpp"

namespace sentinel::procfs {
namespace {

const std::string header =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

std::vector<TcpSocket> parse(const std::string& lines, TcpStates states = every_tcp_state) {
  std::vector<TcpSocket> found;
  const auto done =
      parse_tcp_sockets(header + lines, states, [&](const TcpSocket& socket) { found.push_back(socket); });
  EXPECT_TRUE(done);
  return found;
}

std::string address(const TcpSocket& socket, const TcpEnd& end) {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(socket.ipv6 ? AF_INET6 : AF_INET, end.address.data(), text, sizeof(text));
}

TEST(TcpSocketsTest, reads_a_line_whole) {
  const auto found = parse(
      "   0: 0100007F:1F90 0200000A:D431 01 0000000A:00000014 00:00000000 00000000  1000        0 31415 1 0 100 0\n");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].state, TcpState::established);
  EXPECT_FALSE(found[0].ipv6);
  EXPECT_EQ(address(found[0], found[0].local), "127.0.0.1");
  EXPECT_EQ(found[0].local.port, 8080);
  EXPECT_EQ(address(found[0], found[0].remote), "10.0.0.2");
  EXPECT_EQ(found[0].remote.port, 54321);
  EXPECT_EQ(found[0].send_queue, 10U);
  EXPECT_EQ(found[0].receive_queue, 20U);
  EXPECT_EQ(found[0].uid, 1000U);
  EXPECT_EQ(found[0].inode, 31415U);
}

TEST(TcpSocketsTest, an_ipv4_address_mapped_into_ipv6_is_ipv4) {
  const auto found = parse(
      "   0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:D431 08 00000000:00000000 "
      "00:00000000 00000000     0        0 7 1 0\n"
      "   1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 "
      "00:00000000 00000000     0        0 8 1 0\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FALSE(found[0].ipv6);
  EXPECT_EQ(address(found[0], found[0].remote), "127.0.0.1");
  EXPECT_EQ(found[0].state, TcpState::close_wait);
  EXPECT_TRUE(found[1].ipv6);
  EXPECT_EQ(address(found[1], found[1].local), "::1");
  EXPECT_EQ(found[1].state, TcpState::listen);
}

TEST(TcpSocketsTest, gives_the_states_that_are_asked_for) {
  const std::string tail = " 00000000:00000000 00:00000000 00000000     0        0 0 1 0\n";
  const auto lines = "   0: 0100007F:0001 0100007F:0002 06" + tail + "   1: 0100007F:0001 0100007F:0003 0A" + tail;
  EXPECT_EQ(parse(lines, only(TcpState::time_wait)).size(), 1U);
  EXPECT_EQ(parse(lines, only(TcpState::listen)).size(), 1U);
  EXPECT_EQ(parse(lines, every_tcp_state & ~only(TcpState::listen)).size(), 1U);
  EXPECT_EQ(parse(lines).size(), 2U);
}

TEST(TcpSocketsTest, counts_what_it_cannot_read) {
  std::size_t found = 0;
  const auto bad =
      parse_tcp_sockets(header + "   0: 0100007F:1F90\n" + "   1: 0100007F:FFFFF 0100007F:0 01 0:0 0 0 0 0 0\n" +
                            "   2: zzzzzzzz:0001 0100007F:0002 06 0:0 00:0 0 0 0 0\n" + "\n",
                        every_tcp_state, [&](const TcpSocket&) { ++found; });
  ASSERT_TRUE(bad);
  EXPECT_EQ(*bad, 4U);
  EXPECT_EQ(found, 0U);
}

TEST(TcpSocketsTest, refuses_what_is_no_table) {
  const auto ignore = [](const TcpSocket&) {};
  EXPECT_FALSE(parse_tcp_sockets("", every_tcp_state, ignore));
  EXPECT_FALSE(parse_tcp_sockets("nothing\n", every_tcp_state, ignore));
  EXPECT_FALSE(parse_tcp_sockets(header + "   0: 0100", every_tcp_state, ignore));
}

TEST(TcpSocketsTest, netlink_shows_a_listener_of_this_process) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(::listen(fd.get(), 7), 0);
  ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  std::vector<TcpSocket> mine;
  const auto done = for_each_tcp_socket(only(TcpState::listen), [&](const TcpSocket& socket) {
    EXPECT_EQ(socket.state, TcpState::listen);
    if (socket.local.port == ntohs(name.sin_port)) mine.push_back(socket);
  });
  ASSERT_TRUE(done) << done.error().message;
  ASSERT_EQ(mine.size(), 1U);
  EXPECT_EQ(address(mine[0], mine[0].local), "127.0.0.1");
  EXPECT_NE(mine[0].inode, 0U);
  EXPECT_EQ(mine[0].send_queue, 7U) << "the backlog";
}

}  // namespace
}  // namespace sentinel::procfs
