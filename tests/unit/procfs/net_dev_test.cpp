#include "sentinel/procfs/net_dev.hpp"

#include <gtest/gtest.h>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::string_view heading = "Inter-|   Receive\n face |bytes\n";

std::vector<NetDevice> parsed(std::string_view text) {
  std::vector<NetDevice> devices;
  const auto done = parse_net_dev(text, devices);
  EXPECT_TRUE(done.ok()) << done.error().message;
  return devices;
}

TEST(NetDev, ReadsBothWays) {
  const auto text = fixture("debian12", "net/dev");
  const auto devices = parsed(text);
  ASSERT_EQ(devices.size(), 3u);
  const auto& eth0 = devices[1];
  EXPECT_EQ(eth0.name, "eth0");
  EXPECT_EQ(eth0.received.bytes, 9123456789u);
  EXPECT_EQ(eth0.received.packets, 7123456u);
  EXPECT_EQ(eth0.received.errors, 3u);
  EXPECT_EQ(eth0.received.dropped, 41u);
  EXPECT_EQ(eth0.sent.bytes, 812345678u);
  EXPECT_EQ(eth0.sent.packets, 3123456u);
  EXPECT_EQ(eth0.sent.errors, 0u);
  EXPECT_EQ(eth0.sent.dropped, 5u);
}

TEST(NetDev, TakesNamesWithoutABlankBehindAndWithColons) {
  const auto text = std::string(heading) + "eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n" +
                    "  eth0:7: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
  const auto devices = parsed(text);
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].name, "eth0");
  EXPECT_EQ(devices[0].received.bytes, 1u);
  EXPECT_EQ(devices[0].sent.dropped, 12u);
  EXPECT_EQ(devices[1].name, "eth0:7");
}

TEST(NetDev, ANamespaceWithoutDevicesHasNone) {
  EXPECT_TRUE(parsed(heading).empty());
}

TEST(NetDev, RefusesWhatNoKernelPrints) {
  const std::string head(heading);
  for (const auto& text :
       {std::string(), std::string("\n"), std::string("Inter-|\n"), std::string("a\nb\n"), head + "\n",
        head + "lo 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", head + ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
        head + "lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n", head + "lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        head + "lo: 1 2 3 4 5 6 7 x 9 10 11 12 13 14 15 16\n",
        head + "lo: -1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"}) {
    std::vector<NetDevice> devices;
    const auto done = parse_net_dev(text, devices);
    ASSERT_FALSE(done.ok()) << text;
    EXPECT_EQ(done.error().code, Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
