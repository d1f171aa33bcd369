#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace sentinel::telemetry {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

/// One line as it was logged.
struct LogLine {
  LogLevel level = LogLevel::info;
  std::string component;  ///< "runtime", "http", or the name of a plugin instance
  std::string message;
};

/// The agent's log on standard error, through spdlog: `text` for people and journald, `json` one object a line.
/// Thread-safe. A message that its component repeats at once is held back and reported as "…, 12 times more" with the
/// next other one, so that a broken plugin cannot flood it. Text that came from outside is cleaned of control
/// characters.
class Log {
 public:
  static void configure(LogLevel level, LogFormat format);
  /// Writes a line.
  static void write(LogLevel level, std::string_view component, std::string_view message);
  /// Also hands each line to `tap` until it is replaced; null ends that. For tests.
  static void tap(std::function<void(const LogLine&)> tap);
};

inline void log_debug(std::string_view component, std::string_view message) {
  Log::write(LogLevel::debug, component, message);
}
inline void log_info(std::string_view component, std::string_view message) {
  Log::write(LogLevel::info, component, message);
}
inline void log_warning(std::string_view component, std::string_view message) {
  Log::write(LogLevel::warning, component, message);
}
inline void log_error(std::string_view component, std::string_view message) {
  Log::write(LogLevel::error, component, message);
}

}  // namespace sentinel::telemetry
