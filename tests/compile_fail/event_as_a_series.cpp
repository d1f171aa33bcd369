// expects: an event has no series
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host& host) : metric_(host.event({"example", "Help."}, {"what"})) {}
  sentinel::Result<void> collect(sentinel::Batch& batch) {
#ifdef MISUSE
    (void)batch.series(metric_, {"opened"});
#else
    batch.add(metric_, batch.tick(), 1, sentinel::Context{.pid = 1}, {"opened"});
#endif
    return {};
  }

 private:
  sentinel::Event<1> metric_;
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
