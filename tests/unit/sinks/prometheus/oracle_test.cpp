// prometheus-cpp, an independent writer of the format, as the judge of ours.
#include "tests/unit/sinks/prometheus/oracle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <sstream>
#include <tuple>

#include "sinks/prometheus/exposition.hpp"

namespace {

/// A line of the exposition, its numbers read: the bound of a bucket and the value.
struct Line {
  std::string text;  // with the numbers cut out
  double bound = 0;
  double value = 0;
};

double number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  EXPECT_EQ(*end, '\0') << text;
  return value;
}

Line parse(std::string text) {
  Line line;
  if (text.starts_with('#')) return {text, 0, 0};
  const auto space = text.rfind(' ');
  line.value = number(text.substr(space + 1));
  text.resize(space);
  const std::string_view le = "le=\"";
  if (const auto at = text.rfind(le); at != std::string::npos) {
    const auto end = text.find('"', at + le.size());
    line.bound = number(text.substr(at + le.size(), end - at - le.size()));
    text.erase(at, end - at);
  }
  line.text = text;
  return line;
}

/// The lines in an order of their own: prometheus-cpp writes _count and _sum before the buckets.
std::vector<Line> sorted_lines(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(parse(line));
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return std::tie(a.text, a.bound, a.value) < std::tie(b.text, b.bound, b.value);
  });
  return lines;
}

/// prometheus-cpp prints 16 significant digits, which is one too few to read every double back.
bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= 1e-15 * std::fabs(a);
}

void expect_agreement(const std::vector<FamilyData>& data) {
  const Families families(data);
  TextWriter text;
  auto writer = text.writer();
  ASSERT_TRUE(std::make_unique<Exposition>()->write(families.view(), writer));
  const auto ours = sorted_lines(text.text());
  const auto theirs = sorted_lines(prometheus_cpp_text(families.view()));
  ASSERT_EQ(ours.size(), theirs.size());
  ASSERT_FALSE(ours.empty());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(ours[i].text, theirs[i].text);
    ASSERT_TRUE(same(ours[i].bound, theirs[i].bound)) << ours[i].text;
    ASSERT_TRUE(same(ours[i].value, theirs[i].value)) << ours[i].text << " " << ours[i].value;
  }
}

TEST(Oracle, agrees_on_each_kind) {
  expect_agreement({{"a_total", "A.", SENTINEL_COUNTER, {"k", "l"}, {}, {{{"1", "2"}, 3}, {{"4", "5"}, 6.5}}},
                    {"b", "B.", SENTINEL_GAUGE, {}, {}, {{{}, -0.25}}},
                    {"c_seconds", "C.", SENTINEL_HISTOGRAM, {"k"}, {0.1, 2.5}, {{{"x"}, 7.5, {1, 2, 4}}}}});
}

TEST(Oracle, agrees_on_values_at_the_edges) {
  FamilyData family{"a", "A.", SENTINEL_GAUGE, {"n"}, {}, {}};
  for (const double value : {0.0, -0.0, 1e-300, 1e300, 5e-324, 0.1, 2.0 / 3, 1e15, 1e16, 9007199254740991.0,
                             9007199254740994.0, std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    family.series.push_back({{std::to_string(family.series.size())}, value});
  }
  expect_agreement({family});
}

TEST(Oracle, agrees_on_random_families) {
  std::mt19937_64 random(20240607);
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  const auto label = [&] {
    static constexpr std::string_view alphabet = "az09 \"\\\n{}=,\t\xc3\xa9#";
    std::string text;
    while (below(12) != 0) text += alphabet[below(alphabet.size())];
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<FamilyData> data;
    for (std::uint64_t f = 0, families = 1 + below(4); f < families; ++f) {
      FamilyData family;
      family.name = "m" + std::to_string(f);
      family.help = "Help " + std::to_string(round) + ".";
      family.kind = static_cast<sentinel_metric_kind>(1 + below(3));
      for (std::uint64_t k = below(4); k > 0; --k) family.label_keys.push_back("k" + std::to_string(k));
      if (family.kind == SENTINEL_HISTOGRAM) {
        for (std::uint64_t b = 0, bounds = below(6); b < bounds; ++b) {
          family.bounds.push_back(std::ldexp(static_cast<double>(1 + below(1000)), static_cast<int>(10 * b) - 20));
        }
      }
      for (std::uint64_t s = 1 + below(20); s > 0; --s) {
        SeriesData series;
        series.value = std::ldexp(static_cast<double>(random()), static_cast<int>(below(200)) - 100);
        for (std::size_t k = 0; k < family.label_keys.size(); ++k) series.labels.push_back(label());
        if (family.kind == SENTINEL_HISTOGRAM) {
          std::uint64_t count = 0;
          for (std::size_t b = 0; b <= family.bounds.size(); ++b) series.buckets.push_back(count += below(1000));
        }
        family.series.push_back(std::move(series));
      }
      data.push_back(std::move(family));
    }
    ASSERT_NO_FATAL_FAILURE(expect_agreement(data));
  }
}

}  // namespace
