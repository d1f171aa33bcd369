#include "sinks/prometheus/exposition.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <memory>

#include "tests/unit/sinks/prometheus/families.hpp"

namespace {

std::string exposed(const std::vector<FamilyData>& data) {
  const Families families(data);
  TextWriter text;
  auto writer = text.writer();
  const auto exposition = std::make_unique<Exposition>();
  EXPECT_TRUE(exposition->write(families.view(), writer));
  return text.text();
}

std::string value_line(double value) {
  const auto text = exposed({{"x", "h", SENTINEL_GAUGE, {}, {}, {{{}, value}}}});
  return text.substr(text.rfind('\n', text.size() - 2) + 1);
}

TEST(Exposition, writes_help_type_and_series) {
  EXPECT_EQ(exposed({{"sentinel_a_total",
                      "First.",
                      SENTINEL_COUNTER,
                      {"mode", "cpu"},
                      {},
                      {{{"user", "0"}, 1.5}, {{"idle", "1"}, 2}}},
                     {"sentinel_b", "Second.", SENTINEL_GAUGE, {}, {}, {{{}, -3}}}}),
            "# HELP sentinel_a_total First.\n"
            "# TYPE sentinel_a_total counter\n"
            "sentinel_a_total{mode=\"user\",cpu=\"0\"} 1.5\n"
            "sentinel_a_total{mode=\"idle\",cpu=\"1\"} 2\n"
            "# HELP sentinel_b Second.\n"
            "# TYPE sentinel_b gauge\n"
            "sentinel_b -3\n");
}

TEST(Exposition, describes_a_name_once_though_several_instances_share_it) {
  EXPECT_EQ(exposed({{"a", "Shared.", SENTINEL_GAUGE, {"host"}, {}, {}},
                     {"a", "Shared.", SENTINEL_GAUGE, {"host"}, {}, {{{"x"}, 1}}},
                     {"a", "Shared.", SENTINEL_GAUGE, {"host"}, {}, {{{"y"}, 2}}}}),
            "# HELP a Shared.\n# TYPE a gauge\na{host=\"x\"} 1\na{host=\"y\"} 2\n");
}

TEST(Exposition, leaves_out_families_without_series_and_events) {
  EXPECT_EQ(exposed({{"a", "Empty.", SENTINEL_GAUGE, {}, {}, {}}, {"b", "Event.", SENTINEL_EVENT, {}, {}, {{{}, 1}}}}),
            "");
  EXPECT_EQ(exposed({}), "");
}

TEST(Exposition, writes_a_histogram_with_cumulative_buckets) {
  EXPECT_EQ(exposed({{"h_seconds", "H.", SENTINEL_HISTOGRAM, {"op"}, {0.005, 1}, {{{"r"}, 3.25, {1, 4, 5}}}}}),
            "# HELP h_seconds H.\n"
            "# TYPE h_seconds histogram\n"
            "h_seconds_bucket{op=\"r\",le=\"0.005\"} 1\n"
            "h_seconds_bucket{op=\"r\",le=\"1\"} 4\n"
            "h_seconds_bucket{op=\"r\",le=\"+Inf\"} 5\n"
            "h_seconds_sum{op=\"r\"} 3.25\n"
            "h_seconds_count{op=\"r\"} 5\n");
  EXPECT_EQ(exposed({{"h", "H.", SENTINEL_HISTOGRAM, {}, {}, {{{}, 0, {7}}}}}),
            "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 7\nh_sum 0\nh_count 7\n");
}

TEST(Exposition, reads_no_bucket_that_a_family_does_not_have) {
  EXPECT_EQ(exposed({{"h", "H.", SENTINEL_HISTOGRAM, {}, {1}, {{{}, 2, {1, 2, 9, 9}}}}}),
            "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 2\nh_count 2\n");
  EXPECT_EQ(exposed({{"h", "H.", SENTINEL_HISTOGRAM, {}, {1}, {{{}, 2, {}}}}}),
            "# HELP h H.\n# TYPE h histogram\nh_sum 2\nh_count 0\n");
}

TEST(Exposition, escapes_label_values_and_help) {
  EXPECT_EQ(exposed({{"a", "A \"b\" \\ c\nd", SENTINEL_GAUGE, {"k"}, {}, {{{"q\" b\\ n\n"}, 1}, {{""}, 2}}}}),
            "# HELP a A \"b\" \\\\ c\\nd\n"
            "# TYPE a gauge\n"
            "a{k=\"q\\\" b\\\\ n\\n\"} 1\n"
            "a{k=\"\"} 2\n");
}

TEST(Exposition, writes_every_double_so_that_it_reads_back_the_same) {
  EXPECT_EQ(value_line(0), "x 0\n");
  EXPECT_EQ(value_line(16777216000.0), "x 16777216000\n");
  EXPECT_EQ(value_line(0.1), "x 0.1\n");
  EXPECT_EQ(value_line(std::numeric_limits<double>::quiet_NaN()), "x NaN\n");
  EXPECT_EQ(value_line(std::numeric_limits<double>::infinity()), "x +Inf\n");
  EXPECT_EQ(value_line(-std::numeric_limits<double>::infinity()), "x -Inf\n");
  for (const double value : {1.0 / 3, 9007199254740993.0, -9007199254740992.0, 18446744073709551615.0, 5e-324,
                             std::numeric_limits<double>::max(), -1234.5678e-30}) {
    const auto line = value_line(value);
    EXPECT_EQ(std::strtod(line.c_str() + 2, nullptr), value) << line;
  }
}

TEST(Exposition, has_an_exponent_where_other_exporters_have_one) {
  EXPECT_EQ(value_line(0.0005), "x 0.0005\n");
  EXPECT_EQ(value_line(-0.0001), "x -0.0001\n");
  EXPECT_EQ(value_line(0.00005), "x 5e-05\n");
  EXPECT_EQ(value_line(2e20), "x 200000000000000000000\n");
  EXPECT_EQ(value_line(1e21), "x 1e+21\n");
}

TEST(Exposition, passes_chunk_borders_at_every_offset) {
  for (std::size_t size = 16 * 1024 - 64; size < 16 * 1024 + 64; ++size) {
    const std::string value(size, 'v');
    EXPECT_EQ(exposed({{"a", "A.", SENTINEL_GAUGE, {"k"}, {}, {{{value}, 1}, {{"z"}, 2}}}}),
              "# HELP a A.\n# TYPE a gauge\na{k=\"" + value + "\"} 1\na{k=\"z\"} 2\n");
  }
  const std::string huge(100'000, 'v');
  EXPECT_EQ(exposed({{"a", huge, SENTINEL_GAUGE, {}, {}, {{{}, 1}}}}), "# HELP a " + huge + "\n# TYPE a gauge\na 1\n");
}

TEST(Exposition, stops_when_the_writer_takes_no_more_and_starts_afresh) {
  FamilyData family{"a", "A.", SENTINEL_GAUGE, {"k"}, {}, {}};
  for (int i = 0; i < 100'000; ++i) family.series.push_back({{std::to_string(i)}, 1});
  const std::vector<FamilyData> data{family};
  const Families families(data);
  const auto exposition = std::make_unique<Exposition>();

  TextWriter closed(20'000);
  auto writer = closed.writer();
  EXPECT_FALSE(exposition->write(families.view(), writer));
  EXPECT_EQ(closed.calls(), 2) << "a writer that refused is not asked again";

  TextWriter open;
  auto again = open.writer();
  EXPECT_TRUE(exposition->write(families.view(), again));
  EXPECT_TRUE(open.text().starts_with("# HELP a A.\n"));
  EXPECT_TRUE(open.text().ends_with("a{k=\"99999\"} 1\n"));
}

}  // namespace
