#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/selector.hpp"

namespace sentinel::rules {

/// Text with `{{ }}` in it, a small part of Prometheus' templates: `{{ value }}`, `{{ labels.pid }}`, the same with
/// Go's
/// `$` (`{{ $value }}`, `{{ $labels.pid }}`), each with `| humanize`, `| humanize1024`, `| humanizePercentage`,
/// `| humanizeDuration` or `| printf "%.2f"`. Immutable; any thread.
class Template {
 public:
  struct Piece {
    enum class Kind { text, value, label };
    enum class Format { plain, humanize, humanize1024, percentage, duration, printf };
    Kind kind = Kind::text;
    std::string text;  ///< the text, or the label's name
    Format format = Format::plain;
    std::string pattern;  ///< of printf: one conversion of e, f or g, flags, width and precision bounded
  };

  /// `label` gives a label's value, empty when it is absent. At most 4 KiB come out.
  [[nodiscard]] std::string render(double value, const std::function<std::string_view(std::string_view)>& label) const;
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  friend class TemplateParser;
  std::vector<Piece> pieces_;
};

[[nodiscard]] Parsed<Template> parse_template(std::string_view text);

/// As Prometheus' rule files write it.
[[nodiscard]] std::string to_prometheus(const Template& text);

}  // namespace sentinel::rules
