// A sink that renders names and values, and consumes records by counting them.
#include <cstdint>
#include <sentinel/sink.hpp>
#include <string>

namespace {

class TestSink {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "path", .by_default = "/test", .help = "Where the text is served."},
      {.name = "title", .help = "The first line.", .required = true},
  };

  TestSink(const sentinel::Config& config, sentinel::Host& host) : title_(config.string("title")) {
    host.serve(config.string("path"), "text/plain");
  }

  sentinel::Result<void> consume(const sentinel::Records& records) {
    for (const auto& record : records) {
      sum_ += record.value;
      ++count_;
    }
    return {};
  }

  sentinel::Result<void> render(const sentinel::SeriesView& view, sentinel::Writer& out) {
    out.write(title_ + " " + std::to_string(count_) + "\n");
    for (const auto& family : view) {
      for (const auto& series : sentinel::series_of(family)) {
        out.write(std::string(sentinel::from_abi(family.name)) + " " + std::to_string(series.value) + "\n");
      }
    }
    return {};
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    rows.add("consumed", {{"count", std::to_string(count_)}, {"sum", std::to_string(sum_)}});
    return {};
  }

 private:
  std::string title_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace

SENTINEL_SINK(TestSink, {.name = "test_sink",
                         .version = "2.0.0",
                         .licence = "Apache-2.0",
                         .summary = "Renders names and values."});
