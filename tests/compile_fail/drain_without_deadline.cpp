// expects: drain must be: sentinel::Result<void> drain(std::chrono::nanoseconds deadline)
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> drain() {
    return {};
  }
#else
  sentinel::Result<void> drain(std::chrono::nanoseconds) {
    return {};
  }
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
