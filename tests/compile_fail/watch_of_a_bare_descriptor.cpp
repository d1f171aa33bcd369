// expects: events between collections need both: sentinel::Result<sentinel::Watch> watch
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
#ifdef MISUSE
  int watch() {
    return 3;
  }
#else
  sentinel::Result<sentinel::Watch> watch() {
    return sentinel::Watch{3, {}};
  }
#endif
  sentinel::Result<void> ready(sentinel::Batch&) {
    return {};
  }
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
