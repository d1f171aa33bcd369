// A sink that does one wrong thing in one call, as its configuration says.
#include <unistd.h>

#include <sentinel/sink.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

class TestSinkMisbehaves {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "in",
       .by_default = "none",
       .help = "The call in which it happens.",
       .choices = "none,create,start,consume,render,drain,stop,destroy"},
      {.name = "how",
       .by_default = "fail",
       .help = "What happens.",
       .choices = "fail,throw,throw_int,hang,slow,garbage"},
      {.name = "for", .type = sentinel::FieldType::duration, .by_default = "200ms", .help = "How long slow is."},
  };

  TestSinkMisbehaves(const sentinel::Config& config, sentinel::Host& host)
      : in_(config.string("in")), how_(config.string("how")), slow_(config.duration("for")) {
    host.serve("/misbehaves", "text/plain");
    if (const auto done = act("create"); !done) throw sentinel::PluginError(done.error());
  }
  ~TestSinkMisbehaves() {
    if (in_ == "destroy" && (how_ == "hang" || how_ == "slow")) (void)act("destroy");
  }

  sentinel::Result<void> start() { return act("start"); }
  sentinel::Result<void> drain(std::chrono::nanoseconds) { return act("drain"); }
  sentinel::Result<void> stop() { return act("stop"); }
  sentinel::Result<void> consume(const sentinel::Records&) { return act("consume"); }
  sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer& out) {
    if (in_ == "render" && how_ == "garbage") out.write(std::string_view("\xff\0\xfe", 3));
    return act("render");
  }

 private:
  sentinel::Result<void> act(std::string_view call) {
    if (in_ != call) return {};
    if (how_ == "fail") return sentinel::Error{sentinel::Errc::failed, "it fails in " + in_ + ", as configured"};
    if (how_ == "throw") throw std::runtime_error("thrown in " + in_ + ", as configured");
    if (how_ == "throw_int") throw 42;
    if (how_ == "slow") std::this_thread::sleep_for(slow_);
    while (how_ == "hang") ::pause();
    return {};
  }

  std::string in_;
  std::string how_;
  std::chrono::nanoseconds slow_;
};

}  // namespace

SENTINEL_SINK(TestSinkMisbehaves, {.name = "test_sink_misbehaves",
                                   .version = "1.0.0",
                                   .licence = "Apache-2.0",
                                   .summary = "Does one wrong thing in one call."});
