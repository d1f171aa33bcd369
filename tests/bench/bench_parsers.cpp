// Each parser of core/procfs on the files of a small and of a large host, and on made-up larger ones; text in memory,
// so that the kernel's own time to print a file is left out.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/procfs/diskstats.hpp>
#include <sentinel/procfs/loadavg.hpp>
#include <sentinel/procfs/meminfo.hpp>
#include <sentinel/procfs/mountinfo.hpp>
#include <sentinel/procfs/net_dev.hpp>
#include <sentinel/procfs/net_tcp.hpp>
#include <sentinel/procfs/pid_limits.hpp>
#include <sentinel/procfs/pid_stat.hpp>
#include <sentinel/procfs/pressure.hpp>
#include <sentinel/procfs/snmp.hpp>
#include <sentinel/procfs/sockstat.hpp>
#include <sentinel/procfs/softnet.hpp>
#include <sentinel/procfs/stat.hpp>
#include <sentinel/procfs/vmstat.hpp>

namespace {

using namespace sentinel::procfs;

std::string fixture(const std::string& path) {
  const std::ifstream file(SENTINEL_FIXTURES "/procfs/" + path);
  if (!file) throw std::runtime_error("no fixture " + path);
  return (std::ostringstream() << file.rdbuf()).str();
}

template <class Parse>
void run(benchmark::State& state, std::string_view text, Parse parse) {
  for (auto _ : state) {
    auto parsed = parse(text);
    if (!parsed.ok()) return state.SkipWithError(parsed.error().message.c_str());
    benchmark::DoNotOptimize(parsed);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

sentinel::Result<void> reuse_stat(std::string_view text) {
  static Stat stat;
  return parse_stat(text, stat);
}
sentinel::Result<void> reuse_meminfo(std::string_view text) {
  static MemInfo meminfo;
  return parse_meminfo(text, meminfo);
}

sentinel::Result<void> reuse_diskstats(std::string_view text) {
  static std::vector<DiskStat> disks;
  return parse_diskstats(text, disks);
}
sentinel::Result<void> reuse_mountinfo(std::string_view text) {
  static std::vector<Mount> mounts;
  return parse_mountinfo(text, mounts);
}
sentinel::Result<void> reuse_net_dev(std::string_view text) {
  static std::vector<NetDevice> devices;
  return parse_net_dev(text, devices);
}
sentinel::Result<void> reuse_softnet(std::string_view text) {
  static std::vector<SoftnetCpu> cpus;
  return parse_softnet(text, cpus);
}

/// /proc/stat of a host with this many CPUs.
std::string stat_text(int cpus) {
  std::string text = "cpu  1 2 3 4 5 6 7 8 9 10\n";
  for (int cpu = 0; cpu < cpus; ++cpu) {
    text += "cpu" + std::to_string(cpu) + " 4705213 1234 1503412 71234567 45123 0 60123 1234 0 0\n";
  }
  return text + "intr 1 2 3\nctxt 9876543210\nbtime 1717000000\nprocesses 1234567\nprocs_running 3\nprocs_blocked 0\n";
}

/// /proc/net/tcp with this many sockets, their states mixed.
std::string tcp_text(int sockets) {
  std::string text =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode               "
      "                                      \n";
  for (int i = 0; i < sockets; ++i) {
    char line[256];
    const int size =
        std::snprintf(line, sizeof(line),
                      "%4d: 0100007F:%04X 0100007F:1F40 %02X 00000000:00000000 00:00000000 00000000  1000  "
                      "      0 %d 1 0000000000000000 20 4 30 10 -1",
                      i, 1024 + i % 60000, 1 + i % 11, 100000 + i);
    text.append(line, static_cast<std::size_t>(size)).append(static_cast<std::size_t>(149 - size), ' ') += '\n';
  }
  return text;
}

void stat(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/stat"), reuse_stat);
}
void stat_made(benchmark::State& state) {
  run(state, stat_text(static_cast<int>(state.range(0))), reuse_stat);
}
void meminfo(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/meminfo"), reuse_meminfo);
}
void loadavg(benchmark::State& state) {
  run(state, fixture("debian12/loadavg"), parse_loadavg);
}
void pressure(benchmark::State& state) {
  run(state, fixture("debian12/pressure/memory"), parse_pressure);
}
void vmstat(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/vmstat"), parse_vmstat);
}
void sockstat(benchmark::State& state) {
  run(state, fixture("debian12/net/sockstat"), parse_sockstat);
}
void snmp(benchmark::State& state) {
  run(state, fixture("debian12/net/snmp"), parse_snmp);
}
void netstat(benchmark::State& state) {
  run(state, fixture("debian12/net/netstat"), parse_snmp);
}
void pid_stat(benchmark::State& state) {
  run(state, fixture("debian12/1/stat"), parse_pid_stat);
}
void pid_limits(benchmark::State& state) {
  run(state, fixture("debian12/1/limits"), parse_open_files_limit);
}
void diskstats(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/diskstats"), reuse_diskstats);
}
void mountinfo(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/self/mountinfo"), reuse_mountinfo);
}
void net_dev(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/net/dev"), reuse_net_dev);
}
void softnet(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/net/softnet_stat"), reuse_softnet);
}
void net_tcp(benchmark::State& state, const std::string& tree) {
  run(state, fixture(tree + "/net/tcp"), count_tcp_states);
}
void net_tcp_made(benchmark::State& state) {
  run(state, tcp_text(static_cast<int>(state.range(0))), count_tcp_states);
}

BENCHMARK_CAPTURE(stat, debian12, "debian12");
BENCHMARK_CAPTURE(stat, cpus128, "cpus128");
BENCHMARK(stat_made)->Arg(8)->Arg(1024);
BENCHMARK_CAPTURE(meminfo, debian12, "debian12");
BENCHMARK_CAPTURE(meminfo, cpus128, "cpus128");
BENCHMARK(loadavg);
BENCHMARK(pressure);
BENCHMARK_CAPTURE(vmstat, debian12, "debian12");
BENCHMARK_CAPTURE(vmstat, cpus128, "cpus128");
BENCHMARK(sockstat);
BENCHMARK(snmp);
BENCHMARK(netstat);
BENCHMARK(pid_stat);
BENCHMARK(pid_limits);
BENCHMARK_CAPTURE(diskstats, debian12, "debian12");
BENCHMARK_CAPTURE(diskstats, cpus128, "cpus128");
BENCHMARK_CAPTURE(mountinfo, debian12, "debian12");
BENCHMARK_CAPTURE(mountinfo, cpus128, "cpus128");
BENCHMARK_CAPTURE(net_dev, cpus128, "cpus128");
BENCHMARK_CAPTURE(softnet, cpus128, "cpus128");
BENCHMARK_CAPTURE(net_tcp, debian12, "debian12");
BENCHMARK_CAPTURE(net_tcp, cpus128, "cpus128");
BENCHMARK(net_tcp_made)->Arg(100)->Arg(10'000)->Arg(100'000);

}  // namespace
