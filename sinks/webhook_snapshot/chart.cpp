#include "sinks/webhook_snapshot/chart.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

constexpr std::array<std::string_view, 6> colours = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf"};
constexpr double left = 90;
constexpr double right = 700;
constexpr double top = 34;
constexpr double bottom = 214;

std::string fixed(double number) {
  std::array<char, 32> text;
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.1f", number))};
}

std::string clock_time(std::int64_t unix_ns) {
  return readable_time(unix_ns).substr(11, 8);
}

std::pair<std::int64_t, std::int64_t> times_of(const Chart& chart) {
  std::int64_t from = std::numeric_limits<std::int64_t>::max();
  std::int64_t to = std::numeric_limits<std::int64_t>::min();
  for (const auto& track : chart.tracks) {
    if (track.points.empty()) continue;
    from = std::min(from, track.points.front().first);
    to = std::max(to, track.points.back().first);
  }
  return from < to ? std::pair(from, to) : std::pair(to - 1'000'000'000, to);
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text) {
  return "<text x=\"" + fixed(x) + "\" y=\"" + fixed(y) + "\" text-anchor=\"" + std::string(anchor) + "\">" +
         xml(text) + "</text>\n";
}

std::string line_at(double x1, double y1, double x2, double y2, std::string_view style) {
  return "<line x1=\"" + fixed(x1) + "\" y1=\"" + fixed(y1) + "\" x2=\"" + fixed(x2) + "\" y2=\"" + fixed(y2) + "\" " +
         std::string(style) + "/>\n";
}

}  // namespace

std::vector<std::pair<std::int64_t, double>> rate_of(const std::vector<std::pair<std::int64_t, double>>& points) {
  std::vector<std::pair<std::int64_t, double>> rates;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto seconds = static_cast<double>(points[i].first - points[i - 1].first) / 1e9;
    if (seconds <= 0) continue;
    const double step = points[i].second - points[i - 1].second;
    rates.emplace_back(points[i].first, (step < 0 ? points[i].second : step) / seconds);
  }
  return rates;
}

std::optional<double> threshold_of(std::string_view expression) {
  const auto at = expression.find_last_of("<>");
  if (at == std::string_view::npos) return std::nullopt;
  auto rest = expression.substr(at + 1);
  if (rest.starts_with('=')) rest.remove_prefix(1);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  double number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  const bool whole = end == rest.data() + rest.size() || *end == ' ' || *end == ',' || *end == ';';
  if (error != std::errc() || !whole || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::pair<double, double> range_of(const Chart& chart) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  const auto take = [&](double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const auto& track : chart.tracks) {
    for (const auto& point : track.points) take(point.second);
  }
  if (chart.threshold) take(*chart.threshold);
  if (low > high) return {0, 1};
  // Zero belongs to it unless the values are far from it, so that a quiet course does not look like a storm.
  if (low > 0 && low < 0.75 * high) low = 0;
  if (high - low < 1e-9 * std::max(std::fabs(low), std::fabs(high))) {
    const double around = std::max(std::fabs(high) * 0.1, 0.5);
    return {low >= 0 ? std::max(0.0, low - around) : low - around, high + around};
  }
  if (low == high) return {0, 1};
  return {low, high};
}

std::string sparkline(const Track& track, std::int64_t from, std::int64_t to, double low, double high,
                      std::size_t width) {
  constexpr std::array<std::string_view, 8> bars = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::vector<double> stretches(width, -std::numeric_limits<double>::infinity());
  const double span = std::max<double>(static_cast<double>(to - from), 1);
  for (const auto& [time, value] : track.points) {
    if (time < from || time > to || !std::isfinite(value)) continue;
    const auto place = static_cast<std::size_t>(static_cast<double>(time - from) / span * static_cast<double>(width));
    auto& stretch = stretches[std::min(place, width - 1)];
    stretch = std::max(stretch, value);
  }
  std::string out;
  for (const double value : stretches) {
    if (!std::isfinite(value)) {
      out += ' ';
      continue;
    }
    const double share = high > low ? (value - low) / (high - low) : 0;
    out += bars[static_cast<std::size_t>(std::clamp(share * 8, 0.0, 7.0))];
  }
  return out;
}

std::string svg(const Chart& chart) {
  const auto [from, to] = times_of(chart);
  const auto [low, high] = range_of(chart);
  const auto x = [&, first = from, last = to](std::int64_t time) {
    return left + (right - left) * static_cast<double>(time - first) / static_cast<double>(last - first);
  };
  const auto y = [&, least = low, most = high](double value) {
    return bottom - (bottom - top) * (value - least) / (most - least);
  };
  const double height = bottom + 34 + 16 * static_cast<double>(chart.tracks.size());

  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"" + fixed(height) + "\" viewBox=\"0 0 720 " +
      fixed(height) +
      "\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  out += "<g font-size=\"13\">" + text_at(left, 20, "start", chart.metric + (chart.rate ? ", increase a second" : "")) +
         "</g>";
  for (int i = 0; i <= 4; ++i) {
    const double value = low + (high - low) * i / 4;
    out += line_at(left, y(value), right, y(value), "stroke=\"#e0e0e0\"");
    out += text_at(left - 6, y(value) + 4, "end", quantity(value, chart.metric));
    const auto time = from + (to - from) / 4 * i;
    out += text_at(x(time), bottom + 16, i == 0 ? "start" : i == 4 ? "end" : "middle", clock_time(time));
  }
  if (chart.threshold) {
    out +=
        line_at(left, y(*chart.threshold), right, y(*chart.threshold), "stroke=\"#d62728\" stroke-dasharray=\"6 4\"");
    out += text_at(right, y(*chart.threshold) - 4, "end", "threshold " + quantity(*chart.threshold, chart.metric));
  }
  if (chart.fired_ns >= from && chart.fired_ns <= to) {
    out += line_at(x(chart.fired_ns), top, x(chart.fired_ns), bottom, "stroke=\"#555\" stroke-dasharray=\"2 3\"");
    out += text_at(x(chart.fired_ns) - 4, top - 4, "end", "fired");
  }
  for (std::size_t i = 0; i < chart.tracks.size(); ++i) {
    const auto colour = std::string(colours[i % colours.size()]);
    out += "<polyline fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"1.5\" points=\"";
    for (const auto& [time, value] : chart.tracks[i].points) {
      if (std::isfinite(value)) out += fixed(x(time)) + "," + fixed(y(value)) + " ";
    }
    out += "\"/>\n<g fill=\"" + colour + "\">" +
           text_at(left, bottom + 36 + 16 * static_cast<double>(i), "start", chart.tracks[i].title) + "</g>";
  }
  return out + "</svg>\n";
}

}  // namespace snapshot
