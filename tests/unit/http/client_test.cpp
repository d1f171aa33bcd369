#include "core/http/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "core/http/listen.hpp"
#include "support.hpp"

namespace sentinel::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::LiveServer;
using testing::TemporaryFolder;

TEST(Client, AsksOverTheUnixSocketAndTcp) {
  const TemporaryFolder folder;
  ServerConfig config;
  config.unix_socket = folder.path() / "s";
  LiveServer live(config);
  const std::string large(3000000, 'x');
  const Route status = testing::add(
      live, "GET", "/api/v1/status",
      [](const Request& request, const Reply& reply) {
        reply(Response::json(200,
                             "{\"via\": \"" + std::string(request.via == Via::unix_socket ? "unix" : "tcp") + "\"}"));
      },
      Access::guarded);
  const Route big = testing::add(live, "GET", "/big", testing::says(large));
  const Route reload = testing::add(
      live, "POST", "/-/reload",
      [](const Request& request, const Reply& reply) { reply(Response::json(202, request.body)); }, Access::guarded);
  const std::string tcp = "127.0.0.1:" + std::to_string(live.port());

  const auto local = get({config.unix_socket, ""}, "/api/v1/status");
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_EQ(local->status, 200);
  EXPECT_EQ(local->content_type, "application/json");
  EXPECT_EQ(local->body, "{\"via\": \"unix\"}");
  EXPECT_EQ(get({"", tcp}, "/api/v1/status")->body, "{\"via\": \"tcp\"}");
  EXPECT_EQ(get({"", tcp}, "/absent")->status, 404);
  EXPECT_EQ(get({"", tcp}, "/big")->body, large + "\n");
  const auto posted = post({config.unix_socket, ""}, "/-/reload", "{\"wait\": true}");
  ASSERT_TRUE(posted) << posted.error().message;
  EXPECT_EQ(posted->status, 202);
  EXPECT_EQ(posted->body, "{\"wait\": true}");

  ClientLimits small;
  small.max_body_bytes = 1000;
  const auto refused = get({"", tcp}, "/big", small);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::exhausted);
  EXPECT_EQ(get({"", tcp}, "/x\r\nEvil: 1").error().code, Errc::invalid_argument);
}

TEST(Client, SaysWhenNoAgentIsThere) {
  const TemporaryFolder folder;
  const auto absent = get({folder.path() / "absent", ""}, "/");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::not_found);
  EXPECT_THAT(absent.error().message, HasSubstr("is it running?"));
  std::uint16_t port = 0;
  {
    const auto listener = listen_tcp({"127.0.0.1", 0});
    ASSERT_TRUE(listener);
    port = listener->port;
  }
  EXPECT_EQ(get({"", "127.0.0.1:" + std::to_string(port)}, "/").error().code, Errc::not_found);
  EXPECT_EQ(get({folder.path() / std::string(200, 'x'), ""}, "/").error().code, Errc::invalid_argument);
  EXPECT_EQ(get({"", "nonsense"}, "/").error().code, Errc::invalid_argument);
}

/// A peer that takes one connection and says \p text before it closes, or keeps silent until the client leaves.
class OddServer {
 public:
  explicit OddServer(std::string text) : listener_(std::move(listen_tcp({"127.0.0.1", 0})).value()) {
    thread_ = std::thread([this, said = std::move(text)] {
      Fd peer;
      testing::eventually([&] {
        peer = Fd(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        return static_cast<bool>(peer);
      });
      char scrap[4096];
      if (!said.empty()) {
        (void)::recv(peer.get(), scrap, sizeof scrap, 0);
        (void)::send(peer.get(), said.data(), said.size(), MSG_NOSIGNAL);
      } else {
        while (::recv(peer.get(), scrap, sizeof scrap, 0) > 0) {
        }
      }
    });
  }
  ~OddServer() { thread_.join(); }
  [[nodiscard]] Endpoint endpoint() const { return {"", listener_.address}; }

 private:
  TcpListener listener_;
  std::thread thread_;
};

TEST(Client, RefusesWhatIsNoAnswer) {
  for (const char* text :
       {"garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "HTTP/1.1 200 OK\r\nConte",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "\r\n", "HTTP/1.1 999999 X\r\n\r\n"}) {
    const OddServer odd(text);
    const auto response = get(odd.endpoint(), "/");
    ASSERT_FALSE(response) << text;
    EXPECT_EQ(response.error().code, Errc::failed) << text;
  }
  const OddServer until_close("HTTP/1.0 200 OK\r\n\r\nwhole");
  const auto response = get(until_close.endpoint(), "/");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "whole");
}

TEST(Client, DoesNotWaitForEver) {
  const OddServer silent("");
  ClientLimits limits;
  limits.timeout = 50ms;
  const auto response = get(silent.endpoint(), "/", limits);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Errc::timeout);
}

}  // namespace
}  // namespace sentinel::http
