// Libraries are loaded and released here as a swap does, with what a plugin can leave behind: threads in every state,
// thread_local objects, holders.
#include "core/plugin/libraries.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <deque>
#include <future>
#include <iterator>
#include <latch>
#include <thread>

#include "core/plugin/call.hpp"
#include "core/plugin/threads.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugin/support.hpp"

namespace sentinel::plugin {

namespace {

using sentinel::testing::eventually;
using sentinel::testing::FakeBatch;
using sentinel::testing::FakeConfig;
using sentinel::testing::FakeHost;
using ::testing::HasSubstr;
using testing::message_of;
using testing::test_plugin;
using testing::TestStage;
namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// What a process has of each kind that a plugin may leave behind.
struct Held {
  std::uint64_t objects = loader_counts().mapped();
  std::size_t threads = entries("/proc/self/task");
  std::size_t descriptors = entries("/proc/self/fd");
};

/// A thread that has left its code is in /proc a moment longer, in what was held before too.
bool holds_again(const Held& before) {
  return eventually([&] {
    const Held now;
    return now.objects == before.objects && now.threads <= before.threads && now.descriptors <= before.descriptors;
  });
}

/// A thread that calls plugins, as a pool's worker does, until it is renewed.
class Worker {
 public:
  ~Worker() { (void)renew(); }

  void run(std::function<void()> call) {
    std::promise<void> done;
    auto finished = done.get_future();
    thread_ = std::thread([this, call = std::move(call), &done] {
      const OwnThread own;
      call();
      done.set_value();
      leave_.wait(false);
    });
    finished.wait();
  }
  bool renew() {
    leave_ = true;
    leave_.notify_all();
    if (thread_.joinable()) thread_.join();
    leave_ = false;
    return true;
  }

 private:
  std::thread thread_;
  std::atomic<bool> leave_ = false;
};

struct Agent {
  // ThreadSanitizer starts a thread of its own with the first.
  Agent() {
    std::thread([] {}).join();
  }

  TestStage test;
  Worker worker;
  Libraries libraries{[this] { return worker.renew(); }};
  FakeHost host;

  std::shared_ptr<Library> load(std::string_view plugin, std::uint64_t generation = 1) {
    auto staged = test.stage.stage(test_plugin(plugin), "test", generation);
    EXPECT_TRUE(staged) << message_of(staged);
    auto library = libraries.load(std::move(*staged));
    EXPECT_TRUE(library) << message_of(library);
    return std::move(*library);
  }
  Result<Instance> create(const std::shared_ptr<Library>& library, std::string_view how, std::int64_t at) {
    FakeConfig config;
    config.string("how", how).integer("at", at);
    return Instance::create(library, host.raw(), config.raw());
  }
  /// One whole life of an instance of test_threads.
  void live(const std::shared_ptr<Library>& library, std::string_view how, std::int64_t at) {
    auto instance = create(library, how, at);
    ASSERT_TRUE(instance) << message_of(instance);
    EXPECT_TRUE(instance->start());
    FakeBatch batch(host);
    EXPECT_TRUE(instance->collect(batch.raw()));
    EXPECT_TRUE(instance->stop());
  }
  [[nodiscard]] std::string reason() const {
    const auto zombies = libraries.zombies();
    return zombies.empty() ? "(none)" : zombies.front().reason;
  }
  bool all_gone_after_looking_again() {
    libraries.look_again();
    return libraries.zombies().empty();
  }
};

/// What a plugin's thread waits for, in each way that there is.
struct Stop {
  // Kept for good: that a detached thread has ended is seen in /proc, which orders nothing for ThreadSanitizer.
  std::atomic<int>& flag = next();
  std::array<int, 2> pipe{};

  Stop() { EXPECT_EQ(::pipe(pipe.data()), 0); }
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;
  ~Stop() {
    ::close(pipe[0]);
    ::close(pipe[1]);
  }
  [[nodiscard]] std::int64_t address() const { return reinterpret_cast<std::int64_t>(&flag); }
  void now() {
    flag = 1;
    ::syscall(SYS_futex, &flag, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    EXPECT_EQ(::write(pipe[1], "x", 1), 1);
  }

 private:
  static std::atomic<int>& next() {
    static auto& all = *new std::deque<std::atomic<int>>;
    return all.emplace_back(0);
  }
};

std::atomic<bool> leave_outside = false;
void wait_outside() {
  leave_outside.wait(false);
}

TEST(Libraries, TwoHundredCleanSwapsLeaveNothing) {
  Agent agent;
  const Held before;
  for (std::uint64_t generation = 1; generation <= 200; ++generation) {
    auto library = agent.load("test_threads", generation);
    agent.live(library, "none", 0);
    EXPECT_EQ(agent.libraries.stats().resident, 1U);
    const auto released = agent.libraries.release(std::move(library));
    ASSERT_TRUE(released) << message_of(released);
  }
  EXPECT_TRUE(holds_again(before));
  EXPECT_FALSE(is_mapped(agent.test.stage.folder()));
  EXPECT_EQ(agent.libraries.stats().resident, 0U);
  EXPECT_TRUE(agent.libraries.stats().zombies.empty());
}

class AThread : public ::testing::TestWithParam<const char*> {};

TEST_P(AThread, ThatOutlivesDestroyKeepsItsLibraryUntilItEnds) {
  Agent agent;
  Stop stop;
  const Held before;
  leave_outside = false;
  const std::string how = GetParam();
  auto library = agent.load("test_threads");
  const fs::path path = library->file().path;
  const std::int64_t at = how == "read"      ? stop.pipe[0]
                          : how == "outside" ? reinterpret_cast<std::int64_t>(&wait_outside)
                                             : stop.address();
  agent.live(library, how, at);
  const auto released = agent.libraries.release(std::move(library));
  ASSERT_FALSE(released);
  EXPECT_THAT(released.error().message, HasSubstr("test_threads.so stays mapped: thread "));
  EXPECT_EQ(agent.reason(), "thread");
  EXPECT_EQ(agent.libraries.zombies().front().path, path);
  EXPECT_EQ(agent.libraries.zombies().front().source, test_plugin("test_threads"));
  EXPECT_EQ(agent.libraries.stats().zombies.at("thread"), 1U);
  EXPECT_EQ(agent.libraries.stats().resident, 1U);
  EXPECT_TRUE(is_mapped(path));
  EXPECT_FALSE(agent.all_gone_after_looking_again()) << "its thread goes on";

  stop.now();
  leave_outside = true;
  leave_outside.notify_all();
  EXPECT_TRUE(eventually([&] { return agent.all_gone_after_looking_again(); }));
  EXPECT_FALSE(is_mapped(path));
  EXPECT_EQ(agent.libraries.stats().resident, 0U);
  EXPECT_TRUE(holds_again(before));
}

INSTANTIATE_TEST_SUITE_P(That, AThread, ::testing::Values("read", "futex", "nanosleep", "spin", "outside"),
                         [](const auto& how) { return std::string("waits_in_") + how.param; });

TEST(Libraries, AThreadOfOneGenerationKeepsNoOther) {
  for (const std::string how : {"read", "futex", "nanosleep"}) {
    SCOPED_TRACE(how);
    Agent agent;
    Stop stop;
    const Held before;
    auto first = agent.load("test_threads", 1);
    auto second = agent.load("test_threads", 2);
    const fs::path second_path = second->file().path;
    agent.live(first, "none", 0);
    agent.live(second, how, how == "read" ? stop.pipe[0] : stop.address());
    // While the thread does not get to its wait, for want of a processor, nothing is known of it.
    const auto released = agent.libraries.release(std::move(first));
    EXPECT_TRUE(released || eventually([&] { return agent.all_gone_after_looking_again(); })) << message_of(released);
    EXPECT_FALSE(agent.libraries.release(std::move(second)));
    ASSERT_EQ(agent.libraries.zombies().size(), 1U);
    EXPECT_EQ(agent.libraries.zombies().front().path, second_path);
    stop.now();
    EXPECT_TRUE(eventually([&] { return agent.all_gone_after_looking_again(); }));
    EXPECT_TRUE(holds_again(before));
  }
}

TEST(Libraries, AZombieWhoseThreadSpinsKeepsNoLaterGeneration) {
  Agent agent;
  Stop stop;
  auto first = agent.load("test_threads", 1);
  agent.live(first, "spin", stop.address());
  EXPECT_FALSE(agent.libraries.release(std::move(first)));
  // The kernel tells a thread's start in ticks of 10 ms; one of the same tick as a load may be the load's.
  const auto started = thread_clock();
  ASSERT_TRUE(eventually([&] { return thread_clock() > started; }));
  auto second = agent.load("test_threads", 2);
  agent.live(second, "none", 0);
  const auto released = agent.libraries.release(std::move(second));
  EXPECT_TRUE(released) << message_of(released);
  stop.now();
  EXPECT_TRUE(eventually([&] { return agent.all_gone_after_looking_again(); }));
}

TEST(Libraries, BusyThreadsOfTheAgentKeepNone) {
  Agent agent;
  std::atomic<bool> stop = false;
  std::latch busy(2);
  const auto spin = [&] {
    busy.count_down();
    while (!stop) {
    }
  };
  std::thread older(spin);
  const auto started = thread_clock();
  ASSERT_TRUE(eventually([&] { return thread_clock() > started; }));
  auto library = agent.load("test_threads");
  std::thread own([&] {
    const OwnThread marked;
    agent.live(library, "none", 0);
    spin();
  });
  busy.wait();
  const auto released = agent.libraries.release(std::move(library));
  EXPECT_TRUE(released) << message_of(released);
  stop = true;
  older.join();
  own.join();
}

TEST(Libraries, AThreadLocalObjectOfAWorkerDiesWithTheRelease) {
  Agent agent;
  Stop living;
  const Held before;
  auto library = agent.load("test_threads");
  const fs::path path = library->file().path;
  agent.worker.run([&] { agent.live(library, "local", living.address()); });
  EXPECT_EQ(living.flag, 1);
  const auto released = agent.libraries.release(std::move(library));
  EXPECT_TRUE(released) << message_of(released);
  EXPECT_EQ(living.flag, 0);
  EXPECT_FALSE(is_mapped(path));
  EXPECT_TRUE(holds_again(before));
}

TEST(Libraries, AThreadLocalObjectOfAThreadThatIsNotRenewedKeepsTheLibrary) {
  Agent agent;
  Libraries libraries([] { return false; });
  Stop living;
  const auto before = loader_counts().mapped();
  auto staged = agent.test.stage.stage(test_plugin("test_threads"), "test", 1);
  ASSERT_TRUE(staged) << message_of(staged);
  auto library = libraries.load(std::move(*staged));
  ASSERT_TRUE(library) << message_of(library);
  agent.worker.run([&] { agent.live(*library, "local", living.address()); });
  EXPECT_THAT(message_of(libraries.release(std::move(*library))), HasSubstr("keeps objects of it"));
  EXPECT_EQ(libraries.stats().zombies.at("thread_local"), 1U);
  EXPECT_EQ(libraries.stats().resident, 1U);
  EXPECT_EQ(living.flag, 1);
  libraries.look_again();
  EXPECT_EQ(libraries.zombies().size(), 1U);

  agent.worker.renew();
  EXPECT_EQ(living.flag, 0);
  libraries.look_again();
  EXPECT_TRUE(libraries.zombies().empty());
  EXPECT_EQ(loader_counts().mapped(), before);
}

TEST(Libraries, AHolderKeepsTheLibraryUntilItLetsGo) {
  Agent agent;
  const auto before = loader_counts().mapped();
  auto library = agent.load("test_threads");
  auto instance = agent.create(library, "none", 0);
  ASSERT_TRUE(instance) << message_of(instance);
  EXPECT_THAT(message_of(agent.libraries.release(std::move(library))),
              HasSubstr("1 more of the agent's parts hold it"));
  EXPECT_EQ(agent.reason(), "held");
  EXPECT_FALSE(agent.all_gone_after_looking_again());
  { const auto destroyed = std::move(*instance); }
  EXPECT_TRUE(agent.all_gone_after_looking_again());
  EXPECT_EQ(loader_counts().mapped(), before);
}

TEST(Libraries, AnotherHandleOfTheLoaderKeepsTheLibraryMapped) {
  Agent agent;
  const auto before = loader_counts().mapped();
  auto library = agent.load("test_threads");
  void* const again = ::dlopen(library->file().path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(again, nullptr);
  EXPECT_THAT(message_of(agent.libraries.release(std::move(library))), HasSubstr("another object may depend on it"));
  EXPECT_EQ(agent.reason(), "mapped");
  EXPECT_FALSE(agent.all_gone_after_looking_again());
  ::dlclose(again);
  EXPECT_TRUE(agent.all_gone_after_looking_again());
  EXPECT_EQ(loader_counts().mapped(), before);
}

TEST(Libraries, OneDroppedWithoutReleaseIsResidentNoMore) {
  Agent agent;
  auto library = agent.load("test_threads");
  EXPECT_EQ(agent.libraries.stats().resident, 1U);
  library.reset();
  EXPECT_EQ(agent.libraries.stats().resident, 0U);
}

TEST(Libraries, ItsEndTakesNoCodeFromUnderAThread) {
  Stop stop;
  std::thread([] {}).join();  // ThreadSanitizer starts a thread of its own beside the first one
  const auto threads = entries("/proc/self/task");
  {
    Agent agent;
    auto library = agent.load("test_threads");
    agent.live(library, "nanosleep", stop.address());
    EXPECT_FALSE(agent.libraries.release(std::move(library)));
  }
  stop.now();
  EXPECT_TRUE(eventually([&] { return entries("/proc/self/task") <= threads; }));
}

TEST(Libraries, LoadsAndReleasesOfManyThreadsMix) {
  Agent agent;
  const auto before = loader_counts().mapped();
  constexpr std::uint64_t each = 25;
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      const OwnThread own;
      for (std::uint64_t i = 0; i < each; ++i) {
        auto library = agent.load(thread % 2 == 0 ? "test_threads" : "test_collector", thread * each + i);
        EXPECT_GE(agent.libraries.stats().resident, 1U);
        const auto released = agent.libraries.release(std::move(library));
        EXPECT_TRUE(released) << message_of(released);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(loader_counts().mapped(), before);
  EXPECT_EQ(agent.libraries.stats().resident, 0U);
  EXPECT_FALSE(is_mapped(agent.test.stage.folder()));
}

}  // namespace

}  // namespace sentinel::plugin
