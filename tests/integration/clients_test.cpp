// Many clients, slow ones, and ones that never end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "support.hpp"
#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using http::testing::Answer;
using http::testing::RawClient;

constexpr std::string_view body = R"(
collectors:
  cpu: {plugin: proc_cpu, every: 500ms, deadline: 30s}
  memory: {plugin: proc_mem, every: 500ms, deadline: 30s}
  tcp: {plugin: proc_tcp, every: 500ms, deadline: 30s}
  processes: {plugin: proc_zombie, every: 500ms, deadline: 30s}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)";

class Clients : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(agent_.wait_ready()) << agent_.log(); }

  void expect_undisturbed() {
    EXPECT_GT(agent_.metrics().size(), 100U);
    EXPECT_EQ(agent_.get("/-/healthy").status, 200);
    EXPECT_TRUE(agent_.wait_for_runs("cpu", 1)) << agent_.log();
  }

  TempFolder folder_;
  AgentProcess agent_{folder_, pipeline_file(body)};
};

TEST_F(Clients, TwoHundredScrapersAtOnceAreAllServedWhole) {
  constexpr int scrapers = 200;
  constexpr int requests = 5;
  std::vector<RawClient> clients;
  for (int i = 0; i < scrapers; ++i) {
    clients.push_back(RawClient::tcp(agent_.port()));
    ASSERT_TRUE(clients.back().connected()) << i;
  }
  for (int request = 0; request < requests; ++request) {
    // All requests are out before the first answer is read.
    for (auto& client : clients) ASSERT_TRUE(client.send(http::testing::get("/metrics")));
    for (auto& client : clients) {
      const Answer answer = client.read();
      ASSERT_EQ(answer.status, 200) << answer.head;
      const auto all = samples(answer.body);
      EXPECT_GT(all.size(), 100U);
      EXPECT_TRUE(all.contains("sentinel_loadavg{interval=\"load15\"}"));
      EXPECT_TRUE(all.contains("sentinel_memory_usage"));
    }
  }
  EXPECT_EQ(agent_.state("prometheus"), "running");
  EXPECT_EQ(agent_.count("prometheus", "errors"), 0);
  expect_undisturbed();
  clients.clear();
  EXPECT_EQ(agent_.stop().exit_code, 0) << agent_.log();
}

TEST_F(Clients, ThatDoNotReadHoldUpNobody) {
  constexpr int slow = 20;
  constexpr int pipelined = 100;
  std::vector<RawClient> clients;
  for (int i = 0; i < slow; ++i) {
    clients.push_back(RawClient::tcp(agent_.port(), 4096));
    ASSERT_TRUE(clients.back().connected());
    std::string requests;
    for (int request = 0; request < pipelined; ++request) requests += http::testing::get("/metrics");
    // More than the sockets hold: the agent gets stuck in the answers, and the rest of the requests may stay unread.
    (void)::send(clients.back().fd(), requests.data(), requests.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  expect_undisturbed();
  EXPECT_EQ(agent_.stop().exit_code, 0) << "nor do they hold up the end\n" << agent_.log();
}

TEST_F(Clients, ThatNeverEndTheirHeaderHoldUpNobody) {
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(RawClient::tcp(agent_.port()));
    ASSERT_TRUE(clients.back().send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: "));
  }
  expect_undisturbed();
  EXPECT_EQ(agent_.stop().exit_code, 0) << agent_.log();
}

TEST_F(Clients, WhoseBodyNeverEndsAreCutOff) {
  RawClient sized = RawClient::tcp(agent_.port());
  ASSERT_TRUE(
      sized.send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 "Content-Length: 1000000000000\r\n\r\n{"));
  RawClient chunked = RawClient::tcp(agent_.port());
  ASSERT_TRUE(
      chunked.send("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  constexpr int most = 10000;  // 640 MiB
  int sent = 0;
  while (sent < most && chunked.send(chunk)) ++sent;
  EXPECT_LT(sent, most) << "it read on and on";
  EXPECT_TRUE(sized.closed() || sized.read().status >= 400);
  expect_undisturbed();
}

}  // namespace
}  // namespace sentinel::testing
