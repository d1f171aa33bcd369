// A collector of events that come through a FIFO, a line each: `time_ns value pid start_time_ns comm state cpu`. A line
// `lost N` tells of lost events, `fail` has the call fail. It plays the kernel of an eBPF collector.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sentinel/collector.hpp>
#include <sstream>
#include <string>

#include "tests/plugins/toy_kernel.hpp"

namespace {

using sentinel::testing::Hit;
using sentinel::testing::ToyKernel;

class TestEvents {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "fifo", .type = sentinel::FieldType::path, .by_default = "/dev/null", .help = "Where events come from."},
      {.name = "placement",
       .type = sentinel::FieldType::string,
       .by_default = "kernel",
       .help = "Who evaluates filters and panes.",
       .choices = "user,kernel"},
      {.name = "cpus", .type = sentinel::FieldType::integer, .by_default = "4", .help = "CPUs it plays."},
  };

  TestEvents(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        fifo_(config.path("fifo")),
        kernel_(config.string("placement") == "user" ? ToyKernel::Placement::user : ToyKernel::Placement::kernel,
                static_cast<std::uint32_t>(config.integer("cpus"))),
        hit_(host.event({"test_hit", "Something was hit."}, {"state"})),
        seen_(host.counter({"test_hits_total", "Hits so far."})) {}

  sentinel::Result<void> start() {
    // For writing too: so that it has no end when a writer goes.
    fd_ = ::open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd_ >= 0) return {};
    return sentinel::Error{sentinel::Errc::not_found, "cannot open " + fifo_};
  }
  sentinel::Result<void> stop() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    return {};
  }

  sentinel::Result<sentinel::Watch> watch() { return sentinel::Watch{fd_, std::chrono::milliseconds(25)}; }

  sentinel::Result<void> ready(sentinel::Batch& batch) {
    ++calls_;
    read();
    while (take_line(batch)) {
    }
    kernel_.hand_over(batch, hit_, static_cast<std::uint64_t>(host_.now().count()), true);
    if (!std::exchange(fails_, false)) return {};
    return sentinel::Error{sentinel::Errc::failed, "told to fail"};
  }

  sentinel::Result<void> offer(const sentinel::Demands& demands) {
    ++offers_;
    return kernel_.offer(demands);
  }

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    batch.add(seen_, static_cast<double>(kernel_.ledger().seen));
    return {};
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    const auto& ledger = kernel_.ledger();
    rows.add("kernel", {{"offers", std::to_string(offers_)},
                        {"consumers", std::to_string(kernel_.consumers())},
                        {"calls", std::to_string(calls_)},
                        {"seen", std::to_string(ledger.seen)},
                        {"filtered", std::to_string(ledger.filtered)},
                        {"folded", std::to_string(ledger.folded)},
                        {"submitted", std::to_string(ledger.submitted)}});
    return {};
  }

 private:
  void read() {
    std::array<char, 65536> block;
    // Whole lines come at once (pipe(7)), and a block may end within one.
    for (ssize_t got = ::read(fd_, block.data(), block.size()); got > 0;
         got = ::read(fd_, block.data(), block.size())) {
      text_.append(block.data(), static_cast<std::size_t>(got));
    }
  }

  bool take_line(sentinel::Batch& batch) {
    const auto end = text_.find('\n');
    if (end == std::string::npos) return false;
    std::istringstream line(text_.substr(0, end));
    text_.erase(0, end + 1);
    if (std::string word; line.str().starts_with("lost ")) {
      std::uint64_t lost = 0;
      line >> word >> lost;
      batch.lost(lost);
    } else if (line.str() == "fail") {
      fails_ = true;
    } else {
      Hit hit;
      line >> hit.time_ns >> hit.value >> hit.pid >> hit.start_time_ns >> hit.comm >> hit.state >> hit.cpu;
      kernel_.submit(hit);
    }
    return true;
  }

  sentinel::Host host_;
  const std::string fifo_;
  ToyKernel kernel_;
  sentinel::Event<1> hit_;
  sentinel::Counter<> seen_;
  int fd_ = -1;
  std::string text_;
  std::uint64_t calls_ = 0;
  std::uint64_t offers_ = 0;
  bool fails_ = false;
};

}  // namespace

SENTINEL_COLLECTOR(TestEvents, {.name = "test_events",
                                .version = "1.0.0",
                                .licence = "Apache-2.0",
                                .summary = "Hands over events as a kernel would."});
