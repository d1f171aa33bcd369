#include "sentinel/procfs/sockstat.hpp"

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

TEST(SockStat, ReadsIpv4WithTheTotalsOfBothFamilies) {
  const auto s = parse_sockstat(fixture("debian12", "net/sockstat"));
  ASSERT_TRUE(s.ok());
  EXPECT_EQ(s->sockets_used, 241u);
  EXPECT_EQ(s->tcp_inuse, 15u);
  EXPECT_EQ(s->tcp_orphan, 0u);
  EXPECT_EQ(s->tcp_time_wait, 5u);
  EXPECT_EQ(s->tcp_alloc, 22u);
  EXPECT_EQ(s->tcp_mem_pages, 7u);
  EXPECT_EQ(s->udp_inuse, 5u);
  EXPECT_EQ(s->udp_mem_pages, 3u);
  EXPECT_EQ(s->udplite_inuse, 0u);
  EXPECT_EQ(s->raw_inuse, 0u);
  EXPECT_EQ(s->frag_inuse, 0u);
  EXPECT_EQ(s->frag_memory_bytes, 0u);
}

TEST(SockStat, ReadsIpv6) {
  const auto s = parse_sockstat(fixture("ipv6_heavy", "net/sockstat6"));
  ASSERT_TRUE(s.ok());
  EXPECT_EQ(s->tcp_inuse, 54u);
  EXPECT_EQ(s->udp_inuse, 6u);
  EXPECT_EQ(s->raw_inuse, 2u);
  EXPECT_FALSE(s->sockets_used.has_value());
  EXPECT_FALSE(s->tcp_time_wait.has_value());
}

TEST(SockStat, SkipsWhatItDoesNotKnow) {
  const auto s = parse_sockstat("MPTCP: inuse x\nTCP: inuse 1 new 7 old\nno colon 1\nTCP: inuse 9\n");
  ASSERT_TRUE(s.ok());
  EXPECT_EQ(s->tcp_inuse, 1u);
}

TEST(SockStat, RefusesWhatNoKernelPrints) {
  for (const char* text : {"", "\n", "TCP inuse 1\n", "MPTCP: inuse 1\n", "TCP: inuse\n", "TCP: inuse -1\n",
                           "TCP: inuse 18446744073709551616\n", "TCP: inuse 1", "TCP: inuse 1\nUDP: inuse 1"}) {
    const auto result = parse_sockstat(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
