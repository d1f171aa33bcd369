#include <sentinel/bpf/fields.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace {

using namespace sentinel::bpf;
using sentinel::Predicate;
using sentinel::to_abi;

constexpr std::string_view states[] = {"", "established", "syn_sent"};
constexpr Field table[] = {
    {.name = "state", .index = 0, .kind = FieldKind::name, .names = states},
    {.name = "daddr", .index = 1, .kind = FieldKind::address},
    {.name = "dport", .index = 2},
    {.name = "comm", .index = 3, .kind = FieldKind::comm},
    {.name = "", .index = 4, .kind = FieldKind::value, .scale = 1e9},
};
const Fields fields{table};

bool holds(const funnel_predicate& predicate, funnel_value value) {
  bool found = false;
  for (std::uint32_t i = 0; i < predicate.count; ++i) {
    const auto& [from, to] = predicate.ranges[i];
    const auto least = [](const funnel_value& a, const funnel_value& b) {
      return a.hi < b.hi || (a.hi == b.hi && a.lo <= b.lo);
    };
    found = found || (least(from, value) && least(value, to));
  }
  return found != (predicate.negate != 0);
}

std::optional<funnel_predicate> compare(sentinel_comparison comparison, double number) {
  const sentinel_predicate abi = {sizeof(sentinel_predicate), SENTINEL_COMPARES, {}, nullptr, 0, comparison, number};
  std::string_view why;
  return fields.compile(Predicate(abi), why);
}

std::optional<funnel_predicate> predicate_of(std::string_view field, std::vector<std::string> texts, std::string_view& why) {
  std::vector<sentinel_string> values;
  for (const auto& text : texts) values.push_back(to_abi(text));
  const sentinel_predicate abi = {sizeof(sentinel_predicate),
                                  SENTINEL_ANY_OF,
                                  to_abi(field),
                                  values.data(),
                                  static_cast<std::uint32_t>(values.size()),
                                  0,
                                  0};
  return fields.compile(Predicate(abi), why);
}

TEST(Fields, a_comparison_holds_of_just_the_values_that_user_space_would_take) {
  const std::uint64_t values[] = {0, 1, 49'999'999, 50'000'000, 50'000'001, 499'999'999, 500'000'000, 1ULL << 60};
  for (const double number : {-1.0, 0.0, 0.05, 0.5, 0.1 + 0.2, 1e9}) {
    for (const std::uint64_t value : values) {
      const double seconds = static_cast<double>(value) / 1e9;
      const funnel_value in_kernel{0, value};
      EXPECT_EQ(holds(*compare(SENTINEL_GREATER, number), in_kernel), seconds > number) << seconds << " > " << number;
      EXPECT_EQ(holds(*compare(SENTINEL_GREATER_OR_EQUAL, number), in_kernel), seconds >= number) << seconds;
      EXPECT_EQ(holds(*compare(SENTINEL_LESS, number), in_kernel), seconds < number) << seconds << " < " << number;
      EXPECT_EQ(holds(*compare(SENTINEL_LESS_OR_EQUAL, number), in_kernel), seconds <= number) << seconds;
      EXPECT_EQ(holds(*compare(SENTINEL_EQUAL_TO, number), in_kernel), seconds == number) << seconds;
      EXPECT_EQ(holds(*compare(SENTINEL_NOT_EQUAL_TO, number), in_kernel), seconds != number) << seconds;
    }
  }
  EXPECT_FALSE(compare(SENTINEL_GREATER, std::numeric_limits<double>::quiet_NaN()));
}

TEST(Fields, values_become_ranges) {
  std::string_view why;
  const auto states_of = predicate_of("state", {"syn_sent", "no_such_state"}, why);
  ASSERT_TRUE(states_of);
  EXPECT_EQ(states_of->count, 1U);  // of the other no event can be
  EXPECT_TRUE(holds(*states_of, {0, 2}));
  EXPECT_FALSE(holds(*states_of, {0, 1}));

  const auto port = predicate_of("dport", {"8888"}, why);
  EXPECT_TRUE(holds(*port, {0, 8888}));
  EXPECT_EQ(predicate_of("dport", {"08888"}, why)->count, 0U);  // labels are compared as texts

  EXPECT_FALSE(predicate_of("saddr", {"10.0.0.1"}, why));
  EXPECT_THAT(std::string(why), ::testing::HasSubstr("does not know this field"));
  EXPECT_FALSE(predicate_of("comm", {""}, why));
}

TEST(Fields, texts_come_back_as_they_went) {
  FieldText text;
  for (const char* address : {"10.0.0.1", "255.255.255.255", "::1", "2001:db8::8a2e:370:7334"}) {
    const auto value = parse_value(table[1], address);
    ASSERT_TRUE(value) << address;
    EXPECT_EQ(to_text(table[1], *value, text), address);
  }
  for (const char* comm : {"a", "curl", "fifteen_bytes_1"}) {
    EXPECT_EQ(to_text(table[3], *parse_value(table[3], comm), text), comm);
  }
  EXPECT_FALSE(parse_value(table[3], "sixteen_bytes_12"));
  EXPECT_EQ(to_text(table[2], {0, 65535}, text), "65535");
  EXPECT_EQ(to_text(table[0], {0, 99}, text), "");
}

TEST(Fields, prefixes) {
  const auto inside = [](std::string_view prefix, std::string_view address) {
    const auto range = parse_prefix(prefix);
    EXPECT_TRUE(range) << prefix;
    funnel_predicate predicate = {0, FUNNEL_NO_FIELD, 0, 1, {}};
    predicate.ranges[0] = *range;
    return holds(predicate, *parse_value(table[1], address));
  };
  EXPECT_TRUE(inside("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(inside("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(inside("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(inside("10.1.2.3", "10.1.2.4"));
  EXPECT_TRUE(inside("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(inside("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(inside("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(inside("2001:db8::/32", "2001:db9::1"));
  EXPECT_TRUE(inside("2001:db8::4/127", "2001:db8::5"));
  EXPECT_TRUE(inside("::/0", "192.0.2.1"));
  for (const char* wrong : {"", "10.0.0/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/8x", "host"}) {
    EXPECT_FALSE(parse_prefix(wrong)) << wrong;
  }
}

}  // namespace
