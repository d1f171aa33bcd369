// expects: a histogram takes its buckets too
#include <sentinel/collector.hpp>

constexpr double bounds[] = {0.1, 1};
constexpr std::uint64_t counts[] = {1, 2, 3};

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host& host)
      : metric_(host.histogram({"example_seconds", "Help.", "seconds"}, bounds, {"kind"})) {}
  sentinel::Result<void> collect(sentinel::Batch& batch) {
#ifdef MISUSE
    batch.add(metric_, 1.5, {"x"});
#else
    batch.add(metric_, 1.5, counts, {"x"});
#endif
    return {};
  }

 private:
  sentinel::Histogram<1> metric_;
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
