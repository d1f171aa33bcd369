// expects: offer must be: sentinel::Result<void> offer(const sentinel::Demands&)
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> offer(const sentinel::Demand&) {
    return {};
  }
#else
  sentinel::Result<void> offer(const sentinel::Demands&) {
    return {};
  }
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
