// expects: a plugin names its licence by its SPDX identifier
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
};

#ifdef MISUSE
SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = {}, .summary = "An example."});
#else
SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
#endif
