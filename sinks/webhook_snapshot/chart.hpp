#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snapshot {

/// The values of one series, oldest first.
struct Track {
  std::string title;                                    ///< its labels, or its name when it has none
  std::vector<std::pair<std::int64_t, double>> points;  ///< Unix nanoseconds, value
};

struct Chart {
  std::string metric;
  bool rate = false;  ///< values are a counter's increase a second
  std::vector<Track> tracks;
  std::optional<double> threshold;
  std::int64_t fired_ns = 0;
};

/// A counter's values as its increase a second; a step back is a reset, which counts from 0.
[[nodiscard]] std::vector<std::pair<std::int64_t, double>> rate_of(
    const std::vector<std::pair<std::int64_t, double>>& points);

/// The number behind the last comparison of an expression ("… > 80"), if it is one.
[[nodiscard]] std::optional<double> threshold_of(std::string_view expression);

/// The course of a track in `width` characters ▁▂▃▄▅▆▇█, the greatest value of each stretch; a blank where there is
/// none. `low` and `high` are what the lowest and the highest stand for.
[[nodiscard]] std::string sparkline(const Track& track, std::int64_t from, std::int64_t to, double low, double high,
                                    std::size_t width);

/// The tracks as one picture: a line each, the threshold dashed, the moment of firing marked.
[[nodiscard]] std::string svg(const Chart& chart);

/// The least and the greatest of all values, the threshold with them; a range that is not empty.
[[nodiscard]] std::pair<double, double> range_of(const Chart& chart);

}  // namespace snapshot
