// Signals without end at an agent under full load: every scraper is answered, and no record is lost or doubled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <numeric>
#include <optional>

#include "support.hpp"
#include "tests/support/memory.hpp"
#include "tests/support/swapping.hpp"

namespace sentinel::testing {
namespace {

using http::testing::Answer;
using http::testing::RawClient;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Key;

constexpr int signals = 1000;
constexpr std::size_t scrapers = 200;
constexpr int signals_a_round = 50;
constexpr std::size_t answers_a_signal = scrapers / signals_a_round;

/// Everything at the smallest interval that there is.
constexpr std::string_view body = R"(
collectors:
  swap: {plugin: test_swap, every: 100ms, deadline: 30s, config: {width: 50}}
  cpu: {plugin: proc_cpu, every: 100ms, deadline: 30s}
  memory: {plugin: proc_mem, every: 100ms, deadline: 30s}
  tcp: {plugin: proc_tcp, every: 100ms, deadline: 30s}
  processes: {plugin: proc_zombie, every: 100ms, deadline: 30s}
pipelines:
  host: {to: [prometheus, numbers]}
sinks:
  prometheus: {plugin: prometheus}
  numbers: {plugin: test_swap_sink, queue: 1000, config: {file: numbers}}
)";

/// The value of a series in an exposition, found without reading the rest: there are thousands of them to look at.
std::optional<double> value_of(const std::string& series, std::string_view exposition) {
  const auto at = exposition.find("\n" + series + " ");
  if (at == std::string_view::npos) return std::nullopt;
  return std::stod(std::string(exposition.substr(at + series.size() + 2, 32)));
}

class SwapStorm : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(swapped_.run(body));
    ASSERT_TRUE(swapped_.wait_for_numbers()) << agent().log();
  }

  AgentProcess& agent() { return swapped_.agent(); }

  void connect(std::vector<RawClient>& clients) {
    while (clients.size() < scrapers) {
      clients.push_back(RawClient::tcp(agent().port()));
      ASSERT_TRUE(clients.back().connected()) << clients.size();
    }
  }

  /// A round: all ask before the first answer is read, and a signal goes between the answers.
  void scrape_and_signal(std::vector<RawClient>& clients, std::vector<double>& records) {
    for (auto& client : clients) ASSERT_TRUE(client.send(http::testing::get("/metrics")));
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (i % answers_a_signal == 0) agent().process().send(SIGHUP);
      const Answer answer = clients[i].read();
      ASSERT_EQ(answer.status, 200) << answer.head << answer.body << agent().log();
      for (const auto* series : {"sentinel_loadavg{interval=\"load15\"}", "sentinel_memory_usage",
                                 "sentinel_tcp_connections{state=\"listen\"}", "test_swap_wide{index=\"49\"}"}) {
        ASSERT_TRUE(value_of(series, answer.body)) << "a scraper got less than everything: no " << series;
      }
      const double now = value_of("test_swap_records_total", answer.body).value_or(0);
      ASSERT_GE(now, records[i]) << "a counter went back";
      records[i] = now;
    }
  }

  bool runs(std::string_view version) { return agent().instance("swap").at("version").as_string() == version; }

  SwapAgent swapped_;
};

TEST_F(SwapStorm, AThousandSignalsLoseNothingAndDisturbNobody) {
  const auto before = swapped_.holdings();
  const auto lives = swapped_.lives({"swap"});
  std::vector<RawClient> clients;
  ASSERT_NO_FATAL_FAILURE(connect(clients));
  std::vector<double> records(scrapers, 0);
  const Stopwatch stopwatch;
  for (int round = 0; round < signals / signals_a_round; ++round) {
    const bool second = round % 2 == 0;
    swapped_.install("test_swap", second ? "v2" : "v1");
    ASSERT_NO_FATAL_FAILURE(scrape_and_signal(clients, records));
    // Most contents are replaced while they are being tried; each third gets to run, however fast the scrapers are.
    if (round % 3 != 2) continue;
    ASSERT_TRUE(eventually([&] { return runs(second ? "2.0.0" : "1.0.0"); })) << agent().log();
  }
  stopwatch.print("1,000 signals and 4,000 scrapes");
  clients.clear();

  // The last word is the file's that is there now, whatever the storm made of it.
  swapped_.install("test_swap", "v2");
  EXPECT_THAT(text_of(swapped_.reload_to_the_end(), "result"), AnyOf("committed", "unchanged")) << agent().log();
  EXPECT_TRUE(runs("2.0.0"));
  EXPECT_EQ(swapped_.lives({"swap"}), lives) << "another instance was started anew";
  EXPECT_TRUE(eventually([&] { return swapped_.holdings() == before; }))
      << "threads " << swapped_.holdings().threads << ", descriptors " << swapped_.holdings().descriptors
      << ", libraries " << swapped_.holdings().libraries;

  // `self` shows the end within its interval.
  ASSERT_TRUE(agent().wait_for_runs("self", 1)) << agent().log();
  const auto metrics = agent().metrics();
  const auto reloads = [&](const std::string& result) {
    return std::accumulate(metrics.begin(), metrics.end(), 0.0, [&](double sum, const auto& sample) {
      return sample.first.starts_with("sentinel_reloads_total{result=\"" + result) ? sum + sample.second : sum;
    });
  };
  std::printf("reloads: %.0f committed, %.0f unchanged, %.0f refused, %.0f rolled back\n", reloads("committed"),
              reloads("unchanged"), reloads("refused"), reloads("rolled_back"));
  EXPECT_GE(reloads("committed"), signals / signals_a_round / 3);
  EXPECT_EQ(reloads("rolled_back"), 0);
  EXPECT_EQ(metrics.at("sentinel_swap_records_lost_total"), 0);
  EXPECT_EQ(metrics.at("sentinel_config_last_reload_successful"), 1);
  EXPECT_THAT(metrics, Contains(Key("test_swap_version"))) << "the last content runs";
  EXPECT_EQ(agent().count("numbers", "dropped_records"), 0);

  const auto ended = agent().stop();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  const auto received = swapped_.received();
  std::vector<std::uint64_t> emitted(received.size());
  std::iota(emitted.begin(), emitted.end(), 1);
  EXPECT_EQ(received, emitted) << "a gap, or a number twice";
  EXPECT_GE(static_cast<double>(received.size()), *std::max_element(records.begin(), records.end()));
}

}  // namespace
}  // namespace sentinel::testing
