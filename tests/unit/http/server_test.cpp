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

Handler says(std::string text) {
  return [text = std::move(text)](const Request&, const Reply& reply) { reply(Response::text(200, text)); };
}

Route add(LiveServer& live, std::string_view method, std::string_view path, Handler handler,
          Access access = Access::open) {
  auto route = live.router.add(method, path, access, std::move(handler));
  EXPECT_TRUE(route.ok()) << route.error().message;
  return std::move(route).value();
}

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

}  // namespace
}  // namespace sentinel::http::testing
