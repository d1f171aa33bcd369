// A real Prometheus scrapes the running agent, beside which a process runs whose name is no UTF-8.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <set>

#include "core/http/client.hpp"
#include "core/http/fd.hpp"
#include "tests/support/agent_process.hpp"
#include "tests/support/zombies.hpp"

namespace sentinel::testing {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// cmake/peers/fetch unpacks it for every build of the tree in the same place.
const std::filesystem::path peers = std::filesystem::path(SENTINEL_SOURCE_DIR) / "build" / "peers" / "usr" / "bin";

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

/// A port that was free a moment ago.
std::uint16_t free_port() {
  const http::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  return ntohs(address.sin_port);
}

/// Scrapes one target once a second.
class Prometheus {
 public:
  Prometheus(const TempFolder& folder, const std::string& target)
      : address_("127.0.0.1:" + std::to_string(free_port())), process_(command(folder, target)) {}

  [[nodiscard]] bool wait_ready() {
    return eventually([&] {
             const auto response = http::get({{}, address_}, "/-/ready");
             return (response && response->status == 200) || !process_.running();
           }) &&
           process_.running();
  }
  [[nodiscard]] std::string log() const { return process_.err(); }

  /// The result vector of an instant query.
  [[nodiscard]] json::array query(const std::string& expression) const {
    const auto response = http::get({{}, address_}, "/api/v1/query?query=" + expression, {.timeout = patience});
    if (!response || response->status != 200) return {};
    return json::parse(response->body).at("data").at("result").as_array();
  }

 private:
  std::vector<std::string> command(const TempFolder& folder, const std::string& target) const {
    write_text(folder / "prometheus.yml",
               "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
               "scrape_configs: [{job_name: sentinel, static_configs: [{targets: ['" +
                   target + "']}]}]\n");
    return {peers / "prometheus", "--config.file=" + (folder / "prometheus.yml").string(),
            "--storage.tsdb.path=" + (folder / "tsdb").string(), "--web.listen-address=" + address_};
  }

  std::string address_;
  Process process_;
};

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
    ASSERT_TRUE(std::filesystem::exists(peers / "prometheus")) << "cmake/peers/fetch unpacks it; `make test` does that";
    ASSERT_TRUE(agent_.wait_ready()) << agent_.log();
  }

  TempFolder folder_;
  // Its parent's name is what the status shows: of a process whose name closes the string and starts a new line.
  Zombies zombies_{3, "\xff\"\n"};
  AgentProcess agent_{folder_, pipeline_file(body)};
};

TEST_F(Scraped, EveryMetricAnswersAQuery) {
  Prometheus prometheus(folder_, agent_.address());
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
  const auto ended = run({peers / "promtool", "check", "metrics"}, exposition);
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
