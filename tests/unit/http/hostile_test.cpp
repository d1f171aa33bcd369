// Clients that are broken, slow or malicious.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/http/server.hpp"
#include "support.hpp"

namespace sentinel::http::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;

class Hostile : public ::testing::Test {
 protected:
  /// A configuration with one limit of time that passes soon.
  static ServerConfig quick(std::chrono::milliseconds Limits::*limit) {
    ServerConfig config;
    config.limits.*limit = 100ms;
    return config;
  }

  /// The server still serves, and holds nothing of those before.
  static void expect_healthy(LiveServer& live) {
    EXPECT_TRUE(eventually([&] { return live.counters().connections_open == 0; }));
    EXPECT_TRUE(eventually([&] { return ask(live.port(), get("/")).status == 200; }));
    EXPECT_EQ(live.problems(), "");
  }
};

TEST_F(Hostile, MalformedRequests) {
  LiveServer live;
  const Route get_route = add(live, "GET", "/x", says("x"));
  const Route post_route = add(live, "POST", "/x", says("x"));
  struct Case {
    std::string text;
    int status;
  };
  const std::string json = "Host: localhost\r\nContent-Type: application/json\r\n";
  for (const Case& c : std::initializer_list<Case>{
           {"\r\n\r\n", 400},
           {"GET\r\n\r\n", 400},
           {"GET /x\r\n\r\n", 400},
           {"GET  /x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"GET /x HTTP/1.1 \r\nHost: a\r\n\r\n", 505},
           {" GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"G\x01T /x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"GET /x HTTP/1.1\nHost: a\n\n\r\n\r\n", 505},
           {"GET /x HTTP/2.0\r\nHost: a\r\n\r\n", 505},
           {"GET /x HTTP/0.9\r\nHost: a\r\n\r\n", 505},
           {"GET /x HTTP/11\r\nHost: a\r\n\r\n", 505},
           {"GET /x HTTPS/1.1\r\nHost: a\r\n\r\n", 505},
           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
           {"GET /x HTTP/1.1\r\n\r\n", 400},
           {"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
           {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"CONNECT host:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
           {"GET /x HTTP/1.1\r\nHost a\r\n\r\n", 400},
           {"GET /x HTTP/1.1\r\nHost : a\r\n\r\n", 400},
           {"GET /x HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n", 400},
           {"GET /x HTTP/1.1\r\nHost: a\r\nX: " + std::string(1, '\0') + "\r\n\r\n", 400},
           {"GET /x HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Content-Length: -1\r\n\r\n", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Content-Length: 1x\r\n\r\n", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Content-Length: 0x2\r\n\r\n{}", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Content-Length: 18446744073709551615\r\n\r\n", 413},
           {"POST /x HTTP/1.1\r\n" + json + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Transfer-Encoding: gzip\r\n\r\n{}", 501},
           {"POST /x HTTP/1.1\r\n" + json + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
           {"POST /x HTTP/1.1\r\n" + json + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
           {"POST /x HTTP/1.1\r\n" + json + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413},
           {"POST /x HTTP/1.1\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}zz\r\n\r\n", 400},
           {"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 413},
       }) {
    const Answer answer = ask(live.port(), c.text);
    EXPECT_EQ(answer.status, c.status) << c.text << "\n" << answer.head << answer.body;
  }
  expect_healthy(live);
}

TEST_F(Hostile, EveryTruncationOfARequest) {
  LiveServer live;
  const Route route = add(live, "POST", "/x", says("x"));
  const std::string whole = post("/x", "{\"a\": [1, 2, 3]}");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    RawClient client = RawClient::tcp(live.port());
    client.send(std::string_view(whole).substr(0, length));
    client.shut_sending();
    EXPECT_TRUE(client.closed()) << length;
  }
  expect_healthy(live);
}

TEST_F(Hostile, EveryByteReplaced) {
  LiveServer live;
  const Route route = add(live, "POST", "/x", says("x"));
  const std::string whole = post("/x", "{\"a\": 1}", "Connection: close\r\n");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char c : {'\0', '\n', '\xff', ' '}) {
      std::string text = whole;
      text[at] = c;
      RawClient client = RawClient::tcp(live.port());
      client.send(text);
      client.shut_sending();
      EXPECT_TRUE(client.closed()) << at;
    }
  }
  expect_healthy(live);
}

TEST_F(Hostile, ASlowHeaderIsCutOff) {
  LiveServer live(quick(&Limits::header_timeout));
  RawClient silent = RawClient::tcp(live.port());
  EXPECT_TRUE(silent.closed());
  RawClient half = RawClient::tcp(live.port());
  half.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(half.read().status, 408);
  EXPECT_TRUE(half.closed());
  RawClient trickling = RawClient::tcp(live.port());
  std::atomic<bool> cut = false;
  std::thread drip([&] {
    trickling.send("GET / HTTP/1.1\r\n");
    while (trickling.send("X: y\r\n") && !cut) std::this_thread::yield();
  });
  EXPECT_THAT(trickling.read().status, AnyOf(408, 431));
  cut = true;
  drip.join();
  expect_healthy(live);
  EXPECT_GE(live.counters().timeouts, 2U);
}

TEST_F(Hostile, ASlowBodyIsCutOff) {
  LiveServer live(quick(&Limits::body_timeout));
  const Route route = add(live, "POST", "/x", says("x"));
  const std::string request = post("/x", "{\"a\": 1}");
  RawClient client = RawClient::tcp(live.port());
  client.send(request.substr(0, request.size() - 2));
  EXPECT_EQ(client.read().status, 408);
  EXPECT_TRUE(client.closed());
  expect_healthy(live);
}

TEST_F(Hostile, AnIdleConnectionIsClosed) {
  LiveServer live(quick(&Limits::idle_timeout));
  RawClient client = RawClient::tcp(live.port());
  client.send(get("/"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(client.closed());
  expect_healthy(live);
}

TEST_F(Hostile, AReaderThatDoesNotReadIsCutOff) {
  LiveServer live(quick(&Limits::write_timeout));
  const Route route = add(live, "GET", "/big", says(std::string(32 * 1024 * 1024, 'x')));
  RawClient client = RawClient::tcp(live.port(), 4096);
  client.send(get("/big"));
  EXPECT_TRUE(eventually([&] { return live.counters().timeouts == 1; }));
  expect_healthy(live);
}

TEST_F(Hostile, EndlessHeaders) {
  LiveServer live;
  const auto flood = [&](std::string_view begin, std::string_view piece) {
    RawClient client = RawClient::tcp(live.port());
    client.send(begin);
    for (int i = 0; i < 100000 && client.send(piece); ++i) {
    }
    return client.read().status;
  };
  const std::string kilobyte(1024, 'a');
  EXPECT_EQ(flood("GET /", kilobyte), 431);
  EXPECT_EQ(flood("GET / HTTP/1.1\r\nX: ", kilobyte), 431);
  EXPECT_EQ(flood("GET / HTTP/1.1\r\n", "X: y\r\n"), 431);
  EXPECT_EQ(flood("GET / HTTP/1.1\r\n", kilobyte + ": y\r\n"), 431);
  EXPECT_EQ(ask(live.port(), get("/", "X: " + std::string(16 * 1024, 'a') + "\r\n")).status, 431);
  EXPECT_EQ(ask(live.port(), get("/", "X: " + std::string(15 * 1024, 'a') + "\r\n")).status, 200);
  expect_healthy(live);
}

TEST_F(Hostile, EndlessBodies) {
  LiveServer live;
  std::atomic<int> calls = 0;
  const Route route = add(live, "POST", "/x", [&](const Request& request, const Reply& reply) {
    ++calls;
    reply(Response::text(200, std::to_string(request.body.size())));
  });
  const std::string head = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const auto flood = [&](const std::string& begin, const std::string& piece) {
    RawClient client = RawClient::tcp(live.port());
    client.send(begin);
    for (int i = 0; i < 100000 && client.send(piece); ++i) {
    }
    return client.read().status;
  };
  const std::string kilobyte(1024, ' ');
  EXPECT_EQ(flood(head + "Content-Length: 1000000000000\r\n\r\n", kilobyte), 413);
  EXPECT_EQ(flood(head + "Transfer-Encoding: chunked\r\n\r\n", "400\r\n" + kilobyte + "\r\n"), 413);
  std::string tiny_chunks;
  for (int i = 0; i < 200; ++i) tiny_chunks += "1\r\n \r\n";
  EXPECT_EQ(flood(head + "Transfer-Encoding: chunked\r\n\r\n", tiny_chunks), 413);
  EXPECT_THAT(flood(head + "Transfer-Encoding: chunked\r\n\r\n4;", "x" + std::string(1023, 'y')), AnyOf(400, 413));
  EXPECT_THAT(flood(head + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"), AnyOf(400, 413, 431));
  EXPECT_EQ(flood("GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"), 405);
  EXPECT_EQ(calls, 0);

  std::string fits = "[" + std::string(1024 * 1024 - 2, ' ') + "]";
  EXPECT_EQ(ask(live.port(), post("/x", fits)).status, 200);
  fits += " ";
  EXPECT_EQ(ask(live.port(), post("/x", fits)).status, 413);
  expect_healthy(live);
}

TEST_F(Hostile, ClientsThatLeaveInTheMiddle) {
  LiveServer live;
  const Route big = add(live, "GET", "/big", says(std::string(8 * 1024 * 1024, 'x')));
  std::vector<Reply> held;
  const Route later = add(live, "GET", "/later", [&](const Request&, const Reply& reply) { held.push_back(reply); });
  for (int i = 0; i < 20; ++i) {
    RawClient reader = RawClient::tcp(live.port(), 4096);
    reader.send(get("/big"));
    RawClient waiter = RawClient::tcp(live.port());
    waiter.send(get("/later"));
  }
  EXPECT_TRUE(eventually([&] {
    std::size_t count = 0;
    live.on_loop([&] { count = held.size(); });
    return count == 20;
  }));
  live.on_loop([&] { held.clear(); });
  expect_healthy(live);
}

}  // namespace
}  // namespace sentinel::http::testing
