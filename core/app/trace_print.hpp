#pragma once

#include <cstdint>
#include <string>

#include <sentinel/abi.h>

namespace sentinel::app {

/// An event as a batch's delivery has it; a view, valid as long as the batch.
struct TracedEvent {
  const sentinel_metric& metric;
  const sentinel_string* labels;  ///< values, in the order of the metric's keys
  const sentinel_record& record;  ///< with its context
  std::int64_t unix_ns = 0;       ///< its time, since the epoch
};

/// One line for people, with the local time, who, and what; beneath it the frames of its stack, a line each, indented.
/// Events that nothing is known of are `name key=value … value`. Ends with a newline.
[[nodiscard]] std::string trace_text(const TracedEvent& event);
/// What stands above the first of these lines.
[[nodiscard]] std::string trace_heading();

/// One JSON object on a line: event, time (RFC 3339), value, labels, and the context with its stack, innermost first.
/// What is not known is absent. Ends with a newline.
[[nodiscard]] std::string trace_json(const TracedEvent& event);

}  // namespace sentinel::app
