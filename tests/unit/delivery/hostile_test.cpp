// Receivers that hang, fail, close, dawdle and rant.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace sentinel::delivery {
namespace {

using namespace delivery::testing;
using namespace std::chrono_literals;
using Way = Reaction::Way;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Hostile : public ::testing::Test {
 protected:
  void open() { rig_.reopen(); }

  Courier::ReceiverId add(const std::string& url) {
    const auto id = rig_->add(webhook(url));
    EXPECT_TRUE(id) << id.error().message;
    return id ? *id : 0;
  }

  /// Posts one alert to a receiver that does this first, and then what it should.
  ReceiverStats survive(const Reaction& bad) {
    std::atomic<bool> first = true;
    const Server server([&](const Received&) { return first.exchange(false) ? bad : Reaction(); });
    open();
    EXPECT_TRUE(rig_->submit(add(server.url()), firing("cpu")));
    EXPECT_TRUE(rig_.delivered());
    EXPECT_EQ(server.told().back(), "cpu firing");
    EXPECT_TRUE(rig_.stats().up);
    requests_ = server.count();
    return rig_.stats();
  }

  /// What it says of a receiver that never does what it should.
  std::string complaint(const std::string& url) {
    open();
    EXPECT_TRUE(rig_->submit(add(url), firing("cpu")));
    EXPECT_TRUE(eventually([&] { return rig_.stats().retries > 0; }));
    EXPECT_EQ(rig_.stats().pending, 1U);
    EXPECT_FALSE(rig_.stats().up);
    return rig_.stats().last_error;
  }

  Rig rig_;
  std::size_t requests_ = 0;
};

TEST_F(Hostile, ErrorsThatPassAreTriedAgain) {
  for (const int status : {500, 502, 503, 504, 429, 408, 301, 101}) {
    EXPECT_GT(survive({.status = status}).retries, 0U) << status;
    EXPECT_EQ(requests_, 2U) << status;
  }
}

TEST_F(Hostile, ClosingBeforeTheAnswerIsWholeIsNoAnswer) {
  EXPECT_EQ(survive({.way = Way::close}).retries, 1U);
  EXPECT_EQ(survive({.way = Way::half}).retries, 1U);
}

TEST_F(Hostile, HangingAndDawdlingEndWithTheTimeout) {
  rig_.options.timeout = 200ms;
  EXPECT_GE(survive({.way = Way::hang}).retries, 1U);
  EXPECT_GE(survive({.way = Way::trickle}).retries, 1U);
}

TEST_F(Hostile, AnEndlessAnswerIsReadToItsBound) {
  EXPECT_EQ(survive({.way = Way::endless}).retries, 0U) << "its status was 200";
  EXPECT_EQ(survive({.body = std::string(10'000'000, 'x')}).retries, 0U);
}

TEST_F(Hostile, EndlessHeadersAreNoAnswer) {
  const auto stats = survive({.headers = "X: " + std::string(100'000, 'x') + "\r\n"});
  EXPECT_EQ(stats.retries, 1U);
}

TEST_F(Hostile, RefusalsForGoodAreDroppedWithTheReason) {
  const Server server([](const Received&) { return Reaction{.status = 403, .body = "no such\r\nuser"}; });
  open();
  const auto id = add(server.url());
  ASSERT_TRUE(rig_->submit(id, firing("cpu")));
  ASSERT_TRUE(rig_.delivered());
  EXPECT_EQ(server.count(), 1U);
  EXPECT_EQ(rig_.stats().dropped, 1U);
  EXPECT_EQ(rig_.stats().delivered, 0U);
  EXPECT_FALSE(rig_.stats().up);
  EXPECT_THAT(rig_.stats().last_error, HasSubstr("403 (no such  user)"));
  ASSERT_TRUE(eventually([&] { return !rig_.problems().empty(); }));
  EXPECT_THAT(rig_.problems(), ElementsAre(HasSubstr("dropped")));
}

TEST_F(Hostile, OneAlertThatIsRefusedTakesNoOtherWithIt) {
  const Server server([](const Received& request) {
    return Reaction{.status = request.body.find("\"bad\"") == std::string::npos ? 200 : 400};
  });
  open();
  std::vector<Notification> many;
  for (int i = 0; i < 100; ++i) many.push_back(firing(i == 37 ? "bad" : "a" + std::to_string(i)));
  ASSERT_TRUE(rig_->submit(add(server.url()), many));
  ASSERT_TRUE(rig_.delivered());
  EXPECT_EQ(rig_.stats().delivered, 99U);
  EXPECT_EQ(rig_.stats().dropped, 1U);
}

TEST_F(Hostile, OneThatHangsHoldsUpNoOther) {
  const Server hanging([](const Received&) { return Reaction{.way = Way::hang}; });
  const Server good(always(200));
  open();
  const auto bad_id = add(hanging.url());
  ASSERT_TRUE(rig_->submit(bad_id, firing("cpu")));
  ASSERT_TRUE(eventually([&] { return hanging.count() == 1; }));
  const auto good_id = add(good.url());
  for (int i = 0; i < 20; ++i) {
    const auto name = "a" + std::to_string(i);
    ASSERT_TRUE(rig_->submit(good_id, firing(name)));
    ASSERT_TRUE(eventually([&] { return good.count() > static_cast<std::size_t>(i); }));
  }
  EXPECT_EQ(hanging.count(), 1U);
}

TEST_F(Hostile, RetryAfterIsWaitedFor) {
  using Clock = std::chrono::steady_clock;
  std::mutex mutex;
  std::vector<Clock::time_point> times;
  const Server server([&](const Received&) {
    const std::scoped_lock lock(mutex);
    times.push_back(Clock::now());
    return times.size() > 1 ? Reaction() : Reaction{.status = 429, .headers = "Retry-After: 1\r\n"};
  });
  rig_.options.longest_backoff = 100ms;  // ten times that is the longest wait that a server may ask for
  open();
  ASSERT_TRUE(rig_->submit(add(server.url()), firing("cpu")));
  ASSERT_TRUE(rig_.delivered());
  EXPECT_GE(times.at(1) - times.at(0), 990ms);
}

TEST_F(Hostile, RedirectsAreNotFollowed) {
  const Server elsewhere(always(200));
  const Server server(
      [&](const Received&) { return Reaction{.status = 307, .headers = "Location: " + elsewhere.url() + "\r\n"}; });
  EXPECT_THAT(complaint(server.url()), HasSubstr("307"));
  EXPECT_EQ(elsewhere.connections(), 0U);
}

TEST_F(Hostile, NobodyThereIsTold) {
  std::uint16_t port = 0;
  {
    const Server gone(always(200));
    port = gone.port();
  }
  EXPECT_THAT(complaint("http://127.0.0.1:" + std::to_string(port)), HasSubstr("refused"));
}

TEST_F(Hostile, AnUnknownNameIsTold) {
  EXPECT_THAT(complaint("http://nobody.invalid/hook"), HasSubstr("nobody.invalid"));
}

TEST_F(Hostile, ANameIsLookedUp) {
  const Server server(always(200));
  open();
  ASSERT_TRUE(rig_->submit(add("http://localhost:" + std::to_string(server.port()) + "/"), firing("cpu")));
  EXPECT_TRUE(rig_.delivered());
  EXPECT_THAT(server.told(), SizeIs(1));
}

TEST_F(Hostile, SomethingThatSpeaksNoHttpIsTold) {
  const Server server([](const Received&) { return Reaction{.headers = std::string("\0\0: :\r\n", 7)}; });
  EXPECT_THAT(complaint(server.url()), HasSubstr("no answer"));
}

TEST_F(Hostile, NamesInAlertsAreNoWayOut) {
  const Server server(always(200));
  open();
  auto alert = firing("\xff\"\n}]");
  alert.labels["a\"b"] = std::string("\0\x1b[31m\\", 7);
  ASSERT_TRUE(rig_->submit(add(server.url()), alert));
  ASSERT_TRUE(rig_.delivered());
  EXPECT_THAT(server.told(), ElementsAre("\xef\xbf\xbd\"\n}] firing"));
}

}  // namespace
}  // namespace sentinel::delivery
