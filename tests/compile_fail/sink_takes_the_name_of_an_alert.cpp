// expects: alert must be: sentinel::Result<void> alert(const sentinel_alert&)
#include <sentinel/sink.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> consume(const sentinel::Records&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> alert(std::string_view) {
    return {};
  }
#else
  sentinel::Result<void> alert(const sentinel_alert&) {
    return {};
  }
#endif
};

SENTINEL_SINK(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
