// expects: give one label value for each label key of the metric
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host& host) : metric_(host.event({"example", "Help."}, {"what", "why"})) {}
  sentinel::Result<void> collect(sentinel::Batch& batch) {
#ifdef MISUSE
    batch.add(metric_, batch.tick(), 1, sentinel::Context{.pid = 1}, {"opened"});
#else
    batch.add(metric_, batch.tick(), 1, sentinel::Context{.pid = 1}, {"opened", "asked"});
#endif
    return {};
  }

 private:
  sentinel::Event<2> metric_;
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
