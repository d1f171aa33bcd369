#pragma once

#include <array>
#include <charconv>
#include <string_view>

#include <sentinel/sink.hpp>

/// Writes live series in the Prometheus text format 0.0.4 straight from the view to the writer, in chunks; allocates
/// nothing. One exposition at a time.
class Exposition {
 public:
  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

  /// HELP and TYPE stand once a name; families without series, and events, leave no trace. False when `out` took no
  /// more.
  bool write(const sentinel::SeriesView& view, sentinel::Writer& out);

 private:
  void header(const sentinel_family& family);
  void sample(const sentinel_family& family, const sentinel_series& series);
  void histogram(const sentinel_family& family, const sentinel_series& series);
  void labels(const sentinel_family& family, const sentinel_series& series, const double* bound);
  void escaped(std::string_view text, bool quotes);
  void number(double value);
  void number(std::uint64_t value);
  void text(std::string_view bytes);
  void flush();

  sentinel::Writer* out_ = nullptr;
  bool open_ = true;
  std::size_t used_ = 0;
  std::array<char, 16 * 1024> chunk_;
};
