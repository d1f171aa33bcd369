// Events that a collector hands over between collections, in the running agent, with the kernel played by a plugin.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>

#include "core/plugin/fd.hpp"
#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view storm = R"(
  storm:
    filter: test_hit{state="close"}
    from: [kernel]
    window: {over: 1s, fn: count, by: [pid, comm]}
    alert: {when: "> 500", severity: critical}
  storm_in_user:
    filter: test_hit{state="close"}
    from: [user]
    window: {over: 1s, fn: count, by: [pid, comm]}
    alert: {when: "> 500", severity: critical}
)";

std::uint64_t boottime_ns() {
  timespec now = {};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

class Events : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto* name : {"kernel", "user"}) ASSERT_EQ(::mkfifo((folder_ / name).c_str(), 0600), 0);
  }

  [[nodiscard]] std::string file(std::string_view pipelines, std::string_view kernel_every = "200ms") const {
    return pipeline_file(
        "collectors:\n  kernel: {plugin: test_events, deadline: 30s, every: " + std::string(kernel_every) +
        ", labels: {source: kernel}, config: {fifo: kernel}}\n"
        "  user: {plugin: test_events, every: 200ms, deadline: 30s, labels: {source: user}, "
        "config: {fifo: user, placement: user}}\n"
        "sinks: {prometheus: {plugin: prometheus}}\n"
        "pipelines:\n  host: {to: [prometheus]}" +
        std::string(pipelines));
  }

  /// Opened for reading too, as the plugin does, so that lines wait for it.
  void write(const std::string& name, const std::string& lines) {
    const plugin::Fd fifo(::open((folder_ / name).c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(fifo);
    for (std::size_t at = 0; at < lines.size();) {
      const auto written = ::write(fifo.get(), lines.data() + at, lines.size() - at);
      ASSERT_GT(written, 0);
      at += static_cast<std::size_t>(written);
    }
  }

  [[nodiscard]] static std::string burst(int count, std::uint64_t time_ns, const std::string& state = "close") {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += std::to_string(time_ns) + " 1 42 7 storm " + state + " " + std::to_string(i % 4) + "\n";
    }
    return lines;
  }

  /// A number of a collector's `kernel` row in its details.
  [[nodiscard]] static std::int64_t told(const AgentProcess& agent, std::string_view collector, std::string_view key) {
    const auto shown = boost::json::serialize(agent.instance(collector));
    const std::string name = "\"" + std::string(key) + "\":\"";
    const auto at = shown.find(name);
    return at == std::string::npos ? -1 : std::stoll(shown.substr(at + name.size()));
  }

  TempFolder folder_;
};

TEST_F(Events, MakeTheSameAlertInBothPlacements) {
  AgentProcess agent(folder_, file(storm));
  ASSERT_TRUE(agent.wait_ready());
  ASSERT_TRUE(eventually([&] { return told(agent, "kernel", "consumers") == 1; })) << agent.log();
  const std::string lines = burst(2000, boottime_ns()) + burst(500, boottime_ns(), "open");
  write("kernel", lines);
  write("user", lines);
  ASSERT_TRUE(eventually([&] { return agent.fires("storm") && agent.fires("storm_in_user"); })) << agent.log();
  const auto kernel = agent.alerts("storm").at(0);
  const auto user = agent.alerts("storm_in_user").at(0);
  EXPECT_EQ(kernel.at("value"), "2000");
  EXPECT_EQ(kernel.at("value"), user.at("value"));
  EXPECT_EQ(kernel.at("context").at("symbols"), user.at("context").at("symbols"));
  EXPECT_EQ(kernel.at("context").at("exe"), "/usr/bin/toy");
  EXPECT_EQ(kernel.at("labels").at("pid"), "42");
  ASSERT_TRUE(eventually([&] { return told(agent, "kernel", "seen") == 2500; }));
  EXPECT_EQ(told(agent, "kernel", "folded"), 2000);
  EXPECT_EQ(told(agent, "kernel", "filtered"), 500);
  EXPECT_EQ(told(agent, "user", "submitted"), 2500);
}

TEST_F(Events, AreOfferedAnewAsConsumersComeAndGo) {
  AgentProcess agent(folder_, file(""));
  ASSERT_TRUE(agent.wait_ready());
  ASSERT_TRUE(eventually([&] { return told(agent, "kernel", "consumers") == 0; })) << agent.log();
  write("kernel", burst(10, boottime_ns()));
  ASSERT_TRUE(eventually([&] { return told(agent, "kernel", "filtered") == 10; })) << agent.log();

  write_text(agent.file(), file(storm));
  EXPECT_EQ(sentinel({"reload", "--config", agent.file()}).exit_code, 0) << agent.log();
  ASSERT_TRUE(eventually([&] { return told(agent, "kernel", "consumers") == 1; })) << agent.log();
  EXPECT_EQ(told(agent, "kernel", "filtered"), 10) << "the same instance went on";
  const std::uint64_t first_ns = boottime_ns();
  write("kernel", burst(600, first_ns));
  ASSERT_TRUE(eventually([&] { return agent.fires("storm"); })) << agent.log();

  // Another configuration: a new instance takes up what waits, with the demands that it was offered before its start.
  write_text(agent.file(), file(storm, "250ms"));
  ASSERT_TRUE(eventually([&] { return boottime_ns() > first_ns + 1'100'000'000; }));
  write("kernel", burst(700, boottime_ns()));
  EXPECT_EQ(sentinel({"reload", "--config", agent.file()}).exit_code, 0) << agent.log();
  ASSERT_TRUE(eventually([&] {
    const auto rules = agent.alerts("storm");
    return !rules.empty() && rules.at(0).at("value") == "700";
  })) << agent.log();

  write_text(agent.file(), file(""));
  EXPECT_EQ(sentinel({"reload", "--config", agent.file()}).exit_code, 0) << agent.log();
  ASSERT_TRUE(eventually([&] { return told(agent, "kernel", "consumers") == 0; })) << agent.log();
}

TEST_F(Events, ThatAreLostOrFailAreTold) {
  AgentProcess agent(folder_, file(storm));
  ASSERT_TRUE(agent.wait_ready());
  ASSERT_TRUE(eventually([&] { return told(agent, "kernel", "consumers") == 1; })) << agent.log();
  write("kernel", burst(600, boottime_ns()) + "lost 12\n");
  ASSERT_TRUE(eventually([&] { return agent.fires("storm"); })) << agent.log();
  EXPECT_EQ(agent.alerts("storm").at(0).at("lost"), 12);
  write("kernel", "fail\n");
  ASSERT_TRUE(eventually([&] { return agent.logs("events failed: told to fail"); })) << agent.log();
  ASSERT_TRUE(eventually([&] { return agent.logs("events succeeds again"); })) << agent.log();
  EXPECT_TRUE(
      eventually([&] { return agent.metric("sentinel_collector_lost_events_total{collector=\"kernel\"}") == 12; }));
}

TEST_F(Events, AreExplained) {
  write_text(folder_ / "sentinel.yaml", file(R"(
  storm:
    filter: test_hit{state="close",comm=~"a|b",source="kernel"} > 2
    window: {over: 1s, fn: count, by: [pid, comm]}
    alert: {when: "> 500"}
  odd:
    filter: test_hit{comm=~"a.*",parent_comm="x"}
    from: [kernel]
    window: {over: 5s, fn: max}
    alert: {when: "> 500"}
  memory:
    filter: sentinel_agent_open_fds
    window: {over: 15s, fn: avg}
    alert: {when: "> 80"}
)"));
  const auto explained = sentinel({"check", "--explain", folder_ / "sentinel.yaml"});
  EXPECT_EQ(explained.exit_code, 0) << explained.err;
  const auto begin = explained.out.find("storm:");
  ASSERT_NE(begin, std::string::npos) << explained.out;
  EXPECT_EQ(explained.out.substr(begin),
            R"(storm: count over 1s by (comm, pid) of (test_hit{comm=~"a|b",source="kernel",state="close"} > 2) > 500
  test_hit of kernel
    state="close"                      kernel
    comm=~"a|b"                        kernel
    > 2                                kernel
    count in panes of 1s by comm, pid  kernel
    500 in a pane                      kernel  a group that comes near it sends an event with its context; user space decides
odd: max over 5s of test_hit{comm=~"a.*",parent_comm="x"} > 500
  test_hit of kernel
    parent_comm="x"        user  the toy kernel knows no parent_comm
    comm=~"a.*"            user  only alternatives of whole texts can be compared in the kernel
    values in panes of 5s  user  user space has more of the filter
memory: avg over 15s of sentinel_agent_open_fds > 80
  no collector here has an event for it; samples are evaluated in user space
)");
}

}  // namespace
}  // namespace sentinel::testing
