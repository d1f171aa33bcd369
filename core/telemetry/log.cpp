#include "core/telemetry/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <sentinel/text.hpp>
#include <utility>

namespace sentinel::telemetry {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string json_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

class Writer {
 public:
  Writer() : logger_("sentinel", std::make_shared<spdlog::sinks::stderr_sink_st>()) {
    configure(LogLevel::info, LogFormat::text);
  }

  void configure(LogLevel level, LogFormat format) {
    const std::lock_guard lock(mutex_);
    json_ = format == LogFormat::json;
    logger_.set_level(spdlog_level(level));
    logger_.set_pattern(json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                              : "%Y-%m-%dT%H:%M:%S.%e%z %-7l %v");
  }

  void write(LogLevel level, std::string_view component, std::string_view message) {
    std::string buffer;
    const std::string_view text = sentinel::clean(message, buffer);
    const std::lock_guard lock(mutex_);
    Last& last = last_[std::string(component)];
    if (last.message == text && last.level == level) {
      ++last.repeats;
      return;
    }
    if (last.repeats > 0) {
      put(last.level, component, last.message + ", " + std::to_string(last.repeats) + " times more");
    }
    last = {level, std::string(text), 0};
    put(level, component, text);
  }

  void tap(std::function<void(const LogLine&)> tap) {
    const std::lock_guard lock(mutex_);
    tap_ = std::move(tap);
  }

 private:
  struct Last {
    LogLevel level = LogLevel::debug;
    std::string message;
    std::uint64_t repeats = 0;
  };

  void put(LogLevel level, std::string_view component, std::string_view message) {
    if (json_) {
      logger_.log(spdlog_level(level), R"("component":"{}","message":"{}")", json_escaped(component),
                  json_escaped(message));
    } else {
      logger_.log(spdlog_level(level), "{}: {}", component, message);
    }
    if (tap_) tap_({level, std::string(component), std::string(message)});
  }

  std::mutex mutex_;
  spdlog::logger logger_;
  bool json_ = false;
  std::map<std::string, Last> last_;
  std::function<void(const LogLine&)> tap_;
};

Writer& writer() {
  // Never destroyed: threads that hang in a plugin may log while the process exits.
  static auto* const made = new Writer;
  return *made;
}

}  // namespace

void Log::configure(LogLevel level, LogFormat format) {
  writer().configure(level, format);
}
void Log::write(LogLevel level, std::string_view component, std::string_view message) {
  writer().write(level, component, message);
}
void Log::tap(std::function<void(const LogLine&)> tap) {
  writer().tap(std::move(tap));
}

}  // namespace sentinel::telemetry
