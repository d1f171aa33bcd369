#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sentinel/abi.h>

#include "rules/selector.hpp"

namespace sentinel::rules {

inline std::string_view text_of(const sentinel_string& text) {
  return {text.data, static_cast<std::size_t>(text.size)};
}

/// A record with what its numbers stand for; views into its batch.
struct RecordView {
  const sentinel_record& record;
  const sentinel_string* labels;  ///< in the order of the metric's keys
};

/// Where a metric's records hold what a selector or `by` names: a label, a context field of an event, the metric's own
/// name (`__name__`), or nowhere. Found once a metric, so that no name is compared for a record.
class Field {
 public:
  /// Room for a number in decimal.
  using Digits = std::array<char, 24>;

  Field(std::string_view name, const sentinel_metric& metric);

  [[nodiscard]] bool known() const { return kind_ != Kind::none; }
  /// Whether all records of a series agree on it.
  [[nodiscard]] bool is_constant() const { return kind_ != Kind::context; }
  /// Empty when it is absent; a number is written into `digits`. No allocation.
  [[nodiscard]] std::string_view text(const RecordView& from, Digits& digits) const;
  /// Appends what tells groups apart to `key`: the value, and for a pid the start time of its process too, because
  /// the kernel gives a pid out again.
  void append_identity(const RecordView& from, std::string& key) const;

 private:
  enum class Kind { none, label, name, context };
  [[nodiscard]] std::uint64_t number(const sentinel_context& context) const;
  [[nodiscard]] std::string_view context_text(const sentinel_context& context) const;

  Kind kind_ = Kind::none;
  std::uint32_t label_ = 0;
  ContextField context_ = ContextField::none;
  std::string name_;
};

}  // namespace sentinel::rules
