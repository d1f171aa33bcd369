#include "rules/proof/values.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "core/config/suggest.hpp"
#include "rules/humanize.hpp"

namespace sentinel::rules {

namespace {

using config::quote;

constexpr std::string_view forms = "; write numbers, 1+2x3, 1-2x3, 5x3, _, _x3 or stale, parted by spaces";

class ValuesParser {
 public:
  ValuesParser(std::string_view text, std::size_t most) : text_(text), most_(most) {}

  Parsed<Values> parse() {
    std::size_t at = 0;
    while (!mistake_) {
      at = std::min(text_.find_first_not_of(" \t\n", at), text_.size());
      if (at == text_.size()) break;
      const std::size_t end = std::min(text_.find_first_of(" \t\n", at), text_.size());
      read(text_.substr(at, end - at), at);
      at = end;
    }
    if (mistake_) return {{}, mistake_};
    return {std::move(values_), {}};
  }

 private:
  void fail(std::size_t offset, std::string message) { mistake_ = Mistake{offset, std::move(message)}; }

  void add(std::size_t offset, std::optional<double> first, double step, std::size_t count) {
    if (count > most_ - values_.size()) {
      return fail(offset, "there are more than " + std::to_string(most_) + " values here");
    }
    for (std::size_t i = 0; i < count; ++i) {
      values_.push_back(first ? std::optional(*first + step * static_cast<double>(i)) : std::nullopt);
    }
  }

  /// `x3` at the end of an item: the number, and the item without it.
  static std::optional<std::size_t> take_times(std::string_view& item) {
    const auto x = item.rfind('x');
    if (x == std::string_view::npos || x + 1 == item.size() || item.size() - x > 10) return std::nullopt;
    std::size_t times = 0;
    for (const char c : item.substr(x + 1)) {
      if (c < '0' || c > '9') return std::nullopt;
      times = times * 10 + static_cast<std::size_t>(c - '0');
    }
    item = item.substr(0, x);
    return times;
  }

  void read(std::string_view item, std::size_t offset) {
    const std::string_view whole = item;
    if (item == "stale" || item == "_") return add(offset, std::nullopt, 0, 1);
    if (const auto number = parse_go_number(item)) return add(offset, number, 0, 1);
    const auto times = take_times(item);
    if (!times) return fail(offset, quote(whole) + " is no value" + std::string(forms));
    if (item == "_") return add(offset, std::nullopt, 0, *times);
    // The values after the first are counted, as promtool does.
    if (const auto number = parse_go_number(item)) return add(offset, number, 0, *times + 1);
    for (std::size_t sign = 1; sign < item.size(); ++sign) {
      if ((item[sign] != '+' && item[sign] != '-') || item[sign - 1] == 'e' || item[sign - 1] == 'E') continue;
      const auto first = parse_go_number(item.substr(0, sign));
      const auto step = parse_go_number(item.substr(sign + 1));
      if (!first || !step) break;
      return add(offset, first, item[sign] == '-' ? -*step : *step, *times + 1);
    }
    fail(offset, quote(whole) + " is no value" + std::string(forms));
  }

  std::string_view text_;
  std::size_t most_;
  Values values_;
  std::optional<Mistake> mistake_;
};

}  // namespace

Parsed<Values> parse_values(std::string_view text, std::size_t most) {
  return ValuesParser(text, most).parse();
}

}  // namespace sentinel::rules
