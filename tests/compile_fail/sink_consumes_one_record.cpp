// expects: consume must be: sentinel::Result<void> consume(const sentinel::Records&)
#include <sentinel/sink.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> consume(const sentinel_record&) {
    return {};
  }
#else
  sentinel::Result<void> consume(const sentinel::Records&) {
    return {};
  }
#endif
};

SENTINEL_SINK(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
