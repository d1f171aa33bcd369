// expects: details must be: sentinel::Result<void> details(sentinel::Rows&)
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> details(sentinel::Batch&) {
    return {};
  }
#else
  sentinel::Result<void> details(sentinel::Rows&) {
    return {};
  }
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
