#pragma once

#include <boost/json/value.hpp>
#include <cstdint>

namespace sentinel::runtime {

/// Unix nanoseconds as RFC 3339 in UTC with milliseconds; null for 0, which means never.
[[nodiscard]] boost::json::value rfc3339(std::int64_t unix_ns);

}  // namespace sentinel::runtime
