// The spool: what it survives on disk.
#include "core/delivery/outbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <csignal>
#include <fstream>

#include "support.hpp"

namespace sentinel::delivery {
namespace {

using namespace delivery::testing;
using sentinel::testing::read_text;
using sentinel::testing::write_text;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Spool : public ::testing::Test {
 protected:
  OutboxOptions options(const std::filesystem::path& folder) {
    OutboxOptions options;
    options.file = folder / "a.journal";
    options.url = "http://box/hook";
    options.unix_ns = [this] { return now_ns_; };
    options.on_problem = [this](const std::string& problem) { problems_.push_back(problem); };
    return options;
  }
  OutboxOptions options() { return options(folder_.path()); }

  /// Takes all that waits; says what it was.
  static std::vector<std::string> take(Outbox& outbox) {
    std::vector<std::string> all;
    for (;;) {
      auto post = outbox.next(100, SteadyTime());
      if (post.body.empty()) return all;
      Received received;
      received.body = post.body;
      for (auto& each : told(received)) all.push_back(std::move(each));
      outbox.taken(std::move(post.sent), SteadyTime());
    }
  }

  TempFolder folder_;
  std::int64_t now_ns_ = begin;
  std::vector<std::string> problems_;
};

Result<void> submit(Outbox& outbox, const Notification& notification) {
  return outbox.submit({&notification, 1});
}

TEST_F(Spool, KeepsWhatWaitsAndWhatWasTold) {
  {
    Outbox outbox(options());
    EXPECT_TRUE(submit(outbox, firing("told")));
    EXPECT_THAT(take(outbox), ElementsAre("told firing"));
    EXPECT_TRUE(submit(outbox, firing("waits")));
  }
  Outbox outbox(options());
  EXPECT_TRUE(submit(outbox, firing("told")));
  EXPECT_TRUE(submit(outbox, firing("waits")));
  EXPECT_THAT(take(outbox), ElementsAre("waits firing"));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(Spool, StaysSmallHoweverMuchGoesThrough) {
  auto small = options();
  small.most_file_bytes = 256 * 1024;
  Outbox outbox(small);
  std::uintmax_t largest = 0;
  for (int i = 0; i < 200; ++i) {
    std::vector<Notification> some;
    for (int j = 0; j < 20; ++j) some.push_back(firing("a" + std::to_string(20 * i + j)));
    ASSERT_TRUE(outbox.submit(some));
    take(outbox);
    for (auto& each : some) each.firing = false;
    ASSERT_TRUE(outbox.submit(some));
    take(outbox);
    largest = std::max(largest, std::filesystem::file_size(small.file));
  }
  EXPECT_LE(largest, small.most_file_bytes);
  EXPECT_GT(largest, small.most_file_bytes / 8);
}

TEST_F(Spool, LetsTheOldestGoAndSaysSo) {
  auto small = options();
  small.limits.most_alerts = 10;
  Outbox outbox(small);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(submit(outbox, resolved("a" + std::to_string(i))));
  }
  const auto full = submit(outbox, firing("b"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::exhausted);
  EXPECT_EQ(outbox.counts().dropped, 1U);
  const auto all = take(outbox);
  EXPECT_THAT(all, SizeIs(10));
  EXPECT_EQ(all.front(), "a1 resolved");
  EXPECT_EQ(all.back(), "b firing");
}

TEST_F(Spool, CutsTextsAndRefusesEndlessLabels) {
  Outbox outbox(options());
  EXPECT_TRUE(submit(outbox, with(firing("long"), "text", std::string(100'000, 'x'))));
  auto many = firing("many");
  for (int i = 0; i < 20; ++i) many.annotations["a" + std::to_string(i)] = std::string(8000, 'y');
  EXPECT_TRUE(submit(outbox, many));
  auto endless = firing("endless");
  endless.labels["l"] = std::string(70'000, 'z');
  const auto refused = submit(outbox, endless);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  const auto post = outbox.next(100, SteadyTime());
  EXPECT_THAT(post.sent, SizeIs(2));
  EXPECT_LT(post.body.size(), 200'000U);
}

TEST_F(Spool, LeavesOutATailThatWasCutShort) {
  std::string whole;
  {
    Outbox outbox(options());
    EXPECT_TRUE(submit(outbox, firing("a")));
    EXPECT_TRUE(submit(outbox, firing("b")));
    whole = read_text(options().file);
  }
  for (std::size_t size = whole.size() - 40; size < whole.size(); ++size) {
    problems_.clear();
    write_text(options().file, std::string_view(whole).substr(0, size));
    {
      Outbox outbox(options());
      ASSERT_THAT(take(outbox), ElementsAre("a firing")) << size;
      ASSERT_THAT(problems_, ElementsAre(HasSubstr("at the end")));
      ASSERT_TRUE(submit(outbox, firing("c")));
    }
    problems_.clear();
    Outbox again(options());
    ASSERT_THAT(take(again), ElementsAre("c firing"));
    ASSERT_THAT(problems_, IsEmpty()) << "the damage is gone";
  }
}

TEST_F(Spool, WithAnyByteChangedTellsTheRestAndKeepsTheDamage) {
  std::string whole;
  {
    Outbox outbox(options());
    EXPECT_TRUE(submit(outbox, firing("a")));
    EXPECT_TRUE(submit(outbox, firing("b")));
    EXPECT_TRUE(submit(outbox, firing("c")));
    whole = read_text(options().file);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    problems_.clear();
    std::string damaged = whole;
    damaged[at] = static_cast<char>(~damaged[at]);
    write_text(options().file, damaged);
    Outbox outbox(options());
    const auto all = take(outbox);
    ASSERT_THAT(problems_, SizeIs(1)) << at;
    if (at < journal_heading().size()) {
      ASSERT_THAT(all, IsEmpty());
      ASSERT_EQ(read_text(options().file.string() + ".damaged"), damaged);
    } else {
      ASSERT_GE(all.size(), 2U) << at;
    }
    ASSERT_TRUE(submit(outbox, firing("d")));
    ASSERT_THAT(take(outbox), ElementsAre("d firing"));
  }
}

TEST_F(Spool, SetsAsideWhatIsNoJournalAndGoesOn) {
  std::filesystem::create_directory(options().file);
  Outbox outbox(options());
  ASSERT_THAT(problems_, ElementsAre(HasSubstr("no regular file")));
  EXPECT_TRUE(submit(outbox, firing("a")));
  EXPECT_TRUE(std::filesystem::is_directory(options().file.string() + ".damaged"));
  EXPECT_THAT(problems_, SizeIs(1));
}

/// A file system of 64 KiB, gone with the object.
class SmallDisk {
 public:
  explicit SmallDisk(const std::filesystem::path& at) : at_(at) {
    std::filesystem::create_directory(at_);
    mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=64k,mode=0700") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] bool read_only(bool on) const {
    return ::mount("tmpfs", at_.c_str(), "tmpfs", MS_REMOUNT | (on ? static_cast<unsigned long>(MS_RDONLY) : 0UL),
                   "size=64k") == 0;
  }
  void fill() const { write_until_full(at_ / "filler"); }
  void free() const { std::filesystem::remove(at_ / "filler"); }

 private:
  static void write_until_full(const std::filesystem::path& file) {
    std::ofstream out(file, std::ios::binary);
    const std::string page(4096, 'x');
    for (int i = 0; i < 64 && out.write(page.data(), 4096).flush(); ++i) continue;
  }
  std::filesystem::path at_;
  bool mounted_ = false;
};

/// Where this user may not mount, a limit of file size is the full disk: write(2) fails with EFBIG in place of ENOSPC.
class FullDisk : public Spool {
 protected:
  void expect_memory_and_back(Outbox& outbox, const std::function<void()>& repair) {
    const auto failed = submit(outbox, with(firing("memory"), "long", std::string(8000, 'x')));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::failed);
    EXPECT_FALSE(submit(outbox, with(firing("more"), "long", std::string(8000, 'x'))));
    EXPECT_FALSE(outbox.on_disk());
    ASSERT_THAT(problems_, ElementsAre(HasSubstr("delivered from memory")));
    const auto all = take(outbox);
    EXPECT_THAT(all, ::testing::IsSupersetOf({"memory firing", "more firing"}));
    EXPECT_FALSE(submit(outbox, with(firing("saved"), "long", std::string(8000, 'x'))));
    repair();
    EXPECT_TRUE(eventually([&] {
      outbox.recover();
      return outbox.on_disk();
    }));
    EXPECT_THAT(problems_, ElementsAre(HasSubstr("delivered from memory"), HasSubstr("written again")));
    problems_.clear();
  }
};

TEST_F(FullDisk, DeliversFromMemoryAndGoesBackWhenThereIsSpace) {
  if (::geteuid() == 0) {
    const auto at = folder_ / "disk";
    const SmallDisk disk(at);
    if (disk.mounted()) {
      {
        Outbox outbox(options(at));
        ASSERT_TRUE(submit(outbox, firing("before")));
        disk.fill();
        expect_memory_and_back(outbox, [&] { disk.free(); });
      }
      Outbox again(options(at));
      EXPECT_THAT(take(again), ElementsAre("saved firing"));
      return;
    }
  }
  rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_IGN);
  {
    Outbox outbox(options());
    ASSERT_TRUE(submit(outbox, firing("before")));
    const rlimit tight = {1024, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);
    expect_memory_and_back(outbox, [&] { ::setrlimit(RLIMIT_FSIZE, &before); });
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  Outbox again(options());
  EXPECT_THAT(take(again), ElementsAre("saved firing"));
}

TEST_F(FullDisk, OrAReadOnlyOneFromTheStart) {
  const auto at = folder_ / "disk";
  const SmallDisk disk(at);
  std::function<void()> repair;
  if (disk.mounted() && disk.read_only(true)) {
    repair = [&] { ASSERT_TRUE(disk.read_only(false)); };
  } else {
    // A folder that is not there and cannot be made, since a file is in the way.
    write_text(folder_ / "way", "");
    repair = [&] {
      std::filesystem::remove(folder_ / "way");
      std::filesystem::create_directory(folder_ / "way");
    };
  }
  const auto file = disk.mounted() ? at : folder_ / "way";
  {
    Outbox outbox(options(file));
    problems_.clear();  // the second kind is unreadable, too
    expect_memory_and_back(outbox, repair);
  }
  Outbox again(options(file));
  EXPECT_THAT(take(again), ElementsAre("saved firing"));
}

}  // namespace
}  // namespace sentinel::delivery
