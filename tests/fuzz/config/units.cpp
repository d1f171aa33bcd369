#include "core/config/bytes.hpp"
#include "core/config/duration.hpp"
#include "core/config/number.hpp"
#include "core/config/sections.hpp"
#include "tests/fuzz/harness.hpp"

using namespace sentinel::config;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto given = text(data, size);
  if (const auto duration = parse_duration(given)) {
    require(duration->count() >= 0, "no duration is negative");
    const auto again = parse_duration(format_duration(*duration));
    require(again && *again == *duration, "a duration is read back as the same");
  } else {
    require_refusal(duration.error());
  }
  if (const auto bytes = parse_bytes(given)) {
    const auto again = parse_bytes(format_bytes(*bytes));
    require(again && *again == *bytes, "a size is read back as the same");
  } else {
    require_refusal(bytes.error());
  }
  if (const auto number = parse_integer(given); !number) require_refusal(number.error());
  if (const auto number = parse_number(given); !number) require_refusal(number.error());
  if (const auto listen = parse_listen(given)) {
    require(given == "none" ? listen->empty() : *listen == given, "an address stays as it is");
  } else {
    require_refusal(listen.error());
  }
  return 0;
}
