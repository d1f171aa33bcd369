// A collector that numbers its records, to be swapped: across every swap the numbers must go on without gap and without
// duplicate. Its versions differ by definitions, its faults by swap_fault.c.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <sentinel/collector.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "tests/plugins/swap_fault.h"

namespace {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;

/// Whether this is the child that tries a plugin before the agent takes it.
bool in_probe() {
  std::ifstream file("/proc/self/cmdline");
  const std::string words{std::istreambuf_iterator<char>(file), {}};
  return words.find(std::string_view("\0probe", 6)) != std::string::npos;
}

class TestSwap {
 public:
  static constexpr sentinel::Field schema[] = {
#ifdef OTHER_SCHEMA
      {.name = "breadth", .type = sentinel::FieldType::integer, .help = "Series of test_swap_wide.", .required = true},
#else
      {.name = "width", .type = sentinel::FieldType::integer, .by_default = "1", .help = "Series of test_swap_wide."},
#endif
  };
  static constexpr std::uint32_t state_version = STATE_VERSION;

  TestSwap(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
#ifdef OTHER_SCHEMA
        width_(config.integer("breadth")),
#else
        width_(config.integer("width")),
#endif
        total_(host.counter({"test_swap_records_total", "Records so far."})),
        wide_(host.gauge({"test_swap_wide", "As many series as configured."}, {"index"})),
#ifdef MORE_METRICS
        version_(host.gauge({"test_swap_version", "Only version 2 has it."})),
#endif
        event_(host.event({"test_swap_record", "A record with its number."})) {
    if (const auto done = act("create"); !done) throw sentinel::PluginError(done.error());
  }
  ~TestSwap() {
    (void)act("destroy");
  }

  Result<void> start() {
    return act("start");
  }
  Result<void> drain(std::chrono::nanoseconds) {
    drained_ = true;
    return act("drain");
  }
  Result<void> resume() {
    drained_ = false;
    return act("resume");
  }
  Result<void> stop() {
    return act("stop");
  }

  Result<void> collect(sentinel::Batch& batch) {
    if (drained_) return Error{Errc::failed, "it was drained, and nobody resumed it"};
    // First, so that the number is used up by a collection that counts and by no other.
    if (auto done = act("collect"); !done) return done;
    batch.add(total_, static_cast<double>(++number_));
    for (std::int64_t i = 0; i < width_; ++i) batch.add(wide_, 1.0, {std::to_string(i)});
#ifdef MORE_METRICS
    batch.add(version_, 2.0);
#endif
    batch.add(event_, host_.now(), static_cast<double>(number_), sentinel::Context{});
    return {};
  }

  Result<void> save(sentinel::Writer& out) {
    out.write(std::to_string(number_));
    return act("save");
  }
  Result<void> restore(std::uint32_t version, std::string_view state) {
    restored_ = true;
    if (version < OLDEST_STATE || version > state_version) {
      return Error{Errc::unsupported, "cannot read state of version " + std::to_string(version)};
    }
    const auto [end, error] = std::from_chars(state.data(), state.data() + state.size(), number_);
    if (error != std::errc() || end != state.data() + state.size())
      return Error{Errc::failed, "the state is no number"};
    return act("restore");
  }

 private:
  Result<void> act(std::string_view call) {
    if (call != swap_fault.call || !here() || left_-- > 0) return {};
    const std::string_view how = swap_fault.how;
    const std::string what = "it does wrong in " + std::string(call) + ", as built";
    if (how == "fail") return Error{Errc::failed, what};
    if (how == "throw") throw std::runtime_error(what);
    if (how == "abort") std::abort();
    if (how == "leak_fd") (void)::open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (how == "leak_thread") leak_thread();
    if (how == "stay_loaded") stay_loaded();
    if (how == "dawdle") std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    while (how == "hang") ::pause();
    return {};
  }

  bool here() const {
    const std::string_view where = swap_fault.where;
    return where == "anywhere" || (where == "restored" && restored_) || (where == "agent" && !in_probe());
  }

  static void leak_thread() {
    std::thread thread([] {
      for (;;) ::pause();
    });
    ::pthread_setname_np(thread.native_handle(), "left_behind");
    thread.detach();
  }

  /// An object with a destructor to be run when this thread ends keeps the code.
  static void stay_loaded() {
    thread_local const std::shared_ptr<int> kept = std::make_shared<int>(1);
  }

  sentinel::Host host_;
  std::int64_t width_;
  sentinel::Counter<> total_;
  sentinel::Gauge<1> wide_;
#ifdef MORE_METRICS
  sentinel::Gauge<> version_;
#endif
  sentinel::Event<> event_;
  int left_ = swap_fault.after;
  bool drained_ = false;
  bool restored_ = false;
  std::uint64_t number_ = 0;
};

}  // namespace

SENTINEL_COLLECTOR(
    TestSwap, {.name = "test_swap", .version = VERSION, .licence = "Apache-2.0", .summary = "Numbers its records."});
