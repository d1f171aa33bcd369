#include "sentinel/procfs/snmp.hpp"

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

TEST(Snmp, FindsCountersByProtocolAndName) {
  const auto text = fixture("debian12", "net/snmp");
  const auto table = parse_snmp(text);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->find("Tcp", "EstabResets"), 97u);
  EXPECT_EQ(table->find("Tcp", "InSegs"), 1834411u);
  EXPECT_EQ(table->find("Tcp", "OutSegs"), 1920377u);
  EXPECT_EQ(table->find("Tcp", "RetransSegs"), 1203u);
  EXPECT_EQ(table->find("Tcp", "OutRsts"), 488u);
  EXPECT_EQ(table->find("Udp", "InDatagrams"), 7710u);
  EXPECT_EQ(table->find("UdpLite", "InDatagrams"), 0u);
  EXPECT_EQ(table->find("Tcp", "MaxConn"), std::nullopt) << "-1 stands for no limit";
  EXPECT_EQ(table->find("Tcp", "Seg"), std::nullopt);
  EXPECT_EQ(table->find("Sctp", "InSegs"), std::nullopt);
  EXPECT_EQ(table->malformed_lines(), 0u);
}

TEST(Snmp, ReadsNetstatToo) {
  const auto text = fixture("debian12", "net/netstat");
  const auto table = parse_snmp(text);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->find("TcpExt", "ListenOverflows"), 7u);
  EXPECT_EQ(table->find("TcpExt", "ListenDrops"), 9u);
  EXPECT_EQ(table->find("IpExt", "InOctets"), 91230412u);
}

TEST(Snmp, LeavesOutWhatCannotBeRead) {
  const auto text = fixture("hostile", "net/snmp");
  const auto table = parse_snmp(text);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->find("Tcp", "InSegs"), 12u);
  EXPECT_EQ(table->find("Tcp", "OutSegs"), std::nullopt) << "beyond 64 bits";
  EXPECT_EQ(table->find("Tcp", "RetransSegs"), std::nullopt) << "negative";
  EXPECT_EQ(table->find("Tcp", "OutRsts"), std::nullopt) << "no number";
  EXPECT_EQ(table->find("Tcp", "EstabResets"), std::nullopt) << "a name without a value";
  EXPECT_EQ(table->find("Ip", "DefaultTTL"), 64u);
  EXPECT_EQ(table->malformed_lines(), 3u);
}

TEST(Snmp, KeepsNoMoreThanItsLimitOfProtocols) {
  std::string text;
  for (std::size_t i = 0; i <= SnmpTable::max_protocols; ++i) {
    const auto name = "P" + std::to_string(i);
    text += name + ": A\n" + name + ": 1\n";
  }
  const auto table = parse_snmp(text);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->find("P31", "A"), 1u);
  EXPECT_EQ(table->find("P32", "A"), std::nullopt);
  EXPECT_EQ(table->malformed_lines(), 2u);
}

TEST(Snmp, RefusesATextWithoutAPair) {
  for (const char* text :
       {"", "\n", "Tcp: A\n", "Tcp: A\nUdp: 1\n", "Tcp A\nTcp 1\n", ": A\n: 1\n", "Tcp: A\nTcp: 1"}) {
    const auto result = parse_snmp(text);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
