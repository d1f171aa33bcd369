// expects: a sink has at least one of sentinel::Result<void> consume(const sentinel::Records&)
#include <sentinel/sink.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
#ifndef MISUSE
  sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer&) {
    return {};
  }
#endif
};

SENTINEL_SINK(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
