#include "core/http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "support.hpp"

namespace sentinel::http::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Server, AnswersARoute) {
  LiveServer live;
  ASSERT_EQ(live.start_error(), "");
  ASSERT_NE(live.port(), 0);
  const Route route = add(live, "GET", "/hello", says("hello"));
  const Answer answer = ask(live.port(), get("/hello?x=1"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello\n");
  EXPECT_EQ(answer.headers.at("content-length"), "6");
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(answer.headers.count("server"), 0U);
  EXPECT_EQ(answer.headers.count("connection"), 0U);
  EXPECT_THAT(answer.headers.at("date"), HasSubstr(" GMT"));
}

TEST(Server, TheHandlerSeesTheRequest) {
  LiveServer live;
  std::promise<Request> seen;
  const Route route = add(live, "POST", "/api/{name}", [&](Request request, const Reply& reply) {
    seen.set_value(std::move(request));
    reply(Response::json(201, "{}"));
  });
  const Answer answer = ask(live.port(), post("/api/some-name?a=b", "{\"x\": 1}", "X-Extra: 1\r\n"));
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
  const Request request = seen.get_future().get();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/api/some-name");
  EXPECT_EQ(request.param("name"), "some-name");
  EXPECT_EQ(request.query, "a=b");
  EXPECT_EQ(request.body, "{\"x\": 1}");
  EXPECT_EQ(request.host, "localhost");
  EXPECT_EQ(request.header("x-extra"), "1");
  EXPECT_THAT(request.peer, StartsWith("127.0.0.1:"));
  EXPECT_EQ(request.via, Via::tcp_loopback);
  EXPECT_EQ(request.user, "");
}

TEST(Server, NotFoundAndMethodNotAllowed) {
  LiveServer live;
  const Route route = add(live, "GET", "/x", says("x"));
  EXPECT_EQ(ask(live.port(), get("/y")).status, 404);
  const Answer answer = ask(live.port(), post("/x", "{}"));
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(ask(live.port(), "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n").status, 405);
  EXPECT_EQ(ask(live.port(), "BREW /x HTTP/1.1\r\nHost: a\r\n\r\n").status, 405);
  EXPECT_EQ(live.counters().responses[4], 4U);
}

TEST(Server, HeadIsGetWithoutABody) {
  LiveServer live;
  const Route route = add(live, "GET", "/x", says("hello"));
  RawClient client = RawClient::tcp(live.port());
  client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + get("/x"));
  const Answer head = client.read(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-length"), "6");
  EXPECT_EQ(client.read().body, "hello\n") << "nothing but the next answer follows";
}

TEST(Server, IndexListsTheRoutes) {
  LiveServer live;
  const Route route = add(live, "GET", "/x", says("x"));
  EXPECT_THAT(ask(live.port(), get("/")).body, HasSubstr("GET    /x\n"));
}

TEST(Server, GzipWhenTheClientAsks) {
  LiveServer live;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "sentinel_metric{cpu=\"" + std::to_string(i) + "\"} 1\n";
  const Route route = add(live, "GET", "/metrics", [&](const Request&, const Reply& reply) {
    std::thread([reply, text] { reply(Response::text(200, text)); }).detach();
  });
  const Answer zipped = ask(live.port(), get("/metrics", "Accept-Encoding: deflate, gzip;q=0.5\r\n"));
  EXPECT_EQ(zipped.headers.at("content-encoding"), "gzip");
  EXPECT_EQ(zipped.headers.at("vary"), "Accept-Encoding");
  EXPECT_LT(zipped.body.size(), text.size() / 4);
  EXPECT_EQ(gunzip(zipped.body), text + "\n");
  for (const char* refuses : {"", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: identity\r\n"}) {
    const Answer plain = ask(live.port(), get("/metrics", refuses));
    EXPECT_EQ(plain.headers.count("content-encoding"), 0U) << refuses;
    EXPECT_EQ(plain.body, text + "\n");
  }
  const Answer head = ask(live.port(), "HEAD /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", true);
  EXPECT_EQ(head.headers.at("content-length"), zipped.headers.at("content-length"));
}

TEST(Server, KeepAliveFollowsVersionAndHeader) {
  LiveServer live;
  const Route route = add(live, "GET", "/x", says("x"));
  {
    RawClient client = RawClient::tcp(live.port());
    for (int i = 0; i < 3; ++i) {
      client.send(get("/x"));
      EXPECT_EQ(client.read().status, 200);
    }
    client.send(get("/x", "Connection: close\r\n"));
    const Answer last = client.read();
    EXPECT_EQ(last.headers.at("connection"), "close");
    EXPECT_TRUE(client.closed());
  }
  {
    RawClient client = RawClient::tcp(live.port());
    client.send("GET /x HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.read().headers.at("connection"), "close");
    EXPECT_TRUE(client.closed());
  }
  {
    RawClient client = RawClient::tcp(live.port());
    client.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(client.read().headers.at("connection"), "keep-alive");
    client.send("GET /x HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.read().status, 200);
    EXPECT_TRUE(client.closed());
  }
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  LiveServer live;
  const Route route = add(live, "GET", "/{name}", [](const Request& request, const Reply& reply) {
    std::thread([reply, name = std::string(request.param("name"))] { reply(Response::text(200, name)); }).detach();
  });
  std::string all;
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) all += get("/r" + std::to_string(i));
  RawClient client = RawClient::tcp(live.port());
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.read().body, "r" + std::to_string(i) + "\n");
  sender.join();
}

TEST(Server, PipelinedPostsKeepTheirBodies) {
  LiveServer live;
  const Route route = add(live, "POST", "/echo",
                          [](const Request& request, const Reply& reply) { reply(Response::json(200, request.body)); });
  RawClient client = RawClient::tcp(live.port());
  client.send(
      post("/echo", "{\"a\": 1}") +
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
      "2\r\n[1\r\n3;ext=1\r\n,2]\r\n0\r\nTrailer: x\r\n\r\n" +
      post("/echo", "") + post("/echo", "[3]"));
  EXPECT_EQ(client.read().body, "{\"a\": 1}");
  EXPECT_EQ(client.read().body, "[1,2]");
  EXPECT_EQ(client.read().body, "");
  EXPECT_EQ(client.read().body, "[3]");
}

TEST(Server, ContinueIsSaidWhenAskedFor) {
  LiveServer live;
  const Route route = add(live, "POST", "/echo",
                          [](const Request& request, const Reply& reply) { reply(Response::json(200, request.body)); });
  RawClient client = RawClient::tcp(live.port());
  const std::string request = post("/echo", "[1]", "Expect: 100-continue\r\n");
  client.send(request.substr(0, request.size() - 3));
  EXPECT_EQ(client.read(true).status, 100);
  client.send("[1]");
  EXPECT_EQ(client.read().body, "[1]");
  EXPECT_EQ(ask(live.port(), post("/echo", "[1]", "Expect: miracles\r\n")).status, 417);
  const std::string refused = post("/absent", "[1]", "Expect: 100-continue\r\n");
  EXPECT_EQ(ask(live.port(), refused.substr(0, refused.size() - 3)).status, 404) << "without the body";
}

TEST(Server, AHandlerThatDropsItsReplyOrThrows) {
  LiveServer live;
  const Route drops = add(live, "GET", "/drops", [](const Request&, const Reply&) {});
  const Route throws =
      add(live, "GET", "/throws", [](const Request&, const Reply&) { throw std::runtime_error("broken"); });
  const Route odd = add(live, "GET", "/odd", [](const Request&, const Reply&) { throw 1; });
  const Route both = add(live, "GET", "/both", [](const Request&, const Reply& reply) {
    reply(Response::text(200, "said before"));
    throw std::runtime_error("late");
  });
  RawClient client = RawClient::tcp(live.port());
  for (const char* path : {"/drops", "/throws", "/odd"}) {
    client.send(get(path));
    EXPECT_EQ(client.read().status, 500) << path;
  }
  client.send(get("/both"));
  EXPECT_EQ(client.read().body, "said before\n");
  EXPECT_THAT(live.problems(), HasSubstr("GET /throws: the handler threw: broken"));
}

TEST(Server, ASlowHandlerIsAnsweredForAndItsLateReplyIgnored) {
  ServerConfig config;
  config.limits.handler_timeout = 50ms;
  LiveServer live(config);
  std::promise<Reply> held;
  const Route slow = add(live, "GET", "/slow", [&](const Request&, const Reply& reply) { held.set_value(reply); });
  const Route fast = add(live, "GET", "/fast", says("fast"));
  RawClient client = RawClient::tcp(live.port());
  client.send(get("/slow"));
  EXPECT_EQ(client.read().status, 503);
  held.get_future().get()(Response::text(200, "late"));
  client.send(get("/fast"));
  EXPECT_EQ(client.read().body, "fast\n");
  EXPECT_EQ(live.counters().timeouts, 1U);
}

TEST(Server, AReplyMayOutliveTheServer) {
  std::promise<Reply> held;
  std::optional<Reply> reply;
  {
    LiveServer live;
    const Route route = add(live, "GET", "/x", [&](const Request&, const Reply& r) { held.set_value(r); });
    RawClient client = RawClient::tcp(live.port());
    client.send(get("/x"));
    reply = held.get_future().get();
  }
  (*reply)(Response::text(200, std::string(5000, 'x')));
}

TEST(Server, GuardedRoutesNeedLoopbackOrTheUnixSocket) {
  const TemporaryFolder folder;
  ServerConfig config;
  config.unix_socket = folder.path() / "s";
  std::atomic<bool> local = true;
  config.is_loopback = [&](const std::string& address) { return address == "127.0.0.1" && local; };
  LiveServer live(config);
  const Route open = add(live, "GET", "/metrics", says("m"));
  const Route guarded = add(live, "GET", "/api", says("a"), Access::guarded);
  const Route action = add(live, "POST", "/-/reload", says("r"), Access::guarded);

  EXPECT_EQ(ask(live.port(), get("/api")).status, 200);
  EXPECT_EQ(ask(live.port(), post("/-/reload", "")).status, 200);
  EXPECT_EQ(ask(live.port(), "GET /api HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 421);
  EXPECT_EQ(ask(live.port(), get("/api", "X-Forwarded-For: 203.0.113.9\r\n")).status, 403)
      << "a proxy's client is remote";
  EXPECT_EQ(ask(live.port(), "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").status, 415);
  EXPECT_EQ(ask(live.port(), post("/-/reload", "now")).status, 400);

  local = false;
  EXPECT_EQ(ask(live.port(), get("/metrics")).status, 200);
  EXPECT_EQ(ask(live.port(), get("/api")).status, 403);
  EXPECT_EQ(ask(live.port(), post("/-/reload", "")).status, 403);

  RawClient client = RawClient::unix_socket(config.unix_socket);
  client.send("GET /api HTTP/1.1\r\nHost: anything\r\n\r\n" + post("/-/reload", "{}"));
  EXPECT_EQ(client.read().status, 200);
  EXPECT_EQ(client.read().status, 200);
}

TEST(Server, TwoHundredClientsAtOnce) {
  LiveServer live;
  const std::string text(20000, 'x');
  const Route route = add(live, "GET", "/metrics", [&](const Request&, const Reply& reply) {
    std::thread([reply, &text] { reply(Response::text(200, text)); }).detach();
  });
  constexpr int clients = 200;
  std::vector<RawClient> connected;
  for (int i = 0; i < clients; ++i) {
    connected.push_back(RawClient::tcp(live.port()));
    ASSERT_TRUE(connected.back().connected());
  }
  EXPECT_TRUE(eventually([&] { return live.counters().connections_open == clients; }));
  for (int round = 0; round < 2; ++round) {
    for (auto& client : connected) ASSERT_TRUE(client.send(get("/metrics", "Accept-Encoding: gzip\r\n")));
    for (auto& client : connected) ASSERT_EQ(gunzip(client.read().body), text + "\n");
  }
  connected.clear();
  EXPECT_TRUE(eventually([&] { return live.counters().connections_open == 0; }));
  EXPECT_EQ(live.counters().connections_accepted, clients);
  EXPECT_EQ(live.counters().responses[2], 2U * clients);
  EXPECT_GT(live.counters().bytes_sent, 2U * clients);
}

TEST(Server, BeyondTheLimitOfConnectionsAClientIsToldSo) {
  const TemporaryFolder folder;
  ServerConfig config;
  config.unix_socket = folder.path() / "s";
  config.limits.max_connections = 3;
  config.limits.max_unix_connections = 1;
  LiveServer live(config);
  std::vector<RawClient> inside;
  for (int i = 0; i < 3; ++i) {
    inside.push_back(RawClient::tcp(live.port()));
    inside.back().send(get("/"));
    EXPECT_EQ(inside.back().read().status, 200);
  }
  RawClient outside = RawClient::tcp(live.port());
  const Answer refused = outside.read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("Too many connections"));
  EXPECT_TRUE(outside.closed());
  EXPECT_EQ(live.counters().connections_rejected, 1U);

  RawClient command_line = RawClient::unix_socket(config.unix_socket);
  command_line.send(get("/"));
  EXPECT_EQ(command_line.read().status, 200) << "the unix socket has room of its own";
  EXPECT_EQ(RawClient::unix_socket(config.unix_socket).read().status, 503);

  inside.pop_back();
  EXPECT_TRUE(eventually([&] { return live.counters().connections_open == 3; }));
  EXPECT_EQ(ask(live.port(), get("/")).status, 200);
}

TEST(Server, PortInUseLeavesNoSocketFile) {
  const TemporaryFolder folder;
  LiveServer first;
  ServerConfig config;
  config.listen = "127.0.0.1:" + std::to_string(first.port());
  config.unix_socket = folder.path() / "s";
  const LiveServer second(config);
  EXPECT_THAT(second.start_error(), HasSubstr("agent.listen"));
  EXPECT_FALSE(std::filesystem::exists(config.unix_socket));
  config.listen = "nonsense";
  const LiveServer third(config);
  EXPECT_THAT(third.start_error(), HasSubstr("agent.listen"));
}

TEST(Server, ASocketInUseLeavesThePortFree) {
  const TemporaryFolder folder;
  ServerConfig config;
  config.unix_socket = folder.path() / "s";
  const LiveServer first(config);
  const LiveServer second(config);
  EXPECT_THAT(second.start_error(), HasSubstr("another agent"));
  EXPECT_EQ(second.port(), 0);
}

TEST(Server, UnixSocketAlone) {
  const TemporaryFolder folder;
  ServerConfig config;
  config.listen = "";
  config.unix_socket = folder.path() / "s";
  LiveServer live(config);
  EXPECT_EQ(live.start_error(), "");
  EXPECT_EQ(live.port(), 0);
  RawClient client = RawClient::unix_socket(config.unix_socket);
  client.send(get("/"));
  EXPECT_EQ(client.read().status, 200);
}

TEST(ServerStop, AnswersWhatIsInFlightAndClosesTheRest) {
  const TemporaryFolder folder;
  ServerConfig config;
  config.unix_socket = folder.path() / "s";
  LiveServer live(config);
  std::promise<Reply> held;
  const Route route = add(live, "GET", "/x", [&](const Request&, const Reply& reply) { held.set_value(reply); });
  RawClient idle = RawClient::tcp(live.port());
  idle.send(get("/"));
  EXPECT_EQ(idle.read().status, 200);
  RawClient silent = RawClient::tcp(live.port());
  RawClient busy = RawClient::tcp(live.port());
  busy.send(get("/x"));
  const Reply reply = held.get_future().get();
  EXPECT_TRUE(eventually([&] { return live.counters().connections_open == 3; }));

  std::promise<void> stopped;
  const std::uint16_t port = live.port();
  live.on_loop([&] { live.server().stop(patience, [&] { stopped.set_value(); }); });
  EXPECT_TRUE(idle.closed());
  EXPECT_TRUE(silent.closed());
  EXPECT_FALSE(std::filesystem::exists(config.unix_socket));
  EXPECT_FALSE(RawClient::tcp(port).connected());
  auto done = stopped.get_future();
  EXPECT_EQ(done.wait_for(0s), std::future_status::timeout) << "a request is in flight";

  reply(Response::text(200, "still"));
  const Answer answer = busy.read();
  EXPECT_EQ(answer.body, "still\n");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_EQ(done.wait_for(patience), std::future_status::ready);
  EXPECT_EQ(live.counters().connections_open, 0U);
}

TEST(ServerStop, CutsOffWhatOutlastsTheGrace) {
  LiveServer live;
  std::promise<Reply> held;
  const Route route = add(live, "GET", "/x", [&](const Request&, const Reply& reply) { held.set_value(reply); });
  RawClient hanging = RawClient::tcp(live.port());
  hanging.send(get("/x"));
  const Reply reply = held.get_future().get();
  RawClient half = RawClient::tcp(live.port());
  half.send("GET / HT");
  EXPECT_TRUE(eventually([&] { return live.counters().connections_open == 2; }));
  EXPECT_TRUE(live.stop(20ms));
  EXPECT_TRUE(hanging.closed());
  EXPECT_TRUE(half.closed());
  reply(Response::text(200, "late"));
}

TEST(ServerStop, WithoutConnectionsIsImmediate) {
  LiveServer live;
  EXPECT_TRUE(live.stop(patience));
}

}  // namespace
}  // namespace sentinel::http::testing
