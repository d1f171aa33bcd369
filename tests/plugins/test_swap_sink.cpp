// A sink that appends the numbers of test_swap_record that it is given to a file, a line each.
#include <chrono>
#include <fstream>
#include <sentinel/sink.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

class TestSwapSink {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "file", .help = "Where the numbers go.", .required = true},
      {.name = "path", .help = "Where its version is served; left out: nowhere."},
  };

  TestSwapSink(const sentinel::Config& config, sentinel::Host& host) : file_(config.string("file")) {
    if (config.has("path")) host.serve(config.string("path"), "text/plain");
  }

  sentinel::Result<void> consume(const sentinel::Records& records) {
    std::string lines;
    for (const auto& record : records) {
      if (sentinel::from_abi(records.metric(record).name) != "test_swap_record") continue;
      lines += std::to_string(static_cast<unsigned long long>(record.value)) + "\n";
    }
    if (lines.empty()) return {};
    if (DELAY_MS < 0) throw std::runtime_error("it takes nothing");
    std::this_thread::sleep_for(std::chrono::milliseconds(DELAY_MS));
    std::ofstream(file_, std::ios::app) << lines;
    return {};
  }

  sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer& out) {
    out.write("version " VERSION "\n");
    return {};
  }

 private:
  std::string file_;
};

}  // namespace

SENTINEL_SINK(TestSwapSink, {.name = "test_swap_sink",
                             .version = VERSION,
                             .licence = "Apache-2.0",
                             .summary = "Writes the numbers of test_swap to a file."});
