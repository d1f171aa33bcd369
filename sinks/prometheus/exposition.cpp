#include "sinks/prometheus/exposition.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using sentinel::from_abi;

bool Exposition::write(const sentinel::SeriesView& view, sentinel::Writer& out) {
  out_ = &out;
  open_ = true;
  used_ = 0;
  std::string_view described;
  for (const auto& family : view) {
    if (family.series_count == 0 || family.kind == SENTINEL_EVENT) continue;
    if (from_abi(family.name) != described) header(family);
    described = from_abi(family.name);
    for (const auto& series : sentinel::series_of(family)) {
      if (!open_) return false;
      family.kind == SENTINEL_HISTOGRAM ? histogram(family, series) : sample(family, series);
    }
  }
  flush();
  return open_;
}

void Exposition::header(const sentinel_family& family) {
  text("# HELP ");
  text(from_abi(family.name));
  text(" ");
  escaped(from_abi(family.help), false);
  text("\n# TYPE ");
  text(from_abi(family.name));
  text(family.kind == SENTINEL_COUNTER     ? " counter\n"
       : family.kind == SENTINEL_HISTOGRAM ? " histogram\n"
                                           : " gauge\n");
}

void Exposition::sample(const sentinel_family& family, const sentinel_series& series) {
  text(from_abi(family.name));
  labels(family, series, nullptr);
  text(" ");
  number(series.value);
  text("\n");
}

void Exposition::histogram(const sentinel_family& family, const sentinel_series& series) {
  const auto name = from_abi(family.name);
  const auto buckets = std::min(series.bucket_count, family.bound_count + 1);
  for (std::uint32_t i = 0; i < buckets; ++i) {
    const double bound = i < family.bound_count ? family.bounds[i] : std::numeric_limits<double>::infinity();
    text(name);
    text("_bucket");
    labels(family, series, &bound);
    text(" ");
    number(series.buckets[i]);
    text("\n");
  }
  text(name);
  text("_sum");
  labels(family, series, nullptr);
  text(" ");
  number(series.value);
  text("\n");
  text(name);
  text("_count");
  labels(family, series, nullptr);
  text(" ");
  number(buckets == 0 ? std::uint64_t{0} : series.buckets[buckets - 1]);
  text("\n");
}

void Exposition::labels(const sentinel_family& family, const sentinel_series& series, const double* bound) {
  if (family.label_count == 0 && bound == nullptr) return;
  for (std::uint32_t i = 0; i < family.label_count; ++i) {
    text(i == 0 ? "{" : ",");
    text(from_abi(family.label_keys[i]));
    text("=\"");
    escaped(from_abi(series.labels[i]), true);
    text("\"");
  }
  if (bound != nullptr) {
    text(family.label_count == 0 ? "{le=\"" : ",le=\"");
    number(*bound);
    text("\"");
  }
  text("}");
}

void Exposition::escaped(std::string_view value, bool quotes) {
  const std::string_view special = quotes ? "\\\n\"" : "\\\n";
  for (;;) {
    const auto at = value.find_first_of(special);
    text(value.substr(0, at));
    if (at == std::string_view::npos) return;
    text(value[at] == '\n' ? "\\n" : value[at] == '"' ? "\\\"" : "\\\\");
    value.remove_prefix(at + 1);
  }
}

void Exposition::number(double value) {
  if (std::isnan(value)) return text("NaN");
  if (std::isinf(value)) return text(value > 0 ? "+Inf" : "-Inf");
  std::array<char, 32> digits;
  // Most values are whole, and whole numbers print several times faster; up to 2^53 they are exact.
  constexpr double exact = 9007199254740992.0;
  const double size = std::fabs(value);
  const bool whole = size <= exact && value == std::trunc(value);
  // An exponent where Go's client prints one, so that a bound is the same `le` from every exporter.
  const auto format = size >= 1e-4 && size < 1e21 ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = whole ? std::to_chars(digits.begin(), digits.end(), static_cast<std::int64_t>(value))
                         : std::to_chars(digits.begin(), digits.end(), value, format);
  text({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
}

void Exposition::number(std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value);
  text({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
}

void Exposition::text(std::string_view bytes) {
  while (bytes.size() > chunk_.size() - used_) {
    const auto fits = chunk_.size() - used_;
    std::memcpy(chunk_.data() + used_, bytes.data(), fits);
    used_ += fits;
    bytes.remove_prefix(fits);
    flush();
  }
  // An empty text may have a null pointer, which memcpy must not see.
  if (bytes.empty()) return;
  std::memcpy(chunk_.data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
}

void Exposition::flush() {
  if (open_ && used_ > 0) open_ = out_->write({chunk_.data(), used_});
  used_ = 0;
}
