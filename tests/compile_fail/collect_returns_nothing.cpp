// expects: a collector has: sentinel::Result<void> collect(sentinel::Batch&)
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
#ifdef MISUSE
  void collect(sentinel::Batch&) {}
#else
  sentinel::Result<void> collect(sentinel::Batch&) {
    return {};
  }
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
