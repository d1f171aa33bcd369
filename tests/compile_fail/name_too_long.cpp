// expects: a plugin's name is [a-z][a-z0-9_]{0,46}
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
};

#ifdef MISUSE
SENTINEL_COLLECTOR(Example, {.name = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
                             .version = "1",
                             .licence = "MIT",
                             .summary = "An example."});
#else
SENTINEL_COLLECTOR(Example, {.name = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
                             .version = "1",
                             .licence = "MIT",
                             .summary = "An example."});
#endif
