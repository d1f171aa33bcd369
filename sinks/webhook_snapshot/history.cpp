#include "sinks/webhook_snapshot/history.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include <sentinel/config.hpp>

#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

using sentinel::from_abi;
using sentinel::Result;

constexpr std::size_t most_tracks = 6;
constexpr std::size_t most_points = 2048;

std::string series_name(const sentinel_track& track, bool with_name) {
  std::string name(with_name ? from_abi(track.metric) : std::string_view());
  for (std::uint32_t i = 0; i < track.label_count; ++i) {
    name += i == 0 ? '{' : ',';
    name.append(from_abi(track.label_keys[i])).append("=\"");
    for (const char c : from_abi(track.labels[i])) {
      if (c == '"' || c == '\\') name += '\\';
      name += c;
    }
    name += '"';
  }
  if (track.label_count > 0) name += '}';
  return name;
}

/// Whether the alert says nothing else of a label that the series has too.
bool agrees(const sentinel_track& track, const Labels& labels) {
  for (std::uint32_t i = 0; i < track.label_count; ++i) {
    const auto of_alert = value_of(labels, from_abi(track.label_keys[i]));
    if (!of_alert.empty() && of_alert != from_abi(track.labels[i])) return false;
  }
  return true;
}

void take_for_chart(const sentinel_track& track, std::int64_t offset_ns, Chart& chart) {
  if (chart.tracks.size() == most_tracks || track.sample_count == 0) return;
  Track taken;
  const auto name = series_name(track, false);
  taken.title = name.empty() ? std::string(from_abi(track.metric)) : name;
  const std::span<const sentinel_sample> samples(track.samples, track.sample_count);
  for (const auto& sample : samples.last(std::min(samples.size(), most_points))) {
    taken.points.emplace_back(static_cast<std::int64_t>(sample.time_ns) + offset_ns, sample.value);
  }
  if (chart.rate) taken.points = rate_of(taken.points);
  if (!taken.points.empty()) chart.tracks.push_back(std::move(taken));
}

/// "1715000000.125,": seconds with milliseconds.
std::string_view put_time(std::int64_t unix_ns, std::span<char> out) {
  const auto milliseconds = unix_ns / 1'000'000;
  auto* at = std::to_chars(out.data(), out.data() + out.size(), milliseconds / 1000).ptr;
  const auto rest = milliseconds % 1000;
  *at++ = '.';
  *at++ = static_cast<char>('0' + rest / 100);
  *at++ = static_cast<char>('0' + rest / 10 % 10);
  *at++ = static_cast<char>('0' + rest % 10);
  *at++ = ',';
  return {out.data(), static_cast<std::size_t>(at - out.data())};
}

}  // namespace

Result<HistoryFacts> write_history(const ReadHistory& read, std::uint64_t from_ns, std::uint64_t to_ns,
                                   std::int64_t unix_offset_ns, std::uint64_t most_bytes, const Labels& labels,
                                   Chart& chart, File& out) {
  HistoryFacts facts;
  out.append("time_unix,series,value\n");
  std::string series;
  std::string line;
  const auto done = read(from_ns, to_ns, [&](const sentinel_track& track) {
    if (track.sample_count == 0) return;
    if (from_abi(track.metric) == chart.metric && agrees(track, labels)) take_for_chart(track, unix_offset_ns, chart);
    if (facts.cut) return;
    ++facts.series;
    series.clear();
    csv_field(series, clean(series_name(track, true)));
    series += ',';
    for (std::uint64_t i = 0; i < track.sample_count; ++i) {
      if (out.bytes() >= most_bytes) {
        facts.cut = true;
        return;
      }
      // A hundred thousand of them: formatted in place, appended at once.
      const auto& sample = track.samples[i];
      std::array<char, 40> time;
      const auto stamp = put_time(static_cast<std::int64_t>(sample.time_ns) + unix_offset_ns, time);
      line.assign(stamp).append(series);
      if (std::isfinite(sample.value)) {
        std::array<char, 32> digits;
        const auto* end = std::to_chars(digits.data(), digits.data() + digits.size(), sample.value).ptr;
        line.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
      } else {
        line += exact_number(sample.value);
      }
      out.append(line += '\n');
      ++facts.samples;
    }
  });
  if (!done) return done.error();
  return facts;
}

}  // namespace snapshot
