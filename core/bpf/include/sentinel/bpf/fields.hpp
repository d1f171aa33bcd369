#pragma once

#include <sentinel/bpf/funnel.h>
#include <array>
#include <cstdint>
#include <optional>
#include <sentinel/pushdown.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string_view>

namespace sentinel::bpf {

/// How the text of a field reads.
enum class FieldKind {
  number,   ///< decimal
  address,  ///< IPv4 or IPv6
  comm,     ///< up to 15 bytes
  name,     ///< one of `names`, which stands for its index
  value,    ///< the record's value: compared, never a text
};

/// A field of an event as filters name it: a label key, a context field, or "" for the record's value.
struct Field {
  std::string_view name;
  std::uint32_t index = 0;  ///< in funnel_scratch.fields
  FieldKind kind = FieldKind::number;
  std::span<const std::string_view> names = {};
  double scale = 1;                        ///< of a value: how many of the kernel's units make one of the record's
  std::uint32_t beside = FUNNEL_NO_FIELD;  ///< goes with it as a key: the start time of a pid
};

/// Room for the text of a field; nothing is longer than an IPv6 address.
using FieldText = std::array<char, 48>;

/// All fields of an event type. Views; what they look at outlives it.
class Fields {
 public:
  explicit Fields(std::span<const Field> fields) : fields_(fields) {}

  /// Null: events have no such field in the kernel.
  [[nodiscard]] const Field* find(std::string_view name) const;
  [[nodiscard]] std::span<const Field> all() const { return fields_; }

  /// A predicate for the kernel, which holds of just the same events; nothing when the kernel can't tell, and then
  /// `why` says so.
  [[nodiscard]] std::optional<funnel_predicate> compile(const Predicate& predicate, std::string_view& why) const;

 private:
  std::span<const Field> fields_;
};

/// The value that a text stands for; nothing when no event can have it.
[[nodiscard]] std::optional<funnel_value> parse_value(const Field& field, std::string_view text);
/// The text of a value, as labels and contexts have it; a view into `text` or into the field's names.
[[nodiscard]] std::string_view to_text(const Field& field, const funnel_value& value, FieldText& text);
/// The same of an address alone: "10.0.0.1", "2001:db8::1".
[[nodiscard]] std::string_view address_text(const funnel_value& value, FieldText& text);

/// The name that stands for an index; empty when none does.
[[nodiscard]] constexpr std::string_view name_at(std::span<const std::string_view> names, std::size_t index) {
  return index < names.size() ? names[index] : std::string_view();
}

/// The addresses of "10.0.0.0/8", "2001:db8::/32" or of one address. Errors: invalid_argument.
Result<funnel_range> parse_prefix(std::string_view text);
/// One value as a range.
[[nodiscard]] constexpr funnel_range only(funnel_value value) {
  return {value, value};
}

}  // namespace sentinel::bpf
