// expects: a collector is made by T(const sentinel::Config&, sentinel::Host&)
#include <sentinel/collector.hpp>

class Example {
 public:
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
#ifdef MISUSE
  explicit Example(const sentinel::Config&) {}
#else
  Example(const sentinel::Config&, sentinel::Host&) {}
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
