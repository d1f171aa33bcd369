#include "sentinel/bpf/fields.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace sentinel::bpf {
namespace {

constexpr std::uint64_t mapped_v4 = 0xffff00000000;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

std::uint64_t big_endian(const unsigned char* bytes) {
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | bytes[i];
  return number;
}

bool is_v4(const funnel_value& value) {
  return value.hi == 0 && value.lo >> 32 == mapped_v4 >> 32;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  // Labels are compared as texts, and no event has "080".
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  return number;
}

std::optional<funnel_value> parse_address(std::string_view text, bool& v4) {
  const std::string terminated(text);
  unsigned char bytes[16] = {};
  v4 = inet_pton(AF_INET, terminated.c_str(), bytes) == 1;
  if (v4) {
    std::uint32_t address = 0;
    std::memcpy(&address, bytes, sizeof(address));
    return funnel_value{0, mapped_v4 | ntohl(address)};
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes) != 1) return std::nullopt;
  return funnel_value{big_endian(bytes), big_endian(bytes + 8)};
}

/// The least number of the kernel's that compares as wanted, when divided by `scale` as records are.
std::uint64_t least(double bound, double scale, bool equal_too) {
  const double at = bound * scale;
  if (at < 0) return 0;
  if (at >= 1.8e19) return highest;
  auto number = static_cast<std::uint64_t>(at);
  number -= std::min<std::uint64_t>(number, 2);
  while (equal_too ? static_cast<double>(number) / scale < bound : static_cast<double>(number) / scale <= bound) {
    ++number;
  }
  return number;
}

std::optional<funnel_predicate> compile_comparison(const Field& field, const Predicate& predicate) {
  const double number = predicate.number();
  if (std::isnan(number)) return std::nullopt;
  const std::uint64_t from = least(number, field.scale, true);    // value >= number
  const std::uint64_t above = least(number, field.scale, false);  // value > number
  const auto range = [&](std::uint64_t first, std::uint64_t last) { return funnel_range{{0, first}, {0, last}}; };
  funnel_predicate out = {field.index, FUNNEL_NO_FIELD, 0, 1, {}};
  switch (predicate.comparison()) {
    case SENTINEL_GREATER:
      out.ranges[0] = range(above, highest);
      return out;
    case SENTINEL_GREATER_OR_EQUAL:
      out.ranges[0] = range(from, highest);
      return out;
    case SENTINEL_LESS:
      out.negate = 1;
      out.ranges[0] = range(from, highest);
      return out;
    case SENTINEL_LESS_OR_EQUAL:
      out.negate = 1;
      out.ranges[0] = range(above, highest);
      return out;
    case SENTINEL_EQUAL_TO:
    case SENTINEL_NOT_EQUAL_TO:
      break;
  }
  out.negate = predicate.comparison() == SENTINEL_NOT_EQUAL_TO ? 1 : 0;
  out.count = above > from ? 1 : 0;
  if (out.count == 1) out.ranges[0] = range(from, above - 1);
  return out;
}

}  // namespace

const Field* Fields::find(std::string_view name) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) { return field.name == name; });
  return found == fields_.end() ? nullptr : &*found;
}

std::optional<funnel_predicate> Fields::compile(const Predicate& predicate, std::string_view& why) const {
  if (predicate.kind() == Predicate::Kind::compares) {
    const Field* value = find("");
    if (value == nullptr) {
      why = "the kernel does not know this event's value";
      return std::nullopt;
    }
    return compile_comparison(*value, predicate);
  }
  const Field* field = find(predicate.field());
  if (field == nullptr || field->kind == FieldKind::value) {
    why = "the kernel does not know this field";
    return std::nullopt;
  }
  funnel_predicate out = {field->index, FUNNEL_NO_FIELD, predicate.kind() == Predicate::Kind::none_of ? 1U : 0U, 0, {}};
  for (std::size_t i = 0; i < predicate.size(); ++i) {
    const auto text = predicate.value(i);
    if (text.empty()) {
      why = "the empty text stands for what is not known, which is for user space to tell";
      return std::nullopt;
    }
    const auto value = parse_value(*field, text);
    if (!value) continue;  // no event has it
    if (out.count == FUNNEL_RANGES) {
      why = "more values than a predicate in the kernel holds";
      return std::nullopt;
    }
    out.ranges[out.count++] = only(*value);
  }
  return out;
}

std::optional<funnel_value> parse_value(const Field& field, std::string_view text) {
  switch (field.kind) {
    case FieldKind::number: {
      const auto number = parse_number(text);
      if (!number) return std::nullopt;
      return funnel_value{0, *number};
    }
    case FieldKind::address: {
      bool v4 = false;
      return parse_address(text, v4);
    }
    case FieldKind::comm: {
      if (text.size() >= FUNNEL_COMM) return std::nullopt;
      unsigned char bytes[FUNNEL_COMM] = {};
      std::memcpy(bytes, text.data(), text.size());
      return funnel_value{big_endian(bytes), big_endian(bytes + 8)};
    }
    case FieldKind::name: {
      const auto found = std::find(field.names.begin(), field.names.end(), text);
      if (found == field.names.end()) return std::nullopt;
      return funnel_value{0, static_cast<std::uint64_t>(found - field.names.begin())};
    }
    case FieldKind::value:
      break;
  }
  return std::nullopt;
}

std::string_view address_text(const funnel_value& value, FieldText& text) {
  if (is_v4(value)) {
    // Not by inet_ntop(3), which prints by a format: each event has two.
    char* end = text.data();
    for (int shift = 24; shift >= 0; shift -= 8) {
      end = std::to_chars(end, end + 3, (value.lo >> shift) & 0xff).ptr;
      if (shift > 0) *end++ = '.';
    }
    return {text.data(), static_cast<std::size_t>(end - text.data())};
  }
  unsigned char bytes[16];
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<unsigned char>(value.hi >> (56 - 8 * i));
    bytes[8 + i] = static_cast<unsigned char>(value.lo >> (56 - 8 * i));
  }
  inet_ntop(AF_INET6, bytes, text.data(), static_cast<socklen_t>(text.size()));
  return text.data();
}

std::string_view to_text(const Field& field, const funnel_value& value, FieldText& text) {
  switch (field.kind) {
    case FieldKind::number:
    case FieldKind::value: {
      const auto end = std::to_chars(text.data(), text.data() + text.size(), value.lo).ptr;
      return {text.data(), static_cast<std::size_t>(end - text.data())};
    }
    case FieldKind::address:
      return address_text(value, text);
    case FieldKind::comm: {
      for (int i = 0; i < 8; ++i) {
        text[static_cast<std::size_t>(i)] = static_cast<char>(value.hi >> (56 - 8 * i));
        text[static_cast<std::size_t>(8 + i)] = static_cast<char>(value.lo >> (56 - 8 * i));
      }
      return {text.data(), strnlen(text.data(), FUNNEL_COMM)};
    }
    case FieldKind::name:
      return value.lo < field.names.size() ? field.names[value.lo] : std::string_view();
  }
  return {};
}

Result<funnel_range> parse_prefix(std::string_view text) {
  const Error malformed{
      Errc::invalid_argument,
      "'" + std::string(text) + "' is no address or prefix: write 10.1.2.3, 10.0.0.0/8 or 2001:db8::/32"};
  const auto slash = text.find('/');
  bool v4 = false;
  const auto address = parse_address(text.substr(0, slash), v4);
  if (!address) return malformed;
  std::uint64_t length = v4 ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto given = parse_number(text.substr(slash + 1));
    if (!given || *given > length) return malformed;
    length = *given;
  }
  const std::uint64_t free_bits = (v4 ? 32 : 128) - length;
  const auto low_bits = [](std::uint64_t count) { return count >= 64 ? highest : (std::uint64_t{1} << count) - 1; };
  const std::uint64_t low = low_bits(free_bits);
  const std::uint64_t high = free_bits > 64 ? low_bits(free_bits - 64) : 0;
  return funnel_range{{address->hi & ~high, address->lo & ~low}, {address->hi | high, address->lo | low}};
}

}  // namespace sentinel::bpf
