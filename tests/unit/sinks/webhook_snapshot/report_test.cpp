// The report of one scene, whole: golden/report.md. To change it, look at what the test writes beside the binary.
#include <gtest/gtest.h>

#include "sinks/webhook_snapshot/report.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace snapshot {
namespace {

using namespace sentinel::procfs;

std::string stat_line(int pid, const std::string& comm, char state, int ppid, int ticks, std::uint64_t pages) {
  return std::to_string(pid) + " (" + comm + ") " + state + " " + std::to_string(ppid) + " 0 0 0 -1 0 0 0 0 0 " +
         std::to_string(ticks) + " 0 0 0 20 0 1 0 100 4096 " + std::to_string(pages) +
         " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
}

TEST(ReportTest, is_the_golden_one) {
  const rig::TemporaryFolder tree;
  const auto add = [&](int pid, const std::string& comm, char state, int ppid, int ticks, std::uint64_t pages) {
    tree.write(std::to_string(pid) + "/stat", stat_line(pid, comm, state, ppid, ticks, pages));
  };
  ProcessTable processes(64);
  const auto root = Root::open(tree.path());
  for (const int ticks : {10, 60}) {
    add(1, "systemd", 'S', 0, 10, 3000);
    add(400, "nginx", 'S', 1, 10, 2500);
    add(401, "nginx", 'S', 400, 10, 2500);
    add(4242, "memory_eater", 'R', 1, ticks, 800'000);
    add(4300, "evil`|\n# name", 'D', 1, 10, 100);
    ASSERT_TRUE(ticks == 10 ? processes.look(*root, 0) : processes.look_again(*root, 1'000'000'000));
  }
  SocketTable sockets;
  tree.write("net/tcp",
             "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
             "   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0\n"
             "   1: 0100007F:1F90 0200000A:D431 06 00000000:00000000 00:00000000 00000000     0        0 0 1 0\n"
             "   2: 0100007F:9C40 0300000A:1538 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0\n");
  Buffer buffer;
  ASSERT_TRUE(sockets.read(*root, "net/", false, TcpState::established, buffer));

  Alert alert;
  alert.name = "high_memory_usage";
  alert.severity = "critical";
  alert.labels = {{"alertname", "high_memory_usage"}, {"instance", "web1"}, {"severity", "critical"}};
  alert.annotations = {{"runbook_url", "https://runbooks/memory"}, {"summary", "memory is at 91.5 %"}};
  alert.starts_at_ns = 1'714'999'990'000'000'000;
  alert.value = 91.5;
  alert.lost = 3;
  alert.metric = "sentinel_memory_usage";
  alert.expression = "avg over 15s of sentinel_memory_usage > 80";

  Scene scene;
  scene.alert = &alert;
  scene.id = "20240506T125320Z-high_memory_usage-be53f1480ae6d984";
  scene.taken_ns = 1'715'000'000'000'000'000;
  scene.boot_ns = 86'400'000'000'000;
  scene.uptime_seconds = 86'400;
  scene.took_ms = 87;
  scene.agent_labels = {{"instance", "web1"}};
  scene.kernel = "Linux 6.1.0 x86_64";
  ASSERT_TRUE(
      parse_meminfo("MemTotal: 4000000 kB\nMemFree: 200000 kB\nMemAvailable: 340000 kB\nCached: 300000 kB\nSlab: "
                    "100000 kB\nSUnreclaim: 700000 kB\n"
                    "SwapTotal: 1000000 kB\nSwapFree: 400000 kB\n",
                    scene.memory));
  scene.load = *parse_loadavg("3.50 2.10 1.00 2/120 4300\n");
  scene.pressure_memory = *parse_pressure(
      "some avg10=41.20 avg60=20.00 avg300=5.00 total=1\nfull avg10=12.00 avg60=4.00 avg300=1.00 total=1\n");
  scene.stat.cpus.resize(2);
  scene.stat.procs_running = 2;
  scene.cpu_busy = 0.62;
  scene.cpu_iowait = 0.04;
  scene.cpu_steal = 0;
  scene.counters = {{"OOM kills", 1}};
  scene.processes = &processes;
  scene.sockets = &sockets;
  scene.sockets_known = true;
  scene.mounts.push_back({"/",
                          "/dev/vda1",
                          "ext4",
                          false,
                          {Answer::State::answered, 0},
                          {100'000'000'000, 5'000'000'000, 10'000'000'000, 1000, 900}});
  scene.mounts.push_back({"/mnt/nfs", "filer:/x", "nfs4", false, {Answer::State::hung, 0}, {}});
  scene.kernel_lines = {{86'390'000'000, 3, "Out of memory: Killed process 3999 (worker) total-vm:1kB"}};
  scene.subject = subject_of(alert);
  find_culprits(scene);
  Suspect suspect;
  suspect.pid = 4242;
  suspect.name = "memory_eater";
  suspect.folder = "evidence/4242-memory_eater";
  suspect.cmdline = "memory_eater --rate 100MiB --token [masked]";
  suspect.container = std::string(64, 'a');
  suspect.cgroup = "/docker/" + std::string(64, 'a');
  suspect.facts = {{"resident", "3.1 GiB"}, {"cgroup's memory limit", "4.0 GiB"}};
  suspect.open_fds = 12;
  suspect.stack = "[<0>] do_wait+0x1/0x2\n";
  scene.suspects.push_back(suspect);
  scene.chart = {"sentinel_memory_usage", false, {{"sentinel_memory_usage", {}}}, 80, alert.starts_at_ns};
  for (int i = 0; i < 60; ++i)
    scene.chart.tracks[0].points.emplace_back(scene.taken_ns - (60 - i) * 5'000'000'000LL,
                                              i < 40 ? 40 + i % 3 : 40 + (i - 39) * 2.5);
  scene.items = {{"kernel log", "evidence/kernel.log", 10, 1, Item::State::taken, ""},
                 {"stack of 4242", "", 0, 0.1, Item::State::failed, "cannot read /proc/4242/stack: Permission denied"},
                 {"pressure/cpu", "", 0, 0.1, Item::State::absent, "no such file"}};

  std::string report;
  write_report(scene, report);
  sentinel::testing::write_text(SENTINEL_BINARY_DIR "/tests/snapshot_report.md", report);
  EXPECT_EQ(report,
            sentinel::testing::read_text(SENTINEL_SOURCE_DIR "/tests/unit/sinks/webhook_snapshot/golden/report.md"));
  const auto picture = svg(scene.chart);
  sentinel::testing::write_text(SENTINEL_BINARY_DIR "/tests/snapshot_history.svg", picture);
  EXPECT_EQ(picture,
            sentinel::testing::read_text(SENTINEL_SOURCE_DIR "/tests/unit/sinks/webhook_snapshot/golden/history.svg"));
}

}  // namespace
}  // namespace snapshot
