// expects: handle must be: sentinel::Result<void> handle(const sentinel::HttpRequest&, sentinel::HttpResponse&)
#include <sentinel/sink.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> consume(const sentinel::Records&) { return {}; }
#ifdef MISUSE
  sentinel::Result<void> handle(const sentinel::HttpRequest&) {
    return {};
  }
#else
  sentinel::Result<void> handle(const sentinel::HttpRequest&, sentinel::HttpResponse&) {
    return {};
  }
#endif
};

SENTINEL_SINK(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
