// expects: the metric has label keys: give a value for each
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host& host) : metric_(host.gauge({"example", "Help."}, {"cpu"})) {}
  sentinel::Result<void> collect(sentinel::Batch& batch) {
#ifdef MISUSE
    batch.add(metric_, 1);
#else
    batch.add(metric_, 1, {"0"});
#endif
    return {};
  }

 private:
  sentinel::Gauge<1> metric_;
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
