#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/text.hpp"
#include "core/config/value.hpp"

namespace sentinel::config {

/// Reads a map key by key. Each key that is asked for becomes known, and finish() reports all others. The map and the
/// diagnostics must outlive it.
class Fields {
 public:
  /// \p owner begins each message: `collector "cpu"`; empty for the file as a whole. Anything but a map or nothing is
  /// a mistake; \p example shows what a map would look like.
  Fields(const Value& map, std::string owner, std::string_view example, std::vector<Diagnostic>& diagnostics);

  /// Whether it is a map or nothing: else it was reported, and what it lacks need not be.
  [[nodiscard]] bool is_map() const { return map_.kind == Value::Kind::map || map_.kind == Value::Kind::null; }

  /// The value of a key; null when it isn't given, or is broken.
  [[nodiscard]] const Value* get(std::string_view key);

  /// Takes `parse(text)` of a scalar into \p out, when the key is given. A Result's error becomes a diagnostic.
  /// Returns whether \p out was set.
  template <class Parse, class T>
  bool read(std::string_view key, Parse parse, T& out) {
    const Value* value = get(key);
    if (value == nullptr || !require_scalar(*value, key)) return false;
    auto parsed = parse(value->text);
    if (!parsed) {
      error(value->where, key, parsed.error().message);
      return false;
    }
    out = static_cast<T>(std::move(*parsed));
    return true;
  }

  /// Text that is not empty and has no line ends.
  bool read_text(std::string_view key, std::string& out);
  /// Text to be parsed later, which may have several lines, with its place.
  bool read_source(std::string_view key, Text& out);
  /// A path, joined with the directory of the file that holds it.
  bool read_path(std::string_view key, std::filesystem::path& out);
  bool read_boolean(std::string_view key, bool& out);
  bool read_duration(std::string_view key, std::chrono::nanoseconds shortest, std::chrono::nanoseconds longest,
                     std::chrono::nanoseconds& out);
  bool read_integer(std::string_view key, std::int64_t smallest, std::int64_t largest, std::int64_t& out);
  bool read_bytes(std::string_view key, std::uint64_t smallest, std::uint64_t largest, std::uint64_t& out);
  /// The index of the word among \p words.
  bool read_choice(std::string_view key, const std::vector<std::string>& words, std::size_t& out);
  /// Label names and values; Prometheus' rules for names, without those that begin with `__`.
  bool read_labels(std::string_view key, std::map<std::string, std::string>& out);
  /// A list of texts, each with its place.
  bool read_list(std::string_view key, std::vector<Key>& out);

  /// Whether the key was written, be it well or badly. Makes it known.
  [[nodiscard]] bool has(std::string_view key);

  void error(const Where& where, std::string_view key, std::string_view message);

  /// Reports every key that nobody asked for. Call it once, after all reads.
  void finish();

 private:
  bool require_scalar(const Value& value, std::string_view key);
  [[nodiscard]] std::string prefix(std::string_view key) const;

  const Value& map_;
  std::string owner_;
  std::vector<std::string> known_;
  std::vector<Diagnostic>& diagnostics_;
};

/// Whether a text is a name of the pipeline file: [a-z][a-z0-9_]{0,46}.
[[nodiscard]] bool is_name(std::string_view text);
/// Whether a text is a Prometheus label name: [a-zA-Z_][a-zA-Z0-9_]*, at most 128 bytes.
[[nodiscard]] bool is_label_name(std::string_view text);

}  // namespace sentinel::config
