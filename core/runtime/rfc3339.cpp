#include "core/runtime/rfc3339.hpp"

#include <time.h>

#include <boost/json/string.hpp>
#include <cstdio>

namespace sentinel::runtime {

boost::json::value rfc3339(std::int64_t unix_ns) {
  if (unix_ns == 0) return nullptr;
  const time_t seconds = unix_ns / 1'000'000'000;
  tm broken{};
  gmtime_r(&seconds, &broken);
  char text[64];
  const auto size = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &broken);
  snprintf(text + size, sizeof(text) - size, ".%03dZ", static_cast<int>(unix_ns / 1'000'000 % 1000));
  return boost::json::string(text);
}

}  // namespace sentinel::runtime
