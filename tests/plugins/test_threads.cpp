// A collector that leaves behind what its configuration names: a thread that outlives destroy, or a thread_local object
// in each thread that collects. The test and the plugin share a process, so addresses are handed over as numbers.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <sentinel/collector.hpp>
#include <string>
#include <thread>

namespace {

using Flag = std::atomic<int>;

Flag& flag_at(std::int64_t address) {
  return *reinterpret_cast<Flag*>(address);  // NOLINT(performance-no-int-to-ptr)
}

// The bare calls, because a sanitizer would take the test's own use of the descriptor for a race.
void wait_in_read(std::int64_t fd) {
  char byte = 0;
  while (::syscall(SYS_read, static_cast<int>(fd), &byte, 1) < 0) {
  }
}
void wait_in_futex(Flag& stop) {
  while (stop.load() == 0) ::syscall(SYS_futex, &stop, FUTEX_WAIT, 0, nullptr, nullptr, 0);
}
void wait_in_nanosleep(const Flag& stop) {
  while (stop.load() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}
void spin(const Flag& stop) {
  while (stop.load() == 0) {
  }
}

/// Counts the living through the test's own number.
struct Local {
  explicit Local(Flag& living) : living_(living) { ++living_; }
  Local(const Local&) = delete;
  Local& operator=(const Local&) = delete;
  ~Local() { --living_; }

 private:
  Flag& living_;
};

class TestThreads {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "how",
       .type = sentinel::FieldType::string,
       .by_default = "none",
       .help = "none, read, futex, nanosleep, spin, outside or local."},
      {.name = "at", .type = sentinel::FieldType::integer, .by_default = "0", .help = "A descriptor or an address."},
  };

  TestThreads(const sentinel::Config& config, sentinel::Host&) : how_(config.string("how")), at_(config.integer("at")) {
    const auto at = at_;
    if (how_ == "read") std::thread([at] { wait_in_read(at); }).detach();
    if (how_ == "futex") std::thread([at] { wait_in_futex(flag_at(at)); }).detach();
    if (how_ == "nanosleep") std::thread([at] { wait_in_nanosleep(flag_at(at)); }).detach();
    if (how_ == "spin") std::thread([at] { spin(flag_at(at)); }).detach();
    // Runs the test's code, and none of the plugin's until it ends.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    if (how_ == "outside") std::thread(reinterpret_cast<void (*)()>(at)).detach();
  }

  sentinel::Result<void> collect(sentinel::Batch&) {
    if (how_ == "local") thread_local const Local local(flag_at(at_));
    return {};
  }

 private:
  std::string how_;
  std::int64_t at_;
};

}  // namespace

SENTINEL_COLLECTOR(TestThreads, {.name = "test_threads",
                                 .version = "1.0.0",
                                 .licence = "Apache-2.0",
                                 .summary = "Leaves threads and their objects behind."});
