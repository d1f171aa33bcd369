// expects: render must be: sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer&)
#include <sentinel/sink.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> consume(const sentinel::Records&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> render(const sentinel::SeriesView&, std::string&) {
    return {};
  }
#else
  sentinel::Result<void> render(const sentinel::SeriesView&, sentinel::Writer&) {
    return {};
  }
#endif
};

SENTINEL_SINK(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
