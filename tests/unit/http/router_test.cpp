#include "core/http/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace sentinel::http {
namespace {

using ::testing::HasSubstr;

void say_ok(const Request&, const Reply& reply) {
  reply(Response::text(200, "ok"));
}

Route must(Result<Route> route) {
  EXPECT_TRUE(route.ok()) << route.error().message;
  return std::move(route).value();
}

TEST(Router, FindsByMethodAndPath) {
  Router router;
  const Route metrics = must(router.add("GET", "/metrics", Access::open, say_ok));
  const Route reload = must(router.add("POST", "/-/reload", Access::guarded, say_ok));
  EXPECT_TRUE(router.find("GET", "/metrics").entry);
  EXPECT_EQ(router.find("GET", "/metrics").access, Access::open);
  EXPECT_TRUE(router.find("HEAD", "/metrics").entry) << "HEAD is answered by GET";
  EXPECT_EQ(router.find("POST", "/-/reload").access, Access::guarded);
  EXPECT_FALSE(router.find("HEAD", "/-/reload").entry);
  for (const char* path : {"/metrics/", "/metric", "/metricss", "/Metrics", "//metrics", "", "*", "/-", "/-/"}) {
    const auto match = router.find("GET", path);
    EXPECT_FALSE(match.entry) << path;
    EXPECT_EQ(match.allow, "") << path;
  }
}

TEST(Router, KnownPathWithAnotherMethodNamesTheAllowedOnes) {
  Router router;
  const Route read = must(router.add("GET", "/x", Access::open, say_ok));
  const Route write = must(router.add("POST", "/x", Access::open, say_ok));
  const auto match = router.find("DELETE", "/x");
  EXPECT_FALSE(match.entry);
  EXPECT_EQ(match.allow, "GET, HEAD, POST");
}

TEST(Router, ParametersMatchPlainNamesAlone) {
  Router router;
  const Route one = must(router.add("GET", "/api/v1/snapshots/{name}", Access::guarded, say_ok));
  const Route fixed = must(router.add("GET", "/api/v1/snapshots/latest", Access::open, say_ok));
  const auto match = router.find("GET", "/api/v1/snapshots/2024-01_a");
  ASSERT_TRUE(match.entry);
  ASSERT_EQ(match.params.size(), 1U);
  EXPECT_EQ(match.params[0].name, "name");
  EXPECT_EQ(match.params[0].value, "2024-01_a");
  EXPECT_EQ(router.find("GET", "/api/v1/snapshots/latest").access, Access::open) << "the exact path wins";
  for (const std::string name : {"..", "a.b", "", "a b", "\xff", "a/b"}) {
    EXPECT_FALSE(router.find("GET", "/api/v1/snapshots/" + name).entry) << name;
  }
  EXPECT_TRUE(router.find("GET", "/api/v1/snapshots/" + std::string(64, 'a')).entry);
  EXPECT_FALSE(router.find("GET", "/api/v1/snapshots/" + std::string(65, 'a')).entry);
}

TEST(Router, RefusesMalformedAndDuplicateRoutes) {
  Router router;
  for (const char* path :
       {"", "metrics", "/a//b", "/a/", "/a b", "/../x", "/{", "/{}", "/{a", "/{a b}", "/x{a}", "/%41"}) {
    EXPECT_FALSE(router.add("GET", path, Access::open, say_ok)) << path;
  }
  for (const char* method : {"", "get", "GET ", "G-T"}) {
    EXPECT_FALSE(router.add(method, "/x", Access::open, say_ok)) << method;
  }
  EXPECT_FALSE(router.add("GET", "/x", Access::open, nullptr));
  const Route first = must(router.add("GET", "/x", Access::open, say_ok));
  const auto second = router.add("GET", "/x", Access::open, say_ok);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("GET /x is taken"));
}

TEST(Router, ARouteEndsWithItsOwnerAndTakesTheHandlerAlong) {
  Router router;
  auto captured = std::make_shared<int>(1);
  Router::Match before;
  {
    const Route route =
        must(router.add("GET", "/x", Access::open, [captured](const Request&, const Reply& reply) { reply({}); }));
    before = router.find("GET", "/x");
    EXPECT_EQ(captured.use_count(), 2);
  }
  EXPECT_EQ(captured.use_count(), 1) << "the function object is gone";
  EXPECT_FALSE(router.find("GET", "/x").entry);
  const Reply untouched([](const Response&) {});
  EXPECT_FALSE(Router::call(before, {}, untouched)) << "found before, ended since";
  EXPECT_TRUE(router.add("GET", "/x", Access::open, say_ok).ok());
}

TEST(Router, RouteMayOutliveTheRouter) {
  Route route;
  {
    Router router;
    route = must(router.add("GET", "/x", Access::open, say_ok));
  }
  route.remove();
  route.remove();
}

TEST(Router, RemovalWaitsForACallOnAnotherThread) {
  Router router;
  std::promise<void> inside;
  std::promise<void> go_on;
  std::atomic<bool> returned = false;
  Route route = must(router.add("GET", "/x", Access::open, [&](const Request&, const Reply& reply) {
    inside.set_value();
    go_on.get_future().wait();
    returned = true;
    reply({});
  }));
  const auto match = router.find("GET", "/x");
  std::thread caller([&] { Router::call(match, {}, Reply([](const Response&) {})); });
  inside.get_future().wait();
  std::thread remover([&] {
    route.remove();
    EXPECT_TRUE(returned);
  });
  go_on.set_value();
  caller.join();
  remover.join();
}

TEST(Router, AHandlerMayEndOrReplaceItsOwnRoute) {
  Router router;
  Route route;
  int generation = 0;
  route = must(router.add("GET", "/x", Access::open, [&](const Request&, const Reply& reply) {
    route.replace([&](const Request&, const Reply& second) {
      route.remove();
      generation = 2;
      second({});
    });
    generation = 1;
    reply({});
  }));
  const auto match = router.find("GET", "/x");
  const Reply reply([](const Response&) {});
  EXPECT_TRUE(Router::call(match, {}, reply));
  EXPECT_EQ(generation, 1);
  EXPECT_TRUE(Router::call(match, {}, reply));
  EXPECT_EQ(generation, 2);
  EXPECT_FALSE(Router::call(match, {}, reply));
}

TEST(Router, IndexListsRoutes) {
  Router router;
  const Route metrics = must(router.add("GET", "/metrics", Access::open, say_ok, "all series"));
  const Route reload = must(router.add("POST", "/-/reload", Access::guarded, say_ok));
  EXPECT_EQ(router.index(),
            "GET    /  this list\n"
            "POST   /-/reload  (loopback, the agent's socket, or authenticated)\n"
            "GET    /metrics  all series\n");
}

TEST(ReplyTest, AnswersOnceAndWithFiveHundredWhenDropped) {
  std::vector<int> statuses;
  const auto note = [&](const Response& response) { statuses.push_back(response.status); };
  {
    const Reply reply(note);
    const Reply copy = reply;
    copy(Response::text(204, ""));
    reply(Response::text(200, ""));
  }
  EXPECT_EQ(statuses, (std::vector<int>{204}));
  { const Reply dropped(note); }
  EXPECT_EQ(statuses, (std::vector<int>{204, 500}));
}

TEST(ReplyTest, ManyThreadsSendOneAnswer) {
  std::atomic<int> answers = 0;
  {
    const Reply reply([&](const Response&) { ++answers; });
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([reply] { reply({}); });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace sentinel::http
