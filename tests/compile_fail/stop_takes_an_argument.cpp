// expects: stop must be: sentinel::Result<void> stop()
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> stop(bool) {
    return {};
  }
#else
  sentinel::Result<void> stop() {
    return {};
  }
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
