#include "core/delivery/book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace sentinel::delivery {
namespace {

using namespace delivery::testing;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr SteadyTime start = SteadyTime(1h);

/// A book with its clocks, and a receiver that takes what it is given or does not.
class Told {
 public:
  explicit Told(BookLimits limits) : limits_(limits), book(limits) {}

  Book::Submitted submit(const Notification& notification) { return book.submit(notification, now_ns); }
  Book::Batch next(std::size_t most = 100) {
    book.expire(now_ns);
    return book.next(most, 1U << 20U, now_ns, now);
  }
  static std::vector<std::string> names(const Book::Batch& batch) {
    std::vector<std::string> all;
    for (const auto* each : batch.notifications) {
      all.push_back(each->labels.at("alertname") + (each->firing ? " firing" : " resolved"));
    }
    return all;
  }
  /// What a post that succeeds carries.
  std::vector<std::string> take() {
    auto batch = next();
    const auto all = names(batch);
    for (const auto& each : batch.sent) book.settle(each, now);
    return all;
  }
  void pass(std::chrono::nanoseconds time) {
    now_ns += time.count();
    now += time;
  }
  /// The same book made from its entries.
  void restart() {
    std::vector<Entry> entries;
    book.write([&](const Entry& entry) { entries.push_back(*decode(encode(entry))); });
    book = Book(limits_);
    for (const auto& entry : entries) {
      if (const auto* known = std::get_if<KnownEntry>(&entry)) book.recall(*known);
      if (const auto* submitted = std::get_if<SubmittedEntry>(&entry)) {
        (void)book.submit(submitted->notification, submitted->at_ns);
      }
      if (const auto* settled = std::get_if<SettledEntry>(&entry)) {
        for (const auto& each : settled->settled) book.settle(each, SteadyTime::min());
      }
    }
    book.forget_counts();
  }

 private:
  BookLimits limits_;

 public:
  Book book;
  std::int64_t now_ns = begin;
  SteadyTime now = start;
};

BookLimits of(Protocol protocol) {
  BookLimits limits;
  limits.protocol = protocol;
  return limits;
}

class History : public ::testing::Test, public Told {
 protected:
  History() : Told(of(Protocol::webhook)) {}
};

TEST_F(History, GoesOutOnceAndInOrder) {
  for (const char* name : {"c", "a", "b"}) submit(firing(name));
  EXPECT_THAT(take(), ElementsAre("c firing", "a firing", "b firing"));
  submit(resolved("a"));
  submit(firing("d"));
  submit(resolved("c"));
  EXPECT_THAT(take(), ElementsAre("a resolved", "d firing", "c resolved"));
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(book.delivered(), 6U);
  EXPECT_EQ(book.dropped(), 0U);
}

TEST_F(History, IgnoresWhatWasSubmittedBefore) {
  EXPECT_EQ(submit(firing("a")), Book::Submitted::news);
  EXPECT_EQ(submit(firing("a")), Book::Submitted::known);
  take();
  EXPECT_EQ(submit(firing("a")), Book::Submitted::known);
  EXPECT_EQ(submit(firing("a", begin + 1)), Book::Submitted::news);
  EXPECT_EQ(submit(resolved("a")), Book::Submitted::news);
  take();
  EXPECT_EQ(submit(resolved("a", begin, begin + hour)), Book::Submitted::known);
  EXPECT_EQ(submit(firing("a")), Book::Submitted::known) << "it has ended";
}

TEST_F(History, PutsANewerTextInPlaceOfTheWaitingOne) {
  submit(firing("a"));
  submit(firing("b"));
  submit(with(firing("a"), "culprit", "stress"));
  const auto batch = next();
  EXPECT_THAT(names(batch), ElementsAre("a firing", "b firing"));
  EXPECT_EQ(batch.notifications[0]->annotations.at("culprit"), "stress");
}

TEST_F(History, TellsANewerTextAgainWhenTheOlderOneWasTold) {
  submit(firing("a"));
  take();
  submit(with(firing("a"), "culprit", "stress"));
  EXPECT_THAT(take(), ElementsAre("a firing"));
}

TEST_F(History, MergesFiringAndResolvedThatBothWait) {
  submit(firing("a"));
  submit(firing("b"));
  submit(resolved("a"));
  EXPECT_EQ(book.waiting(), 2U);
  EXPECT_THAT(take(), ElementsAre("b firing", "a resolved"));
}

TEST_F(History, TellsTheEndOfWhatWasOnItsWay) {
  submit(firing("a"));
  const auto on_its_way = next();
  submit(resolved("a"));
  for (const auto& each : on_its_way.sent) book.settle(each, now);
  EXPECT_THAT(take(), ElementsAre("a resolved"));
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(History, MergesAfterAFailedPostToo) {
  submit(firing("a"));
  (void)next();  // and it is not taken
  submit(resolved("a"));
  EXPECT_THAT(take(), ElementsAre("a resolved"));
}

TEST_F(History, AddsLateAnnotationsToAnEndThatStillWaits) {
  submit(firing("a"));
  submit(resolved("a"));
  submit(with(firing("a"), "snapshot", "here"));
  const auto batch = next();
  EXPECT_THAT(names(batch), ElementsAre("a resolved"));
  EXPECT_EQ(batch.notifications[0]->annotations.at("snapshot"), "here");
  EXPECT_EQ(batch.notifications[0]->ends_at_ns, begin + minute);
}

TEST_F(History, IsOfAnHourExceptForWhatFires) {
  submit(firing("fires"));
  submit(firing("over"));
  submit(resolved("over"));
  submit(firing("told"));
  EXPECT_EQ(book.waiting(), 3U);
  const auto batch = next();
  for (const auto& each : batch.sent) {
    if (each.key.fingerprint == hash_of("told")) book.settle(each, now);
  }
  submit(resolved("told"));
  pass(59min);
  submit(firing("late"));
  submit(resolved("late"));
  pass(2min);
  EXPECT_THAT(take(), ElementsAre("fires firing", "told resolved", "late resolved"));
  EXPECT_EQ(book.dropped(), 1U);
}

TEST_F(History, ForgetsWhatEndedAfterAnHour) {
  submit(firing("a"));
  submit(resolved("a"));
  take();
  pass(2h);
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(book.alerts(), 0U);
  EXPECT_EQ(book.bytes(), 0U);
}

TEST_F(History, SurvivesAClockThatIsSetBack) {
  submit(firing("a"));
  submit(resolved("a"));
  now_ns -= hour * 24 * 365;
  EXPECT_THAT(names(next()), ElementsAre("a resolved"));
  pass(61min);
  EXPECT_THAT(take(), IsEmpty()) << "its age counts from when the clock was set back";
  submit(firing("b", now_ns));
  EXPECT_THAT(take(), ElementsAre("b firing"));
}

TEST_F(History, IsTheSameAfterARestart) {
  submit(firing("told"));
  submit(firing("ended"));
  take();
  submit(resolved("ended"));
  take();
  submit(firing("waits"));
  submit(with(firing("told"), "culprit", "stress"));
  submit(firing("both"));
  submit(resolved("both"));
  const auto before = book.bytes();
  restart();
  EXPECT_EQ(book.bytes(), before);
  EXPECT_EQ(submit(firing("ended")), Book::Submitted::known);
  EXPECT_EQ(submit(resolved("ended")), Book::Submitted::known);
  EXPECT_EQ(submit(firing("waits")), Book::Submitted::known);
  EXPECT_EQ(book.firing().size(), 2U);
  EXPECT_THAT(take(), ElementsAre("waits firing", "told firing", "both resolved"));
  restart();
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(submit(resolved("told")), Book::Submitted::news);
  EXPECT_THAT(take(), ElementsAre("told resolved"));
}

TEST(HistoryLimits, LetGoOfTheOldestHistoryAndKeepWhatFires) {
  auto limits = of(Protocol::webhook);
  limits.most_alerts = 3;
  Told told(limits);
  told.submit(firing("fires"));
  for (const char* name : {"a", "b"}) {
    told.submit(firing(name));
    told.submit(resolved(name));
  }
  EXPECT_EQ(told.submit(firing("c")), Book::Submitted::news);
  EXPECT_EQ(told.book.dropped(), 1U);
  EXPECT_THAT(Told::names(told.next()), ElementsAre("fires firing", "b resolved", "c firing"));
  EXPECT_EQ(told.submit(firing("d")), Book::Submitted::news);
  EXPECT_EQ(told.submit(firing("e")), Book::Submitted::no_space) << "all that is left fires";
  EXPECT_EQ(told.book.dropped(), 3U);
  EXPECT_THAT(told.take(), ElementsAre("fires firing", "c firing", "d firing"));
  EXPECT_EQ(told.submit(firing("e")), Book::Submitted::news) << "the receiver knows of the others";
}

TEST(HistoryLimits, CountBytes) {
  auto limits = of(Protocol::webhook);
  limits.most_bytes = 10 * encoded_size(firing("x0"));
  Told told(limits);
  for (char c = '0'; c <= '9'; ++c) {
    EXPECT_EQ(told.submit(firing(std::string("x") + c)), Book::Submitted::news);
  }
  EXPECT_EQ(told.submit(with(firing("x0"), "more", "text")), Book::Submitted::no_space);
  EXPECT_THAT(told.take(), ::testing::SizeIs(10));
  EXPECT_LE(told.book.bytes(), limits.most_bytes);
}

class State : public ::testing::Test, public Told {
 protected:
  State() : Told(of(Protocol::alertmanager)) {}
};

TEST_F(State, IsToldAtOnceAndAgainEachMinute) {
  submit(firing("a"));
  EXPECT_THAT(take(), ElementsAre("a firing"));
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_EQ(book.next_due(), now + 1min);
  pass(1min);
  submit(firing("b"));
  EXPECT_THAT(take(), ElementsAre("b firing", "a firing"));
  EXPECT_EQ(book.delivered(), 2U) << "telling again is no delivery";
}

TEST_F(State, TellsAnEndForAQuarterOfAnHour) {
  submit(firing("a"));
  take();
  submit(resolved("a"));
  EXPECT_THAT(take(), ElementsAre("a resolved"));
  int again = 0;
  for (int i = 0; i < 60; ++i) {
    pass(1min);
    again += static_cast<int>(take().size());
  }
  EXPECT_GE(again, 13);
  EXPECT_LE(again, 15);
  EXPECT_FALSE(book.next_due());
}

TEST_F(State, IsNotThePast) {
  submit(firing("told"));
  take();
  submit(resolved("told"));
  submit(firing("gone"));
  submit(resolved("gone"));
  submit(firing("stays"));
  EXPECT_THAT(take(), ElementsAre("told resolved", "stays firing"));
  EXPECT_EQ(book.dropped(), 1U);

  submit(resolved("stays"));
  pass(16min);
  EXPECT_THAT(take(), IsEmpty()) << "by itself it ended long ago";
}

TEST_F(State, OfOneFingerprintIsTheLatest) {
  submit(firing("a"));
  submit(firing("a", begin + hour));
  EXPECT_EQ(book.alerts(), 1U);
  auto batch = next();
  ASSERT_EQ(batch.sent.size(), 1U);
  EXPECT_EQ(batch.sent[0].key.starts_at_ns, begin + hour);
  take();
  submit(resolved("a", begin + hour));
  take();
  submit(firing("a", begin + 1)) /* the clock was set back */;
  EXPECT_THAT(take(), ElementsAre("a firing"));
}

TEST_F(State, IsTheSameAfterARestart) {
  submit(firing("a"));
  submit(firing("b"));
  take();
  submit(resolved("b"));
  take();
  submit(firing("c"));
  restart();
  EXPECT_EQ(submit(firing("a")), Book::Submitted::known);
  EXPECT_THAT(take(), ElementsAre("c firing", "a firing", "b resolved")) << "all is told at once";
  EXPECT_EQ(book.delivered(), 1U) << "but c alone is new";
}

TEST_F(State, GoesOutInBatches) {
  for (int i = 0; i < 10; ++i) submit(firing("a" + std::to_string(i)));
  std::size_t posts = 0;
  for (auto batch = next(4); !batch.sent.empty(); batch = next(4)) {
    EXPECT_LE(batch.sent.size(), 4U);
    for (const auto& each : batch.sent) book.settle(each, now);
    ++posts;
  }
  EXPECT_EQ(posts, 3U);
}

TEST_F(State, ThatWasRefusedIsToldAgainLater) {
  submit(firing("a"));
  auto batch = next();
  batch.sent[0].refused = true;
  book.settle(batch.sent[0], now);
  EXPECT_EQ(book.dropped(), 1U);
  EXPECT_THAT(take(), IsEmpty());
  pass(1min);
  EXPECT_THAT(take(), ElementsAre("a firing"));
}

}  // namespace
}  // namespace sentinel::delivery
