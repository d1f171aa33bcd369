// A collector that does one wrong thing in one call, as its configuration says.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <memory>
#include <sentinel/collector.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

class TestMisbehaves {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "in",
       .by_default = "none",
       .help = "The call in which it happens.",
       .choices = "none,create,start,drain,resume,stop,collect,save,restore,details,destroy"},
      {.name = "how",
       .by_default = "fail",
       .help = "What happens.",
       .choices = "fail,no_data,throw,throw_int,hang,slow,abort,exit,garbage,flood,leak_thread,leak_fd,stay_loaded"},
      {.name = "for", .type = sentinel::FieldType::duration, .by_default = "200ms", .help = "How long slow is."},
      {.name = "after", .type = sentinel::FieldType::integer, .by_default = "0", .help = "Calls of it that go well."},
  };
  static constexpr std::uint32_t state_version = 1;

  TestMisbehaves(const sentinel::Config& config, sentinel::Host& host)
      : in_(config.string("in")),
        how_(config.string("how")),
        slow_(config.duration("for")),
        left_(config.integer("after")),
        value_(host.gauge({"test_misbehaves_value", "How many collections began."})),
        series_(host.gauge({"test_misbehaves_series", "Whatever is in excess."}, {"label"})) {
    if (const auto done = act("create"); !done) throw sentinel::PluginError(done.error());
  }
  ~TestMisbehaves() {
    if (in_ == "destroy" && how_ != "throw" && how_ != "throw_int") (void)act("destroy");
  }

  sentinel::Result<void> start() { return act("start"); }
  sentinel::Result<void> drain(std::chrono::nanoseconds) { return act("drain"); }
  sentinel::Result<void> resume() { return act("resume"); }
  sentinel::Result<void> stop() { return act("stop"); }
  sentinel::Result<void> collect(sentinel::Batch& batch) {
    batch.add(value_, ++collections_);
    if (in_ == "collect" && how_ == "garbage") {
      batch.add(series_, std::numeric_limits<double>::quiet_NaN(), {"\xff\"\n\x01"});
      batch.add(sentinel::Gauge<>{987654}, 1.0);
    }
    if (in_ == "collect" && how_ == "flood") {
      for (int i = 0; i < flood; ++i) batch.add(series_, i, {std::to_string(i)});
    }
    return act("collect");
  }
  sentinel::Result<void> save(sentinel::Writer& out) {
    if (in_ == "save" && how_ == "flood") {
      const std::string block(1 << 20, 'x');
      for (int i = 0; i < flood; ++i) {
        if (!out.write(block)) break;
      }
    }
    out.write("x");
    return act("save");
  }
  sentinel::Result<void> restore(std::uint32_t, std::string_view) { return act("restore"); }
  sentinel::Result<void> details(sentinel::Rows& rows) {
    rows.add("misbehaves", {{"in", in_}, {"how", how_}});
    return act("details");
  }

 private:
  static constexpr int flood = 2'000'000;

  sentinel::Result<void> act(std::string_view call) {
    if (in_ != call || left_-- > 0) return {};
    if (how_ == "fail") return sentinel::Error{sentinel::Errc::failed, "it fails in " + in_ + ", as configured"};
    if (how_ == "no_data") return sentinel::Error{sentinel::Errc::no_data, "nothing yet, as configured"};
    if (how_ == "throw") throw std::runtime_error("thrown in " + in_ + ", as configured");
    if (how_ == "throw_int") throw 42;
    if (how_ == "abort") std::abort();
    if (how_ == "exit") std::_Exit(7);
    if (how_ == "leak_fd") (void)::open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (how_ == "leak_thread") leak_thread();
    if (how_ == "stay_loaded") stay_loaded();
    if (how_ == "slow") std::this_thread::sleep_for(slow_);
    while (how_ == "hang") ::pause();
    return {};
  }

  /// An object with a destructor to be run when this thread ends keeps the code.
  static void stay_loaded() { thread_local const std::shared_ptr<int> kept = std::make_shared<int>(1); }

  static void leak_thread() {
    std::thread thread([] {
      for (;;) ::pause();
    });
    ::pthread_setname_np(thread.native_handle(), "left_behind");
    thread.detach();
  }

  std::string in_;
  std::string how_;
  std::chrono::nanoseconds slow_;
  std::int64_t left_;
  sentinel::Gauge<> value_;
  sentinel::Gauge<1> series_;
  double collections_ = 0;
};

}  // namespace

SENTINEL_COLLECTOR(TestMisbehaves, {.name = "test_misbehaves",
                                    .version = "1.0.0",
                                    .licence = "Apache-2.0",
                                    .summary = "Does one wrong thing in one call."});
