#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/abi.h>

namespace sentinel {

constexpr sentinel_string to_abi(std::string_view text) noexcept {
  return {text.data(), text.size()};
}
constexpr std::string_view from_abi(sentinel_string text) noexcept {
  return text.size == 0 ? std::string_view() : std::string_view(text.data, text.size);
}

enum class FieldType : std::uint32_t {
  string = SENTINEL_STRING,
  path = SENTINEL_PATH,
  integer = SENTINEL_INTEGER,
  number = SENTINEL_NUMBER,
  boolean = SENTINEL_BOOLEAN,
  duration = SENTINEL_DURATION,
  bytes = SENTINEL_BYTES,
  string_list = SENTINEL_STRING_LIST,
  integer_list = SENTINEL_INTEGER_LIST,
};

/// One key of a plugin's `config:`. A plugin class lists them as `static constexpr sentinel::Field schema[]`; the agent
/// checks the pipeline file against the list before it creates the plugin.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order in which authors write them
struct Field {
  std::string_view name;
  FieldType type = FieldType::string;
  std::string_view by_default = {};  ///< in the notation of the file; empty: none
  std::string_view help = {};
  std::string_view choices = {};  ///< the only values allowed, separated by commas; empty: any
  bool required = false;
  double minimum = -std::numeric_limits<double>::infinity();  ///< durations in seconds
  double maximum = std::numeric_limits<double>::infinity();

  [[nodiscard]] constexpr sentinel_field abi() const {
    return {sizeof(sentinel_field),
            static_cast<std::uint32_t>(type),
            required ? SENTINEL_FIELD_REQUIRED : 0U,
            0,
            to_abi(name),
            to_abi(help),
            to_abi(by_default),
            to_abi(choices),
            minimum,
            maximum};
  }
};

/// The checked configuration of one instance. A view: valid in the constructor only. Asking for a name that the schema
/// does not have, or by the wrong type, throws std::logic_error, which create reports as the plugin's error.
class Config {
 public:
  explicit Config(const sentinel_config* config) : config_(config) {}

  /// Whether the field was given or has a default.
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] std::string string(std::string_view name) const {
    return std::string(from_abi(get(name, FieldType::string).text));
  }
  /// An absolute path, or one relative to the agent's working directory.
  [[nodiscard]] std::string path(std::string_view name) const {
    return std::string(from_abi(get(name, FieldType::path).text));
  }
  [[nodiscard]] std::int64_t integer(std::string_view name) const { return get(name, FieldType::integer).integer; }
  [[nodiscard]] double number(std::string_view name) const { return get(name, FieldType::number).number; }
  [[nodiscard]] bool boolean(std::string_view name) const { return get(name, FieldType::boolean).integer != 0; }
  [[nodiscard]] std::chrono::nanoseconds duration(std::string_view name) const {
    return std::chrono::nanoseconds(get(name, FieldType::duration).integer);
  }
  [[nodiscard]] std::uint64_t bytes(std::string_view name) const {
    return static_cast<std::uint64_t>(get(name, FieldType::bytes).integer);
  }
  [[nodiscard]] std::vector<std::string> strings(std::string_view name) const {
    const auto& value = get(name, FieldType::string_list);
    std::vector<std::string> all;
    for (std::uint64_t i = 0; i < value.count; ++i) all.emplace_back(from_abi(value.strings[i]));
    return all;
  }
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view name) const {
    const auto& value = get(name, FieldType::integer_list);
    return {value.integers, value.integers + value.count};
  }

 private:
  [[nodiscard]] const sentinel_config_value* find(std::string_view name) const {
    if (config_ == nullptr || config_->value_count == 0) return nullptr;
    const char* at = reinterpret_cast<const char*>(config_->values);
    const std::uint32_t stride = config_->values[0].size;
    for (std::uint32_t i = 0; i < config_->value_count; ++i, at += stride) {
      const auto* value = reinterpret_cast<const sentinel_config_value*>(at);
      if (from_abi(value->name) == name) return value;
    }
    return nullptr;
  }

  [[nodiscard]] const sentinel_config_value& get(std::string_view name, FieldType type) const {
    const auto* value = find(name);
    if (value == nullptr) throw std::logic_error("config '" + std::string(name) + "' is neither given nor defaulted");
    if (value->type != static_cast<std::uint32_t>(type)) {
      throw std::logic_error("config '" + std::string(name) + "' is read as another type than its schema says");
    }
    return *value;
  }

  const sentinel_config* config_;
};

}  // namespace sentinel
