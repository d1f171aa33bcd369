// The agent's values against what the tools print that people trust.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <sstream>

#include "core/http/fd.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/zombies.hpp"

namespace sentinel::testing {
namespace {

constexpr std::string_view body = R"(
collectors:
  cpu: {plugin: proc_cpu, every: 200ms}
  memory: {plugin: proc_mem, every: 200ms}
  tcp: {plugin: proc_tcp, every: 200ms}
  processes: {plugin: proc_zombie, every: 200ms}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)";

/// A listening socket on loopback.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0 ||
        ::listen(socket_.get(), 64) != 0) {
      std::abort();
    }
    socklen_t size = sizeof address_;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
  }
  /// A connection that this side closes first, and so keeps in TIME-WAIT.
  void leave_time_wait() {
    const http::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address_), sizeof address_), 0);
    http::Fd server(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    server = http::Fd();
    char byte = 0;
    (void)!::read(client.get(), &byte, 1);
  }

 private:
  http::Fd socket_;
  sockaddr_in address_ = {};
};

class Agreement : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(agent_.wait_ready()) << agent_.log(); }

  /// Looks with the tool, lets the agent collect, looks again: when the tool said the same twice, the agent must agree
  /// with it. Other programs may move the value meanwhile, so that this may take some rounds.
  template <class Look, class Agrees>
  bool agrees(std::string_view collector, const Look& look, const Agrees& agrees_with) {
    return eventually([&] {
      const auto before = look();
      if (!agent_.wait_for_runs(collector, 1)) return false;
      const auto metrics = agent_.metrics();
      const auto after = look();
      return before == after && agrees_with(before, metrics);
    });
  }

  static std::string tool(std::vector<std::string> command) {
    const auto ended = run(std::move(command));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return ended.out;
  }
  static long lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

  TempFolder folder_;
  AgentProcess agent_{folder_, pipeline_file(body)};
};

TEST_F(Agreement, MemoryWithFree) {
  struct Memory {
    double total = 0;
    double available = 0;
  };
  const auto free = [] {
    std::istringstream text(tool({"free", "--bytes"}));
    std::string line;
    std::getline(text, line);
    std::string label;
    double used = 0, unused = 0, shared = 0, cache = 0;
    Memory memory;
    text >> label >> memory.total >> used >> unused >> shared >> cache >> memory.available;
    return memory;
  };
  const auto percent = [](const Memory& memory) { return 100 * (1 - memory.available / memory.total); };
  constexpr double points = 2;
  EXPECT_TRUE(eventually([&] {
    const Memory before = free();
    if (!agent_.wait_for_runs("memory", 1)) return false;
    const auto metrics = agent_.metrics();
    const Memory after = free();
    EXPECT_EQ(metrics.at("sentinel_memory_total_bytes"), before.total);
    const double usage = metrics.at("sentinel_memory_usage");
    return usage > std::min(percent(before), percent(after)) - points &&
           usage < std::max(percent(before), percent(after)) + points;
  }));
}

TEST_F(Agreement, LoadWithUptime) {
  const auto uptime = [] {
    const std::string text = tool({"env", "LC_ALL=C", "uptime"});
    return text.substr(text.find("load average:"));
  };
  EXPECT_TRUE(agrees("cpu", uptime, [](const std::string& said, const auto& metrics) {
    double load[3] = {};
    if (std::sscanf(said.c_str(), "load average: %lf, %lf, %lf", &load[0], &load[1], &load[2]) != 3) return false;
    return load[0] == metrics.at("sentinel_loadavg{interval=\"load1\"}") &&
           load[1] == metrics.at("sentinel_loadavg{interval=\"load5\"}") &&
           load[2] == metrics.at("sentinel_loadavg{interval=\"load15\"}");
  }));
}

TEST_F(Agreement, ListenersWithSs) {
  const Listener one;
  const Listener two;
  const auto listeners = [] { return lines(tool({"ss", "--no-header", "--tcp", "--numeric", "state", "listening"})); };
  EXPECT_TRUE(agrees("tcp", listeners, [](long said, const auto& metrics) {
    return said >= 3 && metrics.at("sentinel_tcp_connections{state=\"listen\"}") == static_cast<double>(said);
  }));
}

TEST_F(Agreement, TimeWaitsWithSs) {
  constexpr long mine = 20;
  const auto time_waits = [] { return lines(tool({"ss", "--no-header", "--tcp", "--numeric", "state", "time-wait"})); };
  Listener listener;
  EXPECT_TRUE(eventually([&] {
    // Made afresh in each round, because they go after a minute.
    for (long i = 0; i < mine; ++i) listener.leave_time_wait();
    const long before = time_waits();
    if (!agent_.wait_for_runs("tcp", 1)) return false;
    const double seen = agent_.metric("sentinel_tcp_connections{state=\"time_wait\"}").value_or(0);
    const long after = time_waits();
    // Each look at the agent may leave one itself.
    constexpr long slack = 10;
    EXPECT_GE(before, mine);
    return seen >= static_cast<double>(std::min(before, after) - slack) &&
           seen <= static_cast<double>(std::max(before, after) + slack);
  }));
}

TEST_F(Agreement, ZombiesWithPs) {
  const Zombies zombies(5);
  const auto count = [] {
    std::istringstream states(tool({"ps", "-e", "-o", "stat="}));
    long found = 0;
    for (std::string state; states >> state;) found += state.starts_with("Z") ? 1 : 0;
    return found;
  };
  EXPECT_TRUE(agrees("processes", count, [](long said, const auto& metrics) {
    return said >= 5 && metrics.at("sentinel_process_count{state=\"zombie\"}") == static_cast<double>(said);
  }));
  const auto details = agent_.instance("processes").at("details").at("zombies_by_parent");
  bool named = false;
  for (const auto& row : details.as_array()) {
    if (row.at("ppid").as_string() != std::to_string(zombies.parent())) continue;
    named = true;
    EXPECT_EQ(row.at("zombies").as_string(), "5");
    EXPECT_EQ(row.at("parent").as_string(), "zombie_parent");
  }
  EXPECT_TRUE(named) << boost::json::serialize(details);
}

TEST_F(Agreement, ProcessesWithPs) {
  const auto count = [] { return lines(tool({"ps", "-e", "-o", "pid="})); };
  EXPECT_TRUE(eventually([&] {
    const long before = count();
    if (!agent_.wait_for_runs("processes", 1)) return false;
    double seen = 0;
    for (const auto& [series, value] : agent_.metrics()) {
      if (series.starts_with("sentinel_process_count{")) seen += value;
    }
    const long after = count();
    // ps counts itself, and other programs come and go.
    constexpr long slack = 5;
    return seen >= static_cast<double>(std::min(before, after) - slack) &&
           seen <= static_cast<double>(std::max(before, after) + slack);
  }));
}

}  // namespace
}  // namespace sentinel::testing
