// expects: give one label value for each label key of the metric
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host& host) : metric_(host.counter({"example_total", "Help."}, {"cpu"})) {}
  sentinel::Result<void> collect(sentinel::Batch& batch) {
#ifdef MISUSE
    batch.add(batch.series(metric_, {"0", "user"}), 1);
#else
    batch.add(batch.series(metric_, {"0"}), 1);
#endif
    return {};
  }

 private:
  sentinel::Counter<1> metric_;
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
