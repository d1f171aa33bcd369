// expects: give one label value for each label key of the metric
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host& host) : metric_(host.gauge({"example", "Help."}, {"cpu", "mode"})) {}
  sentinel::Result<void> collect(sentinel::Batch& batch) {
#ifdef MISUSE
    batch.add(metric_, 1, {"0"});
#else
    batch.add(metric_, 1, {"0", "user"});
#endif
    return {};
  }

 private:
  sentinel::Gauge<2> metric_;
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
