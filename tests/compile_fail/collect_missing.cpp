// expects: a collector has: sentinel::Result<void> collect(sentinel::Batch&)
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
#ifndef MISUSE
  sentinel::Result<void> collect(sentinel::Batch&) {
    return {};
  }
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
