#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "sentinel/procfs/diskstats.hpp"
#include "sentinel/procfs/loadavg.hpp"
#include "sentinel/procfs/meminfo.hpp"
#include "sentinel/procfs/mountinfo.hpp"
#include "sentinel/procfs/net_dev.hpp"
#include "sentinel/procfs/net_tcp.hpp"
#include "sentinel/procfs/pid_limits.hpp"
#include "sentinel/procfs/pid_stat.hpp"
#include "sentinel/procfs/pressure.hpp"
#include "sentinel/procfs/snmp.hpp"
#include "sentinel/procfs/sockstat.hpp"
#include "sentinel/procfs/softnet.hpp"
#include "sentinel/procfs/stat.hpp"
#include "sentinel/procfs/sysctl.hpp"
#include "sentinel/procfs/vmstat.hpp"
#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

/// One file and its parser; the rest says how a text is met that no kernel wrote.
struct Reader {
  const char* file;
  Result<void> (*parse)(std::string_view text);
  bool refuses_hostile;  ///< false: the hostile tree's file is read in part, what cannot be read is counted
  bool refuses_empty = true;
};

template <class T>
Result<void> outcome(const Result<T>& result) {
  if (result) return {};
  return result.error();
}

Result<void> stat(std::string_view text) {
  Stat out;
  return parse_stat(text, out);
}
Result<void> meminfo(std::string_view text) {
  MemInfo out;
  return parse_meminfo(text, out);
}
Result<void> loadavg(std::string_view text) {
  return outcome(parse_loadavg(text));
}
Result<void> pressure(std::string_view text) {
  return outcome(parse_pressure(text));
}
Result<void> vmstat(std::string_view text) {
  return outcome(parse_vmstat(text));
}
Result<void> net_tcp(std::string_view text) {
  return outcome(count_tcp_states(text));
}
Result<void> sockstat(std::string_view text) {
  return outcome(parse_sockstat(text));
}
Result<void> pid_stat(std::string_view text) {
  return outcome(parse_pid_stat(text));
}
Result<void> diskstats(std::string_view text) {
  std::vector<DiskStat> out;
  return parse_diskstats(text, out);
}
Result<void> mountinfo(std::string_view text) {
  std::vector<Mount> out;
  const auto done = parse_mountinfo(text, out);
  for (const auto& mount : out) (void)(unescape_mount(mount.mountpoint).size() + (mount.read_only() ? 1 : 0));
  return done;
}
Result<void> net_dev(std::string_view text) {
  std::vector<NetDevice> out;
  return parse_net_dev(text, out);
}
Result<void> softnet(std::string_view text) {
  std::vector<SoftnetCpu> out;
  return parse_softnet(text, out);
}
Result<void> file_nr(std::string_view text) {
  std::array<std::uint64_t, 3> out{};
  return parse_sysctl("file-nr", text, out);
}
Result<void> one_number(std::string_view text) {
  std::array<std::uint64_t, 1> out{};
  return parse_sysctl("nf_conntrack_count", text, out);
}
Result<void> pid_limits(std::string_view text) {
  return outcome(parse_open_files_limit(text));
}
Result<void> snmp(std::string_view text) {
  const auto table = parse_snmp(text);
  if (!table) return table.error();
  (void)table->find("Tcp", "EstabResets");
  (void)table->find("TcpExt", "ListenDrops");
  return {};
}

constexpr Reader readers[] = {
    {"stat", stat, true},
    {"loadavg", loadavg, true},
    {"meminfo", meminfo, false},
    {"vmstat", vmstat, true},
    {"pressure/cpu", pressure, true},
    {"pressure/memory", pressure, true},
    {"pressure/io", pressure, true},
    {"net/tcp", net_tcp, false},
    {"net/tcp6", net_tcp, true},
    {"net/sockstat", sockstat, true},
    {"net/sockstat6", sockstat, true},
    {"net/snmp", snmp, false},
    {"net/netstat", snmp, false},
    {"1/stat", pid_stat, false},
    {"1/limits", pid_limits, true},
    {"diskstats", diskstats, true, false},
    {"self/mountinfo", mountinfo, true},
    {"net/dev", net_dev, true},
    {"net/softnet_stat", softnet, true},
    {"sys/fs/file-nr", file_nr, true},
    {"sys/net/netfilter/nf_conntrack_count", one_number, true},
};

std::string name_of(const Reader& reader) {
  std::string name = reader.file;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == '-'; }, '_');
  return name;
}

class HostileText : public testing::TestWithParam<Reader> {};

TEST_P(HostileText, TheTruncatedTreeIsRefused) {
  const auto result = GetParam().parse(fixture("truncated", GetParam().file));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::invalid_argument);
}

TEST_P(HostileText, TheHostileTreeIsRefusedOrReadInPart) {
  const auto result = GetParam().parse(fixture("hostile", GetParam().file));
  EXPECT_EQ(result.ok(), !GetParam().refuses_hostile);
}

TEST_P(HostileText, ATextCutWithinALineIsNeverTakenForAWholeOne) {
  const auto text = fixture("debian12", GetParam().file);
  ASSERT_TRUE(GetParam().parse(text).ok());
  for (std::size_t length = 0; length < text.size(); ++length) {
    // A heap copy without slack, so that a sanitizer sees a read beyond the end.
    const std::vector<char> cut(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
    const auto result = GetParam().parse({cut.data(), cut.size()});
    if (length == 0 ? GetParam().refuses_empty : cut.back() != '\n') {
      EXPECT_FALSE(result.ok()) << length;
    }
  }
}

TEST_P(HostileText, AMessageIsShortPrintableText) {
  for (const auto& text :
       {fixture("hostile", GetParam().file), std::string(5000, '\xff') + "\n", std::string("a\"\\\n\0", 5)}) {
    const auto result = GetParam().parse(text);
    if (result) continue;
    const auto& message = result.error().message;
    EXPECT_LT(message.size(), 500u);
    for (const char c : message) EXPECT_NE(c, '\n') << message;
    EXPECT_EQ(message.find('\xff'), std::string::npos) << message;
  }
}

TEST_P(HostileText, OverwrittenBytesNeverCrashIt) {
  const auto text = fixture("debian12", GetParam().file);
  std::mt19937 random(42);
  constexpr std::string_view nasty("\0\n\n :()-=/.9\xff", 13);
  std::size_t tried = 0;
  for (; tried < 3000; ++tried) {
    std::vector<char> bytes(text.begin(), text.end());
    for (auto changes = random() % 8 + 1; changes > 0; --changes) {
      bytes[random() % bytes.size()] = nasty[random() % nasty.size()];
    }
    const auto result = GetParam().parse({bytes.data(), bytes.size()});
    if (!result) {
      ASSERT_EQ(result.error().code, Errc::invalid_argument);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Parsers, HostileText, testing::ValuesIn(readers),
                         [](const auto& param) { return name_of(param.param); });

}  // namespace
}  // namespace sentinel::procfs
