// The agent as it runs: what it says first, what it answers, how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <csignal>

#include "support.hpp"
#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view body = R"(
collectors:
  cpu: {plugin: proc_cpu, every: 1s}
  memory: {plugin: proc_mem, every: 1s}
  tcp: {plugin: proc_tcp, every: 1s}
  processes: {plugin: proc_zombie, every: 1s}
  gone: {plugin: ebpf_of_tomorrow, optional: true}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)";

/// Lines that hold a text.
std::size_t lines_with(const std::string& log, std::string_view text) {
  std::size_t count = 0;
  for (auto at = log.find(text); at != std::string::npos; at = log.find(text, log.find('\n', at))) ++count;
  return count;
}

class Running : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(agent_.wait_ready()) << agent_.log(); }

  TempFolder folder_;
  AgentProcess agent_{folder_, pipeline_file(body)};
};

TEST_F(Running, ItsFirstLinesSayWhatRunsWhatDoesNotAndWhereTheMetricsAre) {
  const std::string log = agent_.log();
  EXPECT_THAT(log, ContainsRegex("^[^\n]* info +sentinel: version [0-9.]+, configuration [^\n]*sentinel.yaml\n"));
  EXPECT_THAT(log, ContainsRegex("sentinel: running: [^\n]*cpu, memory, tcp, processes[^\n]*\n"));
  EXPECT_THAT(log, ContainsRegex("sentinel: not running: gone: plugin 'ebpf_of_tomorrow' is not there"));
  EXPECT_THAT(log, HasSubstr("sentinel: metrics: http://" + agent_.address() + "/metrics\n"));
}

TEST_F(Running, AnOptionalPluginThatIsNotThereIsShownEverywhere) {
  EXPECT_EQ(agent_.state("gone"), "unavailable");
  EXPECT_THAT(agent_.last_error("gone"), HasSubstr("plugin 'ebpf_of_tomorrow' is not there"));
  const auto metrics = agent_.metrics();
  ASSERT_TRUE(metrics.contains("sentinel_collector_up{collector=\"gone\"}"));
  EXPECT_EQ(metrics.at("sentinel_collector_up{collector=\"gone\"}"), 0);
  EXPECT_EQ(metrics.at("sentinel_collector_up{collector=\"cpu\"}"), 1);
  const auto checked = sentinel({"check", agent_.file()});
  EXPECT_EQ(checked.exit_code, 0);
  EXPECT_THAT(checked.out, HasSubstr("'gone' is optional and cannot run here: plugin 'ebpf_of_tomorrow' is not there"));
}

TEST_F(Running, ServesHealthAndMetrics) {
  EXPECT_EQ(agent_.get("/-/healthy").status, 200);
  EXPECT_EQ(agent_.get("/-/ready").status, 200);
  EXPECT_EQ(agent_.get("/nowhere").status, 404);
  const auto response = agent_.get("/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.content_type, StartsWith("text/plain; version=0.0.4"));
  const auto metrics = samples(response.body);
  for (const char* series :
       {"sentinel_loadavg{interval=\"load1\"}", "sentinel_memory_usage", "sentinel_tcp_connections{state=\"listen\"}",
        "sentinel_process_count{state=\"running\"}", "sentinel_cpu_jiffies_total{mode=\"user\"}",
        "sentinel_collector_duration_seconds_count{collector=\"cpu\"}"}) {
    EXPECT_TRUE(metrics.contains(series)) << series;
  }
}

TEST_F(Running, CompressesWhenTheScraperAsks) {
  using http::testing::ask;
  const auto plain = ask(agent_.port(), http::testing::get("/metrics"));
  const auto packed = ask(agent_.port(), http::testing::get("/metrics", "Accept-Encoding: gzip\r\n"));
  EXPECT_EQ(plain.status, 200);
  EXPECT_FALSE(plain.headers.contains("content-encoding"));
  ASSERT_EQ(packed.status, 200);
  EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
  EXPECT_LT(packed.body.size(), plain.body.size() / 2);
  EXPECT_GT(samples(http::testing::gunzip(packed.body)).size(), 100U);
}

TEST_F(Running, TheStatusTellsOfEveryInstance) {
  const auto response = agent_.get("/api/v1/status");
  ASSERT_EQ(response.status, 200);
  EXPECT_THAT(response.content_type, StartsWith("application/json"));
  const auto status = boost::json::parse(response.body).as_object();
  EXPECT_EQ(status.at("config_file").as_string(), agent_.file().string());
  EXPECT_EQ(status.at("listen").as_string(), agent_.address());
  EXPECT_TRUE(status.at("ready").as_bool());
  EXPECT_EQ(status.at("instances").as_array().size(), 7U);

  ASSERT_TRUE(agent_.wait_for_runs("memory", 1));
  const auto memory = agent_.instance("memory");
  EXPECT_EQ(memory.at("kind").as_string(), "collector");
  EXPECT_EQ(memory.at("plugin").as_string(), "proc_mem");
  EXPECT_THAT(std::string(memory.at("version").as_string()), ContainsRegex("^[0-9]+\\."));
  EXPECT_THAT(std::string(memory.at("sha256").as_string()), ContainsRegex("^[0-9a-f]{64}$"));
  EXPECT_GT(memory.at("generation").to_number<int>(), 0);
  EXPECT_EQ(memory.at("state").as_string(), "running");
  EXPECT_TRUE(memory.at("last_error").is_null());
  EXPECT_THAT(std::string(memory.at("last_run").as_string()), ContainsRegex("^20[0-9-]+T[0-9:.]+Z$"));
  EXPECT_THAT(std::string(memory.at("last_success").as_string()), ContainsRegex("^20[0-9-]+T[0-9:.]+Z$"));
  EXPECT_GE(memory.at("counts").at("runs").to_number<int>(), 2);
  EXPECT_EQ(memory.at("counts").at("errors").to_number<int>(), 0);
  EXPECT_EQ(agent_.instance("prometheus").at("kind").as_string(), "sink");
}

TEST_F(Running, TheStatusCommandPrintsATable) {
  const auto table = sentinel({"status", "--config", agent_.file()});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("listening on " + agent_.address()));
  EXPECT_THAT(table.out, ContainsRegex("\nNAME +KIND +PLUGIN +VERSION +STATE +LAST RUN +ERRORS\n"));
  EXPECT_THAT(table.out, ContainsRegex("\nmemory +collector +proc_mem +[0-9.]+ +running +20[^ ]+ +0\n"));
  EXPECT_THAT(table.out, ContainsRegex("\ngone +collector +ebpf_of_tomorrow +[^ ]* +unavailable +- +1\n"));
  EXPECT_THAT(table.out, HasSubstr("gone, last error at "));
  const auto by_address = sentinel({"status", "--json", "--address", agent_.address()});
  EXPECT_EQ(by_address.exit_code, 0) << by_address.err;
  EXPECT_EQ(boost::json::parse(by_address.out).at("listen").as_string(), agent_.address());
}

TEST_F(Running, EndsInOrderOnSigterm) {
  const auto ended = agent_.stop();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("stopping on SIGTERM"), HasSubstr("sentinel: stopped\n")));
  EXPECT_FALSE(std::filesystem::exists(agent_.socket()));
}

TEST_F(Running, EndsInOrderOnSigint) {
  agent_.process().send(SIGINT);
  const auto ended = agent_.process().wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 0) << ended->err;
}

TEST_F(Running, ASighupWithoutAChangeChangesNothing) {
  agent_.process().send(SIGHUP);
  ASSERT_TRUE(eventually([&] { return agent_.logs("SIGHUP: nothing has changed"); })) << agent_.log();
  EXPECT_EQ(agent_.get("/-/healthy").status, 200);
}

TEST_F(Running, ASecondAgentOnTheSamePortSaysWhoseSettingItIs) {
  TempFolder other;
  const std::string taken = agent_.address();
  std::string file = pipeline_file(body);
  file.replace(file.find("127.0.0.1:0"), std::string_view("127.0.0.1:0").size(), taken);
  AgentProcess second(other, file);
  const auto ended = second.process().wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 1);
  EXPECT_THAT(ended->err, AllOf(HasSubstr("agent.listen"), HasSubstr(taken)));
  EXPECT_EQ(agent_.get("/-/healthy").status, 200);
}

TEST_F(Running, ASecondAgentInTheSameStateFolderIsTurnedAway) {
  Process second({sentinel_program(), "run", agent_.file().string()});
  const auto ended = second.wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->exit_code, 1);
  EXPECT_THAT(ended->err, HasSubstr("another agent uses it; give each its own state_dir"));
  EXPECT_EQ(agent_.state("memory"), "running");
}

TEST(Started, WithoutAListenerItAnswersOnTheSocketAlone) {
  TempFolder folder;
  std::string file = pipeline_file(body);
  file.replace(file.find("'127.0.0.1:0'"), std::string_view("'127.0.0.1:0'").size(), "none");
  AgentProcess agent(folder, file);
  ASSERT_TRUE(eventually([&] { return agent.logs("no TCP listener"); })) << agent.log();
  EXPECT_EQ(agent.state("memory"), "running");
  EXPECT_EQ(agent.stop().exit_code, 0);
}

TEST(Started, RepeatsOfALogLineAreCountedInsteadOfWritten) {
  TempFolder folder;
  AgentProcess agent(folder, pipeline_file(R"(
collectors:
  broken: {plugin: test_misbehaves, every: 100ms, deadline: 30s, config: {in: collect, how: fail}}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  ASSERT_TRUE(agent.wait_for_runs("broken", 5));
  EXPECT_EQ(lines_with(agent.log(), "broken: collect failed"), 1U) << agent.log();
}

}  // namespace
}  // namespace sentinel::testing
