#include "core/config/fields.hpp"

#include <algorithm>

#include "core/config/bytes.hpp"
#include "core/config/duration.hpp"
#include "core/config/file.hpp"
#include "core/config/number.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

constexpr std::size_t longest_label_value_bytes = 1024;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

/// Text as a path, a name or a label may be.
Result<std::string> parse_text(std::string_view text) {
  if (text.empty()) return Error{Errc::invalid_argument, "is empty"};
  if (has_control(text)) return Error{Errc::invalid_argument, quote(text) + " has control characters in it"};
  return std::string(text);
}

}  // namespace

Fields::Fields(const Value& map, std::string owner, std::string_view example, std::vector<Diagnostic>& diagnostics)
    : map_(map), owner_(std::move(owner)), diagnostics_(diagnostics) {
  if (is_map() || map.broken) return;
  add_error(diagnostics_, map.where,
            (owner_.empty() ? std::string("the file") : owner_) + " must be a map such as " + std::string(example) +
                ", not " + describe(map));
}

const Value* Fields::get(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  const Value* value = map_.find(key);
  return value == nullptr || value->broken ? nullptr : value;
}

bool Fields::has(std::string_view key) {
  static_cast<void>(get(key));
  return map_.find(key) != nullptr;
}

std::string Fields::prefix(std::string_view key) const {
  std::string out = owner_;
  if (!out.empty() && !key.empty()) out += ": ";
  return out += key;
}

void Fields::error(const Where& where, std::string_view key, std::string_view message) {
  add_error(diagnostics_, where, prefix(key) + ": " + std::string(message));
}

bool Fields::require_scalar(const Value& value, std::string_view key) {
  if (value.kind == Value::Kind::scalar) return true;
  error(value.where, key,
        value.kind == Value::Kind::null ? "has no value" : "must be a single value, not " + describe(value));
  return false;
}

bool Fields::read_text(std::string_view key, std::string& out) {
  return read(key, parse_text, out);
}

bool Fields::read_source(std::string_view key, Text& out) {
  const Value* value = get(key);
  if (value == nullptr || !require_scalar(*value, key)) return false;
  const bool empty = value->text.find_first_not_of(" \t\n") == std::string::npos;
  const bool control = std::any_of(value->text.begin(), value->text.end(), [](char c) {
    return c != '\n' && c != '\t' && has_control({&c, 1});
  });
  if (empty || control) {
    error(value->where, key, empty ? "is empty" : quote(value->text) + " has control characters in it");
    return false;
  }
  out.text = value->text;
  out.where = value->where;
  out.verbatim = value->source.column != 0;
  if (out.verbatim) out.where.column = value->source.column;
  return true;
}

bool Fields::read_path(std::string_view key, std::filesystem::path& out) {
  std::string text;
  if (!read_text(key, text)) return false;
  out = beside(map_.find(key)->where.file, text);
  return true;
}

bool Fields::read_boolean(std::string_view key, bool& out) {
  return read(key, parse_boolean, out);
}

bool Fields::read_duration(std::string_view key, std::chrono::nanoseconds shortest, std::chrono::nanoseconds longest,
                           std::chrono::nanoseconds& out) {
  return read(
      key,
      [&](std::string_view text) -> Result<std::chrono::nanoseconds> {
        auto duration = parse_duration(text);
        if (!duration || (*duration >= shortest && *duration <= longest)) return duration;
        return Error{Errc::invalid_argument,
                     quote(text) + " is not between " + format_duration(shortest) + " and " + format_duration(longest)};
      },
      out);
}

bool Fields::read_integer(std::string_view key, std::int64_t smallest, std::int64_t largest, std::int64_t& out) {
  return read(
      key,
      [&](std::string_view text) -> Result<std::int64_t> {
        auto number = parse_integer(text);
        if (!number || (*number >= smallest && *number <= largest)) return number;
        return Error{Errc::invalid_argument,
                     quote(text) + " is not between " + std::to_string(smallest) + " and " + std::to_string(largest)};
      },
      out);
}

bool Fields::read_bytes(std::string_view key, std::uint64_t smallest, std::uint64_t largest, std::uint64_t& out) {
  return read(
      key,
      [&](std::string_view text) -> Result<std::uint64_t> {
        auto bytes = parse_bytes(text);
        if (!bytes || (*bytes >= smallest && *bytes <= largest)) return bytes;
        return Error{Errc::invalid_argument,
                     quote(text) + " is not between " + format_bytes(smallest) + " and " + format_bytes(largest)};
      },
      out);
}

bool Fields::read_choice(std::string_view key, const std::vector<std::string>& words, std::size_t& out) {
  return read(
      key,
      [&](std::string_view text) -> Result<std::size_t> {
        const auto found = std::find(words.begin(), words.end(), text);
        if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
        return Error{Errc::invalid_argument,
                     quote(text) + " is none of " + join_names(words) + did_you_mean(text, words)};
      },
      out);
}

bool Fields::read_labels(std::string_view key, std::map<std::string, std::string>& out) {
  const Value* value = get(key);
  if (value == nullptr || value->kind == Value::Kind::null) return false;
  if (value->kind != Value::Kind::map) {
    error(value->where, key, "must be a map such as {site: berlin}, not " + describe(*value));
    return false;
  }
  for (std::size_t i = 0; i < value->keys.size(); ++i) {
    const Key& label = value->keys[i];
    const Value& item = value->items[i];
    if (!is_label_name(label.name)) {
      error(label.where, key,
            quote(label.name) + " is no label name; use letters, digits and _, not beginning with a digit");
    } else if (label.name.starts_with("__")) {
      error(label.where, key, quote(label.name) + " begins with __, which Prometheus keeps for itself");
    } else if (item.broken) {
      continue;
    } else if (item.kind != Value::Kind::scalar) {
      error(item.where, key, quote(label.name) + " must be text, not " + describe(item));
    } else if (item.text.size() > longest_label_value_bytes || has_control(item.text)) {
      error(item.where, key, quote(label.name) + " must be at most 1024 bytes without control characters");
    } else {
      out[label.name] = item.text;
    }
  }
  return true;
}

bool Fields::read_list(std::string_view key, std::vector<Key>& out) {
  const Value* value = get(key);
  if (value == nullptr || value->kind == Value::Kind::null) return false;
  if (value->kind != Value::Kind::list) {
    error(value->where, key,
          value->kind == Value::Kind::scalar ? "must be a list: write [" + printable(value->text, 60) + "]"
                                             : "must be a list, not " + describe(*value));
    return false;
  }
  for (const auto& item : value->items) {
    if (item.broken) continue;
    if (item.kind != Value::Kind::scalar) {
      error(item.where, key, "each item must be text, not " + describe(item));
    } else if (const auto text = parse_text(item.text); !text) {
      error(item.where, key, "an item " + text.error().message);
    } else {
      out.push_back({item.text, item.where});
    }
  }
  return true;
}

void Fields::finish() {
  std::vector<std::string> sorted = known_;
  std::sort(sorted.begin(), sorted.end());
  std::string list;
  for (const auto& name : sorted) list += (list.empty() ? "" : ", ") + name;
  for (const auto& key : map_.keys) {
    if (std::find(known_.begin(), known_.end(), key.name) != known_.end()) continue;
    add_error(diagnostics_, key.where,
              prefix("") + (owner_.empty() ? "" : ": ") + "unknown key " + quote(key.name) +
                  did_you_mean(key.name, known_) +
                  (list.empty() ? "; nothing is known here" : "; known here: " + list));
  }
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 47 && is_lower(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

bool is_label_name(std::string_view text) {
  const auto is_letter = [](char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && text.size() <= 128 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

}  // namespace sentinel::config
