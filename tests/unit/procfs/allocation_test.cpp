#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "sentinel/procfs/descriptors.hpp"
#include "sentinel/procfs/diskstats.hpp"
#include "sentinel/procfs/loadavg.hpp"
#include "sentinel/procfs/meminfo.hpp"
#include "sentinel/procfs/mountinfo.hpp"
#include "sentinel/procfs/net_dev.hpp"
#include "sentinel/procfs/net_tcp.hpp"
#include "sentinel/procfs/pid_limits.hpp"
#include "sentinel/procfs/pressure.hpp"
#include "sentinel/procfs/processes.hpp"
#include "sentinel/procfs/snmp.hpp"
#include "sentinel/procfs/sockstat.hpp"
#include "sentinel/procfs/softnet.hpp"
#include "sentinel/procfs/stat.hpp"
#include "sentinel/procfs/vmstat.hpp"
#include "tests/unit/procfs/fixture.hpp"

namespace {
std::atomic<std::uint64_t> allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace sentinel::procfs {
namespace {

/// How many allocations the second of two equal calls made.
template <class Call>
std::uint64_t warm_allocations(Call call) {
  EXPECT_TRUE(call());
  const std::uint64_t before = allocations;
  EXPECT_TRUE(call());
  return allocations - before;
}

TEST(Allocations, TheCounterCounts) {
  // Called as a function, for an optimiser may leave out a new-expression.
  EXPECT_EQ(warm_allocations([] {
              ::operator delete(::operator new(1));
              return true;
            }),
            1u);
}

TEST(Allocations, AWarmReadMakesNone) {
  const auto root = fixture_root("cpus128");
  Buffer buffer;
  EXPECT_EQ(warm_allocations([&] { return root.read("stat", buffer).ok(); }), 0u);
}

TEST(Allocations, AWarmParseMakesNone) {
  Stat stat;
  MemInfo meminfo;
  const auto stat_text = fixture("cpus128", "stat");
  const auto meminfo_text = fixture("debian12", "meminfo");
  const auto hostile_meminfo_text = fixture("debian12", "meminfo") + "MemFree: 1 kB\nbad\n";
  const auto loadavg_text = fixture("debian12", "loadavg");
  const auto pressure_text = fixture("debian12", "pressure/io");
  const auto vmstat_text = fixture("debian12", "vmstat");
  const auto sockstat_text = fixture("debian12", "net/sockstat");
  const auto netstat_text = fixture("debian12", "net/netstat");
  const auto pid_text = fixture("debian12", "702/stat");
  EXPECT_EQ(warm_allocations([&] { return parse_stat(stat_text, stat).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_meminfo(meminfo_text, meminfo).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_meminfo(hostile_meminfo_text, meminfo).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_loadavg(loadavg_text).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_pressure(pressure_text).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_vmstat(vmstat_text).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_sockstat(sockstat_text).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_snmp(netstat_text)->find("TcpExt", "ListenDrops").has_value(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_pid_stat(pid_text).ok(); }), 0u);
}

TEST(Allocations, AWarmParseOfATableMakesNone) {
  std::vector<DiskStat> disks;
  std::vector<Mount> mounts;
  std::vector<NetDevice> devices;
  std::vector<SoftnetCpu> cpus;
  const auto disks_text = fixture("debian12", "diskstats");
  const auto mounts_text = fixture("debian12", "self/mountinfo");
  const auto devices_text = fixture("debian12", "net/dev");
  const auto softnet_text = fixture("cpus128", "net/softnet_stat");
  const auto limits_text = fixture("debian12", "1/limits");
  EXPECT_EQ(warm_allocations([&] { return parse_diskstats(disks_text, disks).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_mountinfo(mounts_text, mounts).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_net_dev(devices_text, devices).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_softnet(softnet_text, cpus).ok(); }), 0u);
  EXPECT_EQ(warm_allocations([&] { return parse_open_files_limit(limits_text).ok(); }), 0u);
}

TEST(Allocations, CountingDescriptorsMakesNone) {
  const auto root = fixture_root("debian12");
  const auto walker = std::make_unique<DescriptorWalker>();
  std::uint64_t open = 0;
  EXPECT_EQ(warm_allocations(
                [&] { return walker->walk(root, [&](const PidDescriptors& found) { open += found.open; }).ok(); }),
            0u);
  EXPECT_EQ(open, 2 * (6 + 12 + 9 + 4));
}

TEST(Allocations, CountingTwelveThousandSocketsMakesNone) {
  const auto table = fixture("debian12", "net/tcp");
  const auto header = table.find('\n') + 1;
  std::string large = table.substr(0, header);
  std::uint64_t sockets = 0;
  for (; sockets < 12'000; sockets += 21) large += table.substr(header);
  EXPECT_EQ(warm_allocations([&] {
              const auto counts = count_tcp_states(large);
              return counts.ok() && (*counts)[TcpState::time_wait] == sockets / 21 * 4;
            }),
            0u);
}

TEST(Allocations, AWalkMakesNoneHoweverManyProcessesThereAre) {
  const TemporaryTree tree;
  constexpr std::uint64_t processes = 100;
  for (std::uint64_t pid = 1; pid <= processes; ++pid) {
    tree.write(std::to_string(pid) + "/stat",
               std::to_string(pid) + " (x) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9 4096 1\n");
    tree.write(std::to_string(pid + 100'000) + "/stat", "malformed\n");
    tree.write(std::to_string(pid + 200'000) + "/comm", "vanished\n");
  }
  const auto root = Root::open(tree.path());
  const auto walker = std::make_unique<ProcessWalker>();
  std::uint64_t visited = 0;
  EXPECT_EQ(warm_allocations([&] {
              const auto counts = walker->walk(*root, [&](const PidStat&) { ++visited; });
              return counts.ok() && counts->read == processes && counts->malformed == processes &&
                     counts->vanished == processes;
            }),
            0u);
  EXPECT_EQ(visited, 2 * processes);
}

}  // namespace
}  // namespace sentinel::procfs
