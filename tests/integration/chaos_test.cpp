// The fault injectors as they are run: each fault stands when the tool says so, is gone at its end, also at an early
// one by a signal, and none runs without a limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> tool(const std::string& name, const std::vector<std::string>& arguments) {
  std::vector<std::string> command{SENTINEL_BINARY_DIR "/chaos/" + name};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

/// A tool that runs until its fault stands.
class Fault {
 public:
  Fault(const std::string& name, const std::vector<std::string>& arguments) : process_(tool(name, arguments)) {
    stands_ = eventually([&] { return process_.out().find("\nready: ") != std::string::npos || !process_.running(); });
    EXPECT_TRUE(stands_ && process_.running()) << process_.out() << process_.err();
  }

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] std::string out() const { return process_.out(); }

  /// Ends it early; what it said.
  std::string stop(int signal = SIGTERM) {
    process_.send(signal);
    const auto ended = process_.wait();
    if (!ended) return "did not end";
    EXPECT_EQ(ended->exit_code, 0) << ended->err;
    EXPECT_THAT(ended->err, IsEmpty());
    return ended->out;
  }

 private:
  Process process_;
  bool stands_ = false;
};

std::vector<pid_t> children_of(pid_t parent) {
  std::istringstream text(
      read_text("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) + "/children"));
  std::vector<pid_t> all;
  for (pid_t pid = 0; text >> pid;) all.push_back(pid);
  return all;
}

char state_of(pid_t pid) {
  const auto text = read_text("/proc/" + std::to_string(pid) + "/stat");
  const auto at = text.rfind(") ");
  return at == std::string::npos ? '-' : text.at(at + 2);
}

std::size_t zombies_of(pid_t parent) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto text = read_text(entry.path() / "stat");
    count += text.find(") Z " + std::to_string(parent) + " ") != std::string::npos ? 1 : 0;
  }
  return count;
}

std::size_t descriptors_of(pid_t pid) {
  std::size_t count = 0;
  std::error_code ignored;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", ignored)) {
    ++count;
  }
  return count;
}

/// Sockets of net/tcp or tcp6 in this state whose local or remote port is this one.
std::size_t sockets(const std::string& table, const std::string& state, unsigned port) {
  char hex[8];
  std::snprintf(hex, sizeof hex, ":%04X", port);
  std::istringstream text(read_text("/proc/net/" + table));
  std::size_t count = 0;
  std::string line;
  while (std::getline(text, line)) {
    std::istringstream words(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string st;
    words >> number >> local >> remote >> st;
    if (st == state && (local.ends_with(hex) || remote.ends_with(hex))) ++count;
  }
  return count;
}

unsigned port_in(const std::string& out) {
  const auto at = out.find(" port ");
  return at == std::string::npos ? 0 : static_cast<unsigned>(std::stoul(out.substr(at + 6)));
}

std::uint64_t resident_mib(pid_t pid) {
  std::istringstream text(read_text("/proc/" + std::to_string(pid) + "/statm"));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  text >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / (1024 * 1024);
}

TEST(Chaos, NoneRunsWithoutALimit) {
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"memory_eater", {"--ceiling", "1"}}, {"zombie_maker", {"--count", "1"}},    {"short_conn", {"--rate", "1"}},
      {"fork_storm", {"--rate", "1"}},      {"close_wait_leak", {"--count", "1"}}, {"fd_leak", {"--count", "1"}}};
  for (const auto& [name, arguments] : cases) {
    const auto ended = run(tool(name, arguments));
    EXPECT_EQ(ended.exit_code, 2) << name;
    EXPECT_THAT(ended.err, AllOf(StartsWith(name + ": give --"), HasSubstr("would not end by itself"))) << name;
    EXPECT_THAT(ended.out, IsEmpty()) << name;
  }
  EXPECT_THAT(run(tool("memory_eater", {"--lifetime", "1s"})).err, HasSubstr("give --ceiling"));
}

TEST(Chaos, NoneGoesBeyondItsBounds) {
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"memory_eater", {"--ceiling", "65537", "--lifetime", "1s"}},
      {"memory_eater", {"--ceiling", "1", "--lifetime", "2h"}},
      {"memory_eater", {"--ceiling", "1", "--lifetime", "1s", "--rate", "0"}},
      {"zombie_maker", {"--count", "10001", "--lifetime", "1s"}},
      {"zombie_maker", {"--count", "0", "--lifetime", "1s"}},
      {"short_conn", {"--rate", "50001", "--count", "1"}},
      {"short_conn", {"--workers", "33", "--count", "1"}},
      {"short_conn", {"--count", "1", "--address", "192.0.2.1"}},
      {"fork_storm", {"--rate", "10001", "--count", "1"}},
      {"fork_storm", {"--rate", "1", "--count", "10000001"}},
      {"close_wait_leak", {"--count", "20001", "--lifetime", "1s"}},
      {"close_wait_leak", {"--count", "1", "--lifetime", "1s", "--address", "::"}},
      {"fd_leak", {"--count", "1000001", "--lifetime", "1s"}},
      {"fd_leak", {"--count", "100", "--limit", "100", "--lifetime", "1s"}},
      {"fd_leak", {"--count", "1", "--lifetime", "1s", "--unknown"}}};
  for (const auto& [name, arguments] : cases) {
    const auto ended = run(tool(name, arguments));
    EXPECT_EQ(ended.exit_code, 2) << name << ' ' << arguments[1];
    EXPECT_THAT(ended.err, Not(IsEmpty())) << name;
    EXPECT_THAT(ended.out, Not(HasSubstr("ready"))) << name;
  }
}

TEST(Chaos, ZombiesStandUntilTheEndAndAreReaped) {
  Fault fault("zombie_maker", {"--count", "20", "--lifetime", "10m"});
  EXPECT_THAT(fault.out(), StartsWith("zombie_maker: will leave 20 zombies for 600 s"));
  EXPECT_EQ(zombies_of(fault.pid()), 20U);
  EXPECT_THAT(fault.stop(SIGINT), HasSubstr("\ndone: reaped 20 zombies\n"));
  EXPECT_EQ(zombies_of(fault.pid()), 0U);
}

TEST(Chaos, AFaultEndsByItself) {
  const auto ended = run(tool("zombie_maker", {"--count", "3", "--lifetime", "50ms"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("\ndone: reaped 3 zombies\n"));
}

TEST(Chaos, MemoryIsReallyTakenAndNoMoreThanTheCeiling) {
  for (const std::vector<std::string>& speed : {std::vector<std::string>{"--fast"}, {"--rate", "400"}}) {
    std::vector<std::string> arguments{"--ceiling", "130", "--lifetime", "10m"};
    arguments.insert(arguments.end(), speed.begin(), speed.end());
    Fault fault("memory_eater", arguments);
    EXPECT_THAT(fault.out(), HasSubstr("\nready: 130 MiB held"));
    EXPECT_GE(resident_mib(fault.pid()), 130U);
    EXPECT_EQ(read_text("/proc/" + std::to_string(fault.pid()) + "/oom_score_adj"), "1000\n");
    EXPECT_THAT(fault.stop(), HasSubstr("\ndone: gave back 130 MiB\n"));
  }
}

TEST(Chaos, SlowMemoryIsTakenInSmallStepsUntilTheLifetimeEnds) {
  const auto ended = run(tool("memory_eater", {"--slow", "--ceiling", "1000", "--lifetime", "500ms"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, ContainsRegex("done: gave back [1-9] MiB"));
}

TEST(Chaos, ShortConnectionsBuildUpTimeWait) {
  for (const auto& [address, table] : {std::pair("127.0.0.1", "tcp"), std::pair("::1", "tcp6")}) {
    const auto ended =
        run(tool("short_conn", {"--rate", "2000", "--workers", "2", "--count", "100", "--address", address}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_THAT(ended.out,
                AllOf(HasSubstr("\nready: "), HasSubstr("\ndone: 100 connections closed by the client, 0 failed")));
    // The kernel gives the port of a socket in TIME_WAIT out again after a second, so a slow run leaves a few less.
    constexpr const char* time_wait = "06";
    const auto left = sockets(table, time_wait, port_in(ended.out));
    EXPECT_GE(left, 90U) << ended.out;
    EXPECT_LE(left, 100U) << ended.out;
  }
}

TEST(Chaos, ShortConnectionsGoOnUntilTheyAreStopped) {
  Fault fault("short_conn", {"--rate", "50", "--duration", "10m"});
  EXPECT_THAT(fault.stop(), ContainsRegex("done: [1-9][0-9]* connections closed by the client, 0 failed"));
}

TEST(Chaos, AForkStormForksAsOftenAsItSaysAndLeavesNothing) {
  const auto ended = run(tool("fork_storm", {"--rate", "1000", "--count", "200"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("\ndone: forked 200 processes, and reaped them\n"));
  Fault fault("fork_storm", {"--rate", "100", "--duration", "10m"});
  EXPECT_THAT(fault.stop(), ContainsRegex("done: forked [1-9][0-9]* processes"));
}

TEST(Chaos, SocketsStayInCloseWaitUntilTheEnd) {
  constexpr const char* close_wait = "08";
  for (const auto& [address, table] : {std::pair("127.0.0.1", "tcp"), std::pair("::1", "tcp6")}) {
    Fault fault("close_wait_leak", {"--count", "50", "--lifetime", "10m", "--address", address});
    const auto port = port_in(fault.out());
    EXPECT_TRUE(eventually([&, &table = table] { return sockets(table, close_wait, port) == 50; }));
    EXPECT_THAT(fault.stop(), HasSubstr("\ndone: closed 50 sockets\n"));
    EXPECT_EQ(sockets(table, close_wait, port), 0U);
  }
}

TEST(Chaos, DescriptorsStayOpenUntilTheEnd) {
  Fault fault("fd_leak", {"--count", "95", "--limit", "110", "--lifetime", "10m"});
  EXPECT_GE(descriptors_of(fault.pid()), 95U + 3U);
  EXPECT_THAT(read_text("/proc/" + std::to_string(fault.pid()) + "/limits"), ContainsRegex("Max open files +110 "));
  EXPECT_THAT(fault.stop(), HasSubstr("\ndone: closed 95 descriptors\n"));
}

TEST(Chaos, DescriptorsLeakAtARate) {
  const auto ended = run(tool("fd_leak", {"--count", "1000", "--rate", "50", "--lifetime", "200ms"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, ContainsRegex("done: closed [1-9][0-9]? descriptors"));
}

TEST(Chaos, AToolThatIsKilledLeavesNoProcessBehind) {
  pid_t killed = -1;
  std::vector<pid_t> children;
  {
    Fault fault("zombie_maker", {"--count", "5", "--lifetime", "10m"});
    killed = fault.pid();
    children = children_of(killed);
  }
  EXPECT_TRUE(eventually([&] { return state_of(killed) == '-'; }));
  // Its children are ended already; whoever inherits them reaps them, which is the system's business.
  for (const pid_t child : children) EXPECT_THAT(std::string(1, state_of(child)), ::testing::AnyOf("-", "Z"));
}

}  // namespace
}  // namespace sentinel::testing
