#include "core/http/access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sentinel::http {
namespace {

int verdict(const Request& request, Access access, const Caller& caller = {},
            const std::vector<std::string>& known = {}) {
  const auto refused = refusal(request, access, caller, known);
  return refused ? refused->status : 200;
}

Request ask(std::string method, Via via, std::string host) {
  Request request;
  request.method = std::move(method);
  request.via = via;
  request.host = std::move(host);
  request.headers = {{"Content-Type", "application/json"}};
  return request;
}

TEST(Access, Matrix) {
  struct Case {
    const char* method;
    Via via;
    bool authenticated;
    const char* host;
    Access access;
    int status;
  };
  const Via loopback = Via::tcp_loopback;
  const Via remote = Via::tcp;
  const Via local = Via::unix_socket;
  for (const Case& c : std::initializer_list<Case>{
           {"GET", loopback, false, "localhost:8000", Access::open, 200},
           {"GET", loopback, false, "evil.example", Access::open, 200},
           {"GET", remote, false, "evil.example", Access::open, 200},
           {"GET", remote, false, "", Access::open, 200},
           {"GET", loopback, false, "localhost", Access::guarded, 200},
           {"GET", loopback, false, "127.0.0.1:8000", Access::guarded, 200},
           {"GET", loopback, false, "[::1]:8000", Access::guarded, 200},
           {"GET", loopback, false, "LOCALHOST.", Access::guarded, 200},
           {"GET", loopback, false, "evil.example", Access::guarded, 421},
           {"GET", loopback, false, "", Access::guarded, 421},
           {"GET", loopback, false, "localhost.evil.example", Access::guarded, 421},
           {"GET", remote, false, "localhost", Access::guarded, 403},
           {"HEAD", remote, false, "localhost", Access::guarded, 403},
           {"GET", remote, true, "whatever.example", Access::guarded, 200},
           {"POST", loopback, false, "localhost", Access::guarded, 200},
           {"POST", loopback, false, "evil.example", Access::guarded, 421},
           {"POST", loopback, false, "evil.example", Access::open, 421},
           {"POST", remote, false, "localhost", Access::guarded, 403},
           {"POST", remote, false, "localhost", Access::open, 200},
           {"POST", remote, true, "evil.example", Access::guarded, 421},
           {"POST", remote, true, "box.example:8000", Access::guarded, 200},
           {"DELETE", remote, true, "10.0.0.5:8000", Access::guarded, 200},
           {"POST", local, false, "anything", Access::guarded, 200},
           {"GET", local, false, "", Access::guarded, 200},
       }) {
    EXPECT_EQ(verdict(ask(c.method, c.via, c.host), c.access, {c.authenticated, "10.0.0.5"}, {"Box.example"}), c.status)
        << c.method << " via " << static_cast<int>(c.via) << " host " << c.host << " auth " << c.authenticated;
  }
}

TEST(Access, WritesMustSayJson) {
  for (const char* type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8", "application/json;x"}) {
    Request request = ask("POST", Via::unix_socket, "");
    request.headers = {{"content-type", type}};
    EXPECT_EQ(verdict(request, Access::guarded), 200) << type;
  }
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                           "application/jsonp", "text/plain; application/json"}) {
    for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
      Request request = ask(method, Via::unix_socket, "");
      request.headers = {{"content-type", type}};
      EXPECT_EQ(verdict(request, Access::guarded), 415) << method << " " << type;
    }
  }
}

TEST(Access, WritesOfForeignPagesAreRefused) {
  for (const auto& [origin, status] :
       std::initializer_list<std::pair<const char*, int>>{{"http://localhost:8000", 200},
                                                          {"https://127.0.0.1", 200},
                                                          {"http://[::1]:8000", 200},
                                                          {"https://evil.example", 403},
                                                          {"null", 403},
                                                          {"://", 403},
                                                          {"http://localhost.evil.example", 403}}) {
    Request request = ask("POST", Via::tcp_loopback, "localhost");
    request.headers.push_back({"Origin", origin});
    EXPECT_EQ(verdict(request, Access::guarded), status) << origin;
    request.method = "GET";
    EXPECT_EQ(verdict(request, Access::guarded), 200) << "whether the page may read it is the browser's to say";
  }
}

TEST(Access, BodiesMustLookLikeJson) {
  Request request = ask("POST", Via::unix_socket, "");
  for (const char* body : {"", "  \n", "{}", "[]", " {\"a\": 1}\r\n", "[1,\n2]"}) {
    request.body = body;
    EXPECT_FALSE(body_refusal(request)) << body;
  }
  for (const char* body : {"a=1", "{", "}", "[}", "\"text\"", "1", "<xml/>", "{} x"}) {
    request.body = body;
    EXPECT_TRUE(body_refusal(request)) << body;
  }
  request.body = "  a=1";
  EXPECT_THAT(body_refusal(request)->body, testing::HasSubstr("begins with another character, at byte 2"));
  request.body = "{\"a\": [1]";
  EXPECT_THAT(body_refusal(request)->body, testing::HasSubstr("ends without }, after byte 8"));
}

TEST(Access, BareHost) {
  EXPECT_EQ(bare_host("LocalHost:8000"), "localhost");
  EXPECT_EQ(bare_host("[::1]:8000"), "::1");
  EXPECT_EQ(bare_host("[::1"), "");
  EXPECT_EQ(bare_host("[]"), "");
  EXPECT_EQ(bare_host(""), "");
  EXPECT_EQ(bare_host(":80"), "");
  EXPECT_EQ(bare_host("host."), "host");
}

TEST(Access, AProxyShowsInItsHeaders) {
  Request request;
  EXPECT_FALSE(is_forwarded(request));
  for (const char* name : {"X-Forwarded-For", "forwarded", "X-Real-IP", "Via"}) {
    request.headers = {{name, "203.0.113.9"}};
    EXPECT_TRUE(is_forwarded(request)) << name;
  }
}

}  // namespace
}  // namespace sentinel::http
