#include "core/config/schema.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/config/bytes.hpp"
#include "core/config/duration.hpp"
#include "core/config/fields.hpp"
#include "core/config/file.hpp"
#include "core/config/number.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// Elements between commas; none in empty text.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  if (trim(text).empty()) return out;
  for (;;) {
    const auto comma = std::min(text.find(','), text.size());
    out.emplace_back(trim(text.substr(0, comma)));
    if (comma == text.size()) return out;
    text.remove_prefix(comma + 1);
  }
}

bool is_list(FieldType type) {
  return type == FieldType::string_list || type == FieldType::integer_list;
}

/// A bound in the notation of the field's type.
std::string format_bound(FieldType type, double bound) {
  if (type == FieldType::duration && std::abs(bound) < 9e9) {
    return format_duration(std::chrono::nanoseconds(std::llround(bound * 1e9)));
  }
  if (type == FieldType::bytes && bound >= 0 && bound < 9e18) return format_bytes(static_cast<std::uint64_t>(bound));
  char text[40];
  std::snprintf(text, sizeof text, "%.15g", bound);
  return text;
}

/// The refusal of a value outside the field's bounds, or nothing.
std::optional<Error> check_bounds(const FieldSpec& field, std::string_view text, double value) {
  if (value >= field.minimum && value <= field.maximum) return std::nullopt;
  std::string allowed;
  if (std::isinf(field.maximum)) {
    allowed = " is less than " + format_bound(field.type, field.minimum) + ", the least allowed";
  } else if (std::isinf(field.minimum)) {
    allowed = " is more than " + format_bound(field.type, field.maximum) + ", the most allowed";
  } else {
    allowed = " is not between " + format_bound(field.type, field.minimum) + " and " +
              format_bound(field.type, field.maximum);
  }
  return Error{Errc::invalid_argument, quote(text) + allowed};
}

std::optional<Error> check_choice(const FieldSpec& field, std::string_view text) {
  if (field.choices.empty() || std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end()) {
    return std::nullopt;
  }
  return Error{Errc::invalid_argument,
               quote(text) + " is none of " + join_names(field.choices) + did_you_mean(text, field.choices)};
}

/// A single value, or one element of a list, into the member of \p out that the field's type names.
std::optional<Error> read_element(const FieldSpec& field, std::string_view text, ResolvedValue& out) {
  if (auto error = check_choice(field, text)) return error;
  const auto take_integer = [&](std::int64_t number, double for_bounds) {
    out.integer = number;
    return check_bounds(field, text, for_bounds);
  };
  switch (field.type) {
    case FieldType::string:
      return std::nullopt;
    case FieldType::path:
      if (text.empty()) return Error{Errc::invalid_argument, "is empty"};
      if (text.find('\0') != std::string_view::npos) return Error{Errc::invalid_argument, "a path holds no NUL"};
      return std::nullopt;
    case FieldType::string_list:
      out.strings.emplace_back(text);
      return std::nullopt;
    case FieldType::integer: {
      const auto number = parse_integer(text);
      return number ? take_integer(*number, static_cast<double>(*number)) : std::optional(number.error());
    }
    case FieldType::integer_list: {
      const auto number = parse_integer(text);
      if (!number) return number.error();
      out.integers.push_back(*number);
      return check_bounds(field, text, static_cast<double>(*number));
    }
    case FieldType::number: {
      const auto number = parse_number(text);
      if (!number) return number.error();
      out.number = *number;
      return check_bounds(field, text, *number);
    }
    case FieldType::boolean: {
      const auto flag = parse_boolean(text);
      if (!flag) return flag.error();
      out.integer = *flag ? 1 : 0;
      return std::nullopt;
    }
    case FieldType::duration: {
      const auto duration = parse_duration(text);
      if (!duration) return duration.error();
      return take_integer(duration->count(), std::chrono::duration<double>(*duration).count());
    }
    case FieldType::bytes: {
      const auto bytes = parse_bytes(text);
      if (!bytes) return bytes.error();
      return take_integer(static_cast<std::int64_t>(*bytes), static_cast<double>(*bytes));
    }
  }
  return Error{Errc::invalid_argument, "is of a type that this agent does not know"};
}

ResolvedValue value_of(const FieldSpec& field) {
  ResolvedValue out;
  out.name = field.name;
  out.type = field.type;
  return out;
}

/// The default's value. Only legal when the field has one.
Result<ResolvedValue> read_default(const FieldSpec& field) {
  ResolvedValue out = value_of(field);
  out.text = *field.by_default;
  out.by_default = true;
  if (!is_list(field.type)) {
    if (auto error = read_element(field, out.text, out)) return *error;
    return out;
  }
  for (const auto& element : split(out.text)) {
    if (auto error = read_element(field, element, out)) return *error;
  }
  return out;
}

/// Reads given values; what is wrong with them is reported where it stands.
class Given {
 public:
  Given(std::string_view owner, std::vector<Diagnostic>& diagnostics) : owner_(owner), diagnostics_(diagnostics) {}

  std::optional<ResolvedValue> read(const FieldSpec& field, const Value& value) {
    ResolvedValue out = value_of(field);
    if (is_list(field.type)) return read_list(field, value, std::move(out));
    if (value.kind != Value::Kind::scalar) {
      error(value.where, field,
            value.kind == Value::Kind::null ? "has no value" : "must be a single value, not " + describe(value));
      return std::nullopt;
    }
    out.text = value.text;
    if (const auto mistake = read_element(field, value.text, out)) {
      error(value.where, field, mistake->message);
      return std::nullopt;
    }
    if (field.type == FieldType::path) out.text = beside(value.where.file, value.text).string();
    return out;
  }

  void error(const Where& where, const FieldSpec& field, const std::string& message) {
    add_error(diagnostics_, where, std::string(owner_) + ": config." + field.name + ": " + message);
  }

 private:
  std::optional<ResolvedValue> read_list(const FieldSpec& field, const Value& list, ResolvedValue out) {
    if (list.kind != Value::Kind::list && list.kind != Value::Kind::null) {
      error(list.where, field, "must be a list such as [a, b], not " + describe(list));
      return std::nullopt;
    }
    bool good = true;
    for (const auto& item : list.items) {
      if (item.broken) {
        good = false;
      } else if (item.kind != Value::Kind::scalar) {
        error(item.where, field, "each item must be a single value, not " + describe(item));
        good = false;
      } else if (const auto mistake = read_element(field, item.text, out)) {
        error(item.where, field, mistake->message);
        good = false;
      } else {
        out.text += (out.text.empty() ? "" : ",") + item.text;
      }
    }
    return good ? std::optional(std::move(out)) : std::nullopt;
  }

  std::string_view owner_;
  std::vector<Diagnostic>& diagnostics_;
};

/// The members of \p source that its size covers; the rest have the values of a field that sets nothing.
sentinel_field copy_covered(const sentinel_field* source, std::uint32_t size) {
  sentinel_field field{};
  field.minimum = -std::numeric_limits<double>::infinity();
  field.maximum = std::numeric_limits<double>::infinity();
  // A member that the size cuts in two is not covered.
  constexpr std::size_t ends[] = {offsetof(sentinel_field, name),
                                  offsetof(sentinel_field, help),
                                  offsetof(sentinel_field, default_value),
                                  offsetof(sentinel_field, choices),
                                  offsetof(sentinel_field, minimum),
                                  offsetof(sentinel_field, maximum),
                                  sizeof(sentinel_field)};
  std::size_t covered = 0;
  for (const std::size_t end : ends) {
    if (end <= size) covered = end;
  }
  std::memcpy(&field, source, covered);
  return field;
}

Result<FieldSpec> read_field(const sentinel_field& field) {
  FieldSpec spec;
  spec.name = from_abi(field.name);
  const auto refuse = [&](const std::string& why) {
    return Error{Errc::invalid_argument, "the plugin's schema: field " + quote(spec.name) + " " + why};
  };
  if (!is_name(spec.name)) return refuse("is no name: [a-z][a-z0-9_]{0,46}");
  if (field.type < SENTINEL_STRING || field.type > SENTINEL_INTEGER_LIST) {
    return refuse("has type " + std::to_string(field.type) + ", which this agent does not know");
  }
  spec.type = static_cast<FieldType>(field.type);
  spec.help = from_abi(field.help);
  if (field.default_value.size > 0) spec.by_default = from_abi(field.default_value);
  spec.choices = split(from_abi(field.choices));
  spec.required = (field.flags & SENTINEL_FIELD_REQUIRED) != 0;
  if (field.minimum != 0 || field.maximum != 0) {
    spec.minimum = field.minimum;
    spec.maximum = field.maximum;
  }
  if (!(spec.minimum <= spec.maximum)) return refuse("has no value between its bounds");
  if (spec.by_default) {
    if (const auto value = read_default(spec); !value)
      return refuse("refuses its own default: " + value.error().message);
  }
  return spec;
}

}  // namespace

Result<std::vector<FieldSpec>> read_schema(const sentinel_field* first, std::size_t count) {
  std::vector<FieldSpec> schema;
  if (count == 0) return schema;
  if (first == nullptr) return Error{Errc::invalid_argument, "the plugin's schema: fields are counted, but absent"};
  const std::uint32_t stride = first->size;
  if (stride < offsetof(sentinel_field, help) || stride % alignof(sentinel_field) != 0) {
    return Error{Errc::invalid_argument,
                 "the plugin's schema: a field has the impossible size of " + std::to_string(stride)};
  }
  const char* at = reinterpret_cast<const char*>(first);
  for (std::size_t i = 0; i < count; ++i, at += stride) {
    auto field = read_field(copy_covered(reinterpret_cast<const sentinel_field*>(at), stride));
    if (!field) return field.error();
    const bool again =
        std::any_of(schema.begin(), schema.end(), [&](const FieldSpec& other) { return other.name == field->name; });
    if (again)
      return Error{Errc::invalid_argument, "the plugin's schema: field " + quote(field->name) + " stands twice"};
    schema.push_back(std::move(*field));
  }
  return schema;
}

Resolved resolve(const Value& config, std::span<const FieldSpec> schema, std::string_view owner,
                 std::vector<Diagnostic>& diagnostics) {
  Resolved resolved;
  Fields keys(config, std::string(owner) + ": config", "{procfs: /proc}", diagnostics);
  Given given(owner, diagnostics);
  for (const auto& field : schema) {
    if (keys.has(field.name)) {
      const Value* value = keys.get(field.name);
      if (value == nullptr) continue;
      if (auto read = given.read(field, *value)) resolved.push_back(std::move(*read));
    } else if (field.by_default) {
      if (auto read = read_default(field)) {
        resolved.push_back(std::move(*read));
      } else {
        given.error(config.where, field, "its default is the plugin's mistake: " + read.error().message);
      }
    } else if (field.required) {
      given.error(config.where, field, "is missing" + (field.help.empty() ? std::string() : ": " + field.help));
    }
  }
  keys.finish();
  return resolved;
}

}  // namespace sentinel::config
