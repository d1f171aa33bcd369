// Panes against a naive reference: random streams whose windows are computed from all records, one by one.
#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "tests/unit/rules/engine/rig.hpp"

namespace sentinel::rules {
namespace {

struct Record {
  std::uint64_t time_ns;
  std::string group;
  std::string series;
  double value;
};

/// The window's value from the records in (end - over, end]; `growth` is that of counters, by record.
std::optional<double> naive(const WindowText& window, const std::vector<Record>& records, const std::string& group,
                            std::uint64_t end) {
  std::vector<double> values;
  std::set<std::string> texts;
  for (const auto& record : records) {
    if (record.group != group || record.time_ns > end || record.time_ns + window.over <= end) continue;
    values.push_back(record.value);
    texts.insert(record.series);
  }
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  switch (window.fn) {
    case Function::count:
      return count;
    case Function::sum:
      return sum;
    case Function::rate:
      return count / (static_cast<double>(window.over) / 1e9);
    default:
      break;
  }
  if (values.empty()) return std::nullopt;
  switch (window.fn) {
    case Function::avg:
      return sum / count;
    case Function::min:
      return *std::min_element(values.begin(), values.end());
    case Function::max:
      return *std::max_element(values.begin(), values.end());
    case Function::last:
      return values.back();
    case Function::distinct:
      return static_cast<double>(texts.size());
    default:
      std::sort(values.begin(), values.end());
      return values[static_cast<std::size_t>(window.quantile * (count - 1))];
  }
}

struct Shape {
  std::uint64_t over;
  std::uint64_t every;
};

TEST(Properties, WindowsOfEventsAreWhatTheirRecordsSay) {
  constexpr std::array functions = {Function::count, Function::sum,      Function::rate,
                                    Function::avg,   Function::min,      Function::max,
                                    Function::last,  Function::quantile, Function::distinct};
  std::mt19937_64 random(42);
  for (const auto shape : {Shape{second, second}, Shape{3 * second, second}, Shape{2 * second, 3 * second},
                           Shape{2'500 * ms, second}, Shape{700 * ms, 300 * ms}, Shape{10 * second, 4 * second}}) {
    for (const auto function : functions) {
      const WindowText window = {.filter = "hit",
                                 .over = shape.over,
                                 .fn = function,
                                 .every = shape.every,
                                 .by = std::vector<std::string>{"group"},
                                 .quantile = 0.7,
                                 .of = "series"};
      Rig rig({{.name = "r", .windows = {window}}});
      const auto hit = rig.host.event("hit", {"group", "series"});
      std::vector<Record> records;
      std::uint64_t now = second;
      std::size_t told = 0;
      for (int i = 0; i < 300; ++i) {
        now += random() % 8 == 0 ? random() % (4 * second) : random() % (150 * ms);
        if (random() % 5 == 0) now += (100 * ms - now % (100 * ms)) % (100 * ms);  // on the bounds of panes
        rig.advance(now);
        const Record record = {now, std::string(1, static_cast<char>('a' + random() % 3)), std::to_string(random() % 9),
                               static_cast<double>(random() % 1000)};
        records.push_back(record);
        rig.event(hit, {record.group, record.series}, now, {}, record.value);
      }
      rig.advance(now + 60 * second);
      for (const auto& value : rig.out.values) {
        const auto expected = naive(window, records, value.labels.at("group"), value.time_ns);
        ASSERT_TRUE(expected.has_value()) << to_string(function) << " over " << shape.over << " every " << shape.every
                                          << " at " << value.time_ns << ": " << value.value;
        const double tolerance = function == Function::quantile ? 0.0101 * *expected : 1e-9 * std::abs(*expected);
        ASSERT_NEAR(value.value, *expected, tolerance) << to_string(function) << " at " << value.time_ns;
        ++told;
      }
      ASSERT_GT(told, 30u);
      // And nothing that has records is left untold.
      for (const auto& record : records) {
        const std::uint64_t end = (record.time_ns + shape.every - 1) / shape.every * shape.every;
        if (record.time_ns + shape.over <= end) continue;
        const auto is_its = [&](const auto& value) {
          return value.time_ns == end && value.labels.at("group") == record.group;
        };
        ASSERT_TRUE(std::any_of(rig.out.values.begin(), rig.out.values.end(), is_its)) << record.time_ns;
      }
    }
  }
}

TEST(Properties, RatesOfCountersAreTheGrowthBetweenTheirSamples) {
  std::mt19937_64 random(43);
  for (const std::uint64_t over : {5ULL, 10ULL, 15ULL, 60ULL}) {
    const WindowText window = {.filter = "c", .over = over * second, .fn = Function::rate, .agg = Aggregation::sum};
    Rig rig({{.name = "r", .windows = {window}}});
    const auto counter = rig.host.counter("c", {"cpu"});
    std::map<std::uint64_t, std::map<int, double>> samples;  // by tick and series
    std::map<int, double> values;
    for (std::uint64_t tick = 5; tick <= 500; tick += 5) {
      if (random() % 6 == 0) continue;  // the collection failed
      rig.host.begin("c", tick * second);
      for (int cpu = 0; cpu < 3; ++cpu) {
        values[cpu] =
            random() % 10 == 0 ? static_cast<double>(random() % 5) : values[cpu] + static_cast<double>(random() % 50);
        samples[tick][cpu] = values[cpu];
        rig.host.sample(counter, {std::to_string(cpu)}, values[cpu]);
      }
      rig.consume(tick * second, 5 * second);
      rig.advance(tick * second + 200 * ms);
    }
    ASSERT_GT(rig.out.values.size(), 50u);
    for (const auto& value : rig.out.values) {
      double growth = 0;
      for (auto later = std::next(samples.begin()); later != samples.end(); ++later) {
        const auto earlier = std::prev(later);
        if (later->first * second > value.time_ns || (later->first + over) * second <= value.time_ns) continue;
        if (later->first - earlier->first > std::max<std::uint64_t>(over, 10)) continue;
        for (const auto& [cpu, number] : later->second) {
          const double last = earlier->second.at(cpu);
          growth += number >= last ? number - last : number;
        }
      }
      ASSERT_NEAR(value.value, growth / static_cast<double>(over), 1e-9) << "over " << over << " at " << value.time_ns;
    }
  }
}

}  // namespace
}  // namespace sentinel::rules
