// A real Prometheus scrapes the running agent, beside which a process runs whose name is no UTF-8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "tests/support/agent_process.hpp"
#include "tests/support/alertmanager.hpp"
#include "tests/support/zombies.hpp"

namespace sentinel::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view body = R"(
collectors:
  cpu: {plugin: proc_cpu, every: 1s}
  memory: {plugin: proc_mem, every: 1s}
  tcp: {plugin: proc_tcp, every: 1s}
  processes: {plugin: proc_zombie, every: 1s}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)";

std::string name_of(const std::string& series) {
  return series.substr(0, series.find('{'));
}

bool is_utf8(std::string_view text) {
  boost::system::error_code bad;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  json::parse(quoted + '"', bad);
  return !bad;
}

class Scraped : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(std::filesystem::exists(peer("prometheus"))) << "cmake/peers/fetch unpacks it; `make test` does that";
    ASSERT_TRUE(agent_.wait_ready()) << agent_.log();
  }

  TempFolder folder_;
  // Its parent's name is what the status shows: of a process whose name closes the string and starts a new line.
  Zombies zombies_{3, "\xff\"\n"};
  AgentProcess agent_{folder_, pipeline_file(body)};
};

TEST_F(Scraped, EveryMetricAnswersAQuery) {
  Prometheus prometheus;
  prometheus.start({.scrapes = agent_.address()});
  ASSERT_TRUE(prometheus.wait_ready()) << prometheus.log();
  ASSERT_TRUE(eventually([&] {
    const auto up = prometheus.query("up");
    return up.size() == 1 && up[0].at("value").at(1).as_string() == "1";
  })) << prometheus.log();

  std::set<std::string> names;
  for (const auto& [series, value] : agent_.metrics()) names.insert(name_of(series));
  EXPECT_GT(names.size(), 80U);
  for (const auto& name : names) {
    // What the agent shows since its last collection, Prometheus sees one scrape later.
    EXPECT_TRUE(eventually([&] { return !prometheus.query(name).empty(); })) << name;
  }
  const auto loads = prometheus.query("sentinel_loadavg");
  EXPECT_EQ(loads.size(), 3U);
  EXPECT_EQ(prometheus.query("sentinel_process_count%7Bstate=%22zombie%22%7D>=3").size(), 1U);
  EXPECT_EQ(prometheus.query("scrape_samples_scraped>100").size(), 1U);
}

TEST_F(Scraped, PromtoolAcceptsTheLiveExposition) {
  const auto exposition = agent_.get("/metrics").body;
  const auto ended = run({peer("promtool"), "check", "metrics"}, exposition);
  // docs/metrics.md lists the names that stay as the seed has them.
  constexpr std::string_view kept =
      "sentinel_process_count non-histogram and non-summary metrics should not have \"_count\" suffix\n";
  std::string findings = ended.err + ended.out;
  if (const auto at = findings.find(kept); at != std::string::npos) findings.erase(at, kept.size());
  EXPECT_THAT(findings, IsEmpty());
  EXPECT_EQ(ended.signal, 0);
}

TEST_F(Scraped, ANameThatIsNoUtf8SpoilsNothing) {
  ASSERT_TRUE(eventually([&] { return agent_.metric("sentinel_process_count{state=\"zombie\"}").value_or(0) >= 3; }));
  const auto exposition = agent_.get("/metrics");
  EXPECT_EQ(exposition.status, 200);
  EXPECT_TRUE(is_utf8(exposition.body));
  EXPECT_GT(samples(exposition.body).size(), 100U);

  const auto status = agent_.get("/api/v1/status");
  EXPECT_TRUE(is_utf8(status.body));
  boost::system::error_code bad;
  const auto parsed = json::parse(status.body, bad);
  ASSERT_FALSE(bad) << bad.message();
  EXPECT_EQ(status.body.find('\xff'), std::string::npos);
  EXPECT_THAT(json::serialize(agent_.instance("processes")), HasSubstr(std::to_string(zombies_.parent())));
}

}  // namespace
}  // namespace sentinel::testing
