// expects: state needs all of: static constexpr std::uint32_t state_version
#include <sentinel/collector.hpp>

class Example {
 public:
  Example(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
  static constexpr std::uint32_t state_version = 1;
  sentinel::Result<void> save(sentinel::Writer&) { return {}; }
#ifndef MISUSE
  sentinel::Result<void> restore(std::uint32_t, std::string_view) {
    return {};
  }
#endif
};

SENTINEL_COLLECTOR(Example, {.name = "example", .version = "1", .licence = "MIT", .summary = "An example."});
