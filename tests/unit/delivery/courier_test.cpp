// The courier as the runtime uses it: what goes where, in which order, and what waits.
#include "core/delivery/courier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <future>

#include "support.hpp"

namespace sentinel::delivery {
namespace {

using namespace delivery::testing;
using namespace std::chrono_literals;
using sentinel::testing::write_text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CourierTest : public ::testing::Test {
 protected:
  void SetUp() override { rig_.reopen(); }

  /// A receiver whose status the test sets while it runs.
  Server::Script answers() {
    return [this](const Received&) { return Reaction{.status = status_}; };
  }

  Courier::ReceiverId add(const Receiver& receiver) {
    const auto id = rig_->add(receiver);
    EXPECT_TRUE(id) << id.error().message;
    return id ? *id : 0;
  }

  Rig rig_;
  std::atomic<int> status_ = 200;
};

TEST_F(CourierTest, PostsAtOnceAndCounts) {
  const Server server(answers());
  const auto id = add(webhook(server.url("/hook?key=secret")));
  ASSERT_TRUE(rig_->submit(id, firing("cpu")));
  ASSERT_TRUE(rig_.delivered());
  const auto requests = server.received();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].target, "/hook?key=secret");
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(requests[0].headers.at("host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_FALSE(requests[0].headers.contains("authorization"));
  EXPECT_THAT(server.told(), ElementsAre("cpu firing"));
  EXPECT_EQ(requests[0].json().at("externalURL"), "http://box:8000");

  const auto stats = rig_.stats();
  EXPECT_EQ(stats.name, "webhook http://127.0.0.1:" + std::to_string(server.port()) + "/hook");
  EXPECT_TRUE(stats.up);
  EXPECT_EQ(stats.delivered, 1U);
  EXPECT_EQ(stats.dropped, 0U);
  EXPECT_EQ(stats.last_success_unix_ns, begin);
  EXPECT_THAT(rig_.problems(), IsEmpty());
}

TEST_F(CourierTest, TellsHistoryInOrderAfterALongTimeAway) {
  const Server server(answers());
  const auto id = add(webhook(server.url()));
  status_ = 503;
  ASSERT_TRUE(rig_->submit(id, firing("old")));
  ASSERT_TRUE(rig_->submit(id, resolved("old")));
  ASSERT_TRUE(rig_->submit(id, firing("fires")));
  ASSERT_TRUE(eventually([&] { return server.count() > 2; }));
  rig_.now_ns += 2 * hour;
  ASSERT_TRUE(rig_->submit(id, firing("new", rig_.now_ns)));
  ASSERT_TRUE(rig_->submit(id, with(firing("fires"), "culprit", "stress")));
  ASSERT_TRUE(rig_->submit(id, resolved("new", rig_.now_ns, rig_.now_ns + 1)));
  EXPECT_FALSE(rig_.stats().up);
  EXPECT_THAT(rig_.stats().last_error, HasSubstr("503"));
  EXPECT_GT(rig_.stats().retries, 1U);
  // The next to come may have been made before the last of these was submitted; the one behind it was not.
  const auto tried = server.count();
  ASSERT_TRUE(eventually([&] { return server.count() > tried + 1; }));
  status_ = 200;
  ASSERT_TRUE(rig_.delivered());
  const auto requests = server.received();
  EXPECT_THAT(told(requests.back()), ElementsAre("fires firing", "new resolved"));
  EXPECT_EQ(requests.back().json().at("alerts").as_array()[0].at("annotations").at("culprit"), "stress");
  EXPECT_EQ(rig_.stats().dropped, 1U);
  ASSERT_TRUE(eventually([&] { return rig_.problems().size() == 2; })) << rig_.all_problems();
  EXPECT_THAT(rig_.problems(), ElementsAre(HasSubstr("wait in the spool"), HasSubstr("takes posts again")));
}

TEST_F(CourierTest, KeepsWhatWaitsAcrossAStop) {
  const Server server(answers());
  status_ = 500;
  ASSERT_TRUE(rig_->submit(add(webhook(server.url())), firing("cpu")));
  const auto tried = server.count();
  rig_->stop(patience);
  EXPECT_LE(server.count(), tried + 10) << "a receiver that fails does not hold up the stop";
  rig_.reopen();
  EXPECT_EQ(server.told().back(), "cpu firing");
  status_ = 200;
  const auto before = server.count();
  add(webhook(server.url()));
  ASSERT_TRUE(eventually([&] { return server.count() == before + 1; }));
  EXPECT_TRUE(rig_.delivered());
  EXPECT_EQ(rig_.stats().delivered, 1U);
}

TEST_F(CourierTest, PostsWhatIsPendingBeforeItStops) {
  const Server server(answers());
  const auto id = add(webhook(server.url()));
  std::vector<Notification> many;
  for (int i = 0; i < 1000; ++i) many.push_back(firing("a" + std::to_string(i)));
  ASSERT_TRUE(rig_->submit(id, many));
  rig_->stop(patience);
  EXPECT_THAT(server.told(), SizeIs(1000));
}

TEST_F(CourierTest, StopsInTimeBesideAReceiverThatHangs) {
  const Server server([](const Received&) { return Reaction{.way = Reaction::Way::hang}; });
  ASSERT_TRUE(rig_->submit(add(webhook(server.url())), firing("cpu")));
  ASSERT_TRUE(eventually([&] { return server.count() == 1; }));
  const auto before = std::chrono::steady_clock::now();
  rig_->stop(50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - before, patience / 2);
}

TEST_F(CourierTest, BringsTenThousandAtOnceInOrder) {
  const Server server(answers());
  const auto id = add(webhook(server.url()));
  std::vector<Notification> many;
  std::vector<std::string> expected;
  for (int i = 0; i < 10'000; ++i) {
    many.push_back(firing("alert" + std::to_string(i)));
    expected.push_back("alert" + std::to_string(i) + " firing");
  }
  ASSERT_TRUE(rig_->submit(id, many));
  ASSERT_TRUE(rig_.delivered());
  EXPECT_EQ(server.told(), expected);
  for (const auto& each : server.received()) EXPECT_LT(each.body.size(), 1U << 20U);
  EXPECT_LE(server.count(), 100U);
  EXPECT_EQ(rig_.stats().delivered, 10'000U);
}

TEST_F(CourierTest, TakesFromManyThreads) {
  const Server server(answers());
  const auto id = add(webhook(server.url()));
  std::vector<std::future<void>> threads;
  for (int t = 0; t < 8; ++t) {
    threads.push_back(std::async(std::launch::async, [&, t] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(rig_->submit(id, firing("a" + std::to_string(t) + "_" + std::to_string(i))));
      }
    }));
  }
  for (auto& each : threads) each.get();
  ASSERT_TRUE(rig_.delivered());
  const auto all = server.told();
  EXPECT_THAT(all, SizeIs(400));
  EXPECT_THAT(std::set<std::string>(all.begin(), all.end()), SizeIs(400));
}

TEST_F(CourierTest, TwoOfTheSameReceiverAreOne) {
  const Server server(answers());
  const auto first = add(webhook(server.url()));
  const auto second = add(webhook(server.url()));
  EXPECT_NE(first, second);
  ASSERT_TRUE(rig_->submit(first, firing("cpu")));
  ASSERT_TRUE(rig_->submit(second, firing("cpu")));
  ASSERT_TRUE(rig_.delivered());
  rig_->remove(first);
  EXPECT_FALSE(rig_->submit(first, firing("disk")));
  ASSERT_TRUE(rig_->submit(second, firing("disk")));
  ASSERT_TRUE(rig_.delivered());
  EXPECT_THAT(server.told(), ElementsAre("cpu firing", "disk firing"));
  EXPECT_THAT(rig_->stats(), SizeIs(1));
}

TEST_F(CourierTest, WhatWaitsForARemovedReceiverGoesOutWhenItComesAgain) {
  const Server server(answers());
  status_ = 500;
  const auto id = add(webhook(server.url()));
  ASSERT_TRUE(rig_->submit(id, firing("cpu")));
  ASSERT_TRUE(eventually([&] { return rig_.stats().retries > 0; }));
  rig_->remove(id);
  EXPECT_THAT(rig_->stats(), IsEmpty());
  const auto gone = rig_->submit(id, firing("disk"));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Errc::not_found);
  status_ = 200;
  const auto again = add(webhook(server.url()));
  ASSERT_TRUE(eventually([&] { return rig_.stats().delivered == 1; }));
  EXPECT_EQ(rig_->firing(again).size(), 1U);
  EXPECT_EQ(rig_->firing(again)[0].labels.at("alertname"), "cpu");
  EXPECT_THAT(rig_->firing(id), IsEmpty());
}

TEST_F(CourierTest, AddingAndRemovingInTurnsLosesNothing) {
  const Server server(answers());
  for (int i = 0; i < 50; ++i) {
    const auto id = add(webhook(server.url()));
    ASSERT_TRUE(rig_->submit(id, firing("a" + std::to_string(i))));
    rig_->remove(id);
  }
  add(webhook(server.url()));
  ASSERT_TRUE(rig_.delivered());
  const auto all = server.told();
  EXPECT_THAT(std::set<std::string>(all.begin(), all.end()), SizeIs(50));
  EXPECT_THAT(rig_.problems(), IsEmpty());
}

TEST_F(CourierTest, TellsAnAlertmanagerWhatFiresAgainAndAgain) {
  rig_.options.resend = 20ms;
  rig_.reopen();
  const Server server(answers());
  const auto id = add(alertmanager(server.url("/prefix/")));
  ASSERT_TRUE(rig_->submit(id, firing("cpu")));
  ASSERT_TRUE(eventually([&] { return server.count() >= 5; }));
  rig_.now_ns += hour;
  const auto seen = server.count() + 1;
  ASSERT_TRUE(eventually([&] { return server.count() > seen; }));
  const auto last = server.received().back();
  EXPECT_EQ(last.target, "/prefix/api/v2/alerts");
  const auto body = last.json();
  ASSERT_THAT(body.as_array(), SizeIs(1));
  EXPECT_EQ(body.at(0).at("endsAt"), "2023-11-14T23:13:20.08Z");
  EXPECT_EQ(rig_.stats().delivered, 1U);

  ASSERT_TRUE(rig_->submit(id, resolved("cpu", begin, begin + hour)));
  ASSERT_TRUE(eventually([&] { return server.received().back().json().at(0).at("endsAt") == "2023-11-14T23:13:20Z"; }));
}

TEST_F(CourierTest, TellsAnAlertmanagerAgainAfterAKillWithoutNews) {
  rig_.options.resend = 24h;
  rig_.reopen();
  const Server server(answers());
  ASSERT_TRUE(rig_->submit(add(alertmanager(server.url("/api/v2/alerts"))), firing("cpu")));
  ASSERT_TRUE(rig_.delivered());
  rig_.reopen();
  add(alertmanager(server.url("/api/v2/alerts")));
  ASSERT_TRUE(eventually([&] { return server.count() == 2; }));
  EXPECT_EQ(server.received()[1].target, "/api/v2/alerts");
  EXPECT_EQ(server.received()[1].json().at(0).at("labels").at("alertname"), "cpu");
}

TEST_F(CourierTest, PostsUntilTaken) {
  std::atomic<int> left = 3;
  const Server server([&](const Received&) { return Reaction{.status = left-- > 0 ? 500 : 200}; });
  rig_->post_until_taken(server.url("/-/reload"));
  const auto done = [&] {
    const auto posts = rig_->posts();
    return posts.size() == 1 && !posts[0].pending && posts[0].succeeded == 1;
  };
  ASSERT_TRUE(eventually(done));
  EXPECT_EQ(server.count(), 4U);
  EXPECT_EQ(rig_->posts()[0].failed, 3U);
  EXPECT_EQ(rig_->posts()[0].url, server.url("/-/reload"));
  EXPECT_EQ(server.received()[0].headers.at("content-length"), "0");
  EXPECT_EQ(server.received()[0].target, "/-/reload");
  rig_->post_until_taken("nonsense");
  ASSERT_TRUE(eventually([&] { return rig_->posts().size() == 2 && rig_->posts()[1].failed == 1; }));
  EXPECT_FALSE(rig_->posts()[1].pending);
}

TEST_F(CourierTest, PostsOnceForManyCalls) {
  std::promise<void> go;
  const auto gone = go.get_future().share();
  const Server server([&](const Received&) {
    gone.wait();
    return Reaction();
  });
  rig_->post_until_taken(server.url());
  ASSERT_TRUE(eventually([&] { return server.connections() == 1; }));
  for (int i = 0; i < 100; ++i) rig_->post_until_taken(server.url());
  go.set_value();
  ASSERT_TRUE(eventually([&] { return rig_->posts()[0].succeeded == 2 && !rig_->posts()[0].pending; }));
  EXPECT_EQ(server.count(), 2U) << "one for the call before, one for all that came meanwhile";
}

TEST_F(CourierTest, MakesAPrivateFolderAndKeepsOthersOut) {
  const Server server(answers());
  ASSERT_TRUE(rig_->submit(add(webhook(server.url())), firing("cpu")));
  struct stat status = {};
  ASSERT_EQ(::stat(rig_.options.spool.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  for (const auto& file : std::filesystem::directory_iterator(rig_.options.spool)) {
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << file.path();
  }
}

TEST(CourierFolder, OfAnotherProcessOrNoFolderIsRefused) {
  Rig rig;
  write_text(rig.folder / "file", "");
  rig.options.spool = rig.folder / "file";
  const auto opened = Courier::open(rig.options);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("no folder"));

  rig.options.spool = rig.folder / "delivery";
  rig.reopen();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto second = Courier::open(rig.options);
    ::_exit(!second && second.error().message.find("another agent") != std::string::npos ? 0 : 1);
  }
  int code = -1;
  ::waitpid(child, &code, 0);
  EXPECT_EQ(code, 0);
}

TEST(CourierFolder, KeepsABoundedNumberOfJournals) {
  Rig rig;
  std::filesystem::create_directory(rig.options.spool);
  for (int i = 0; i < 100; ++i) {
    const auto file = rig.options.spool / ("webhook-" + std::to_string(i) + ".journal");
    write_text(file, "");
    std::filesystem::last_write_time(file, std::filesystem::file_time_type(std::chrono::seconds(i)));
  }
  write_text(rig.options.spool / "webhook-1.journal.new", "half");
  rig.reopen();
  EXPECT_FALSE(std::filesystem::exists(rig.options.spool / "webhook-1.journal.new"));
  EXPECT_FALSE(std::filesystem::exists(rig.options.spool / "webhook-35.journal"));
  EXPECT_TRUE(std::filesystem::exists(rig.options.spool / "webhook-36.journal"));
}

}  // namespace
}  // namespace sentinel::delivery
