#include "core/store/metric.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sentinel/config.hpp>

namespace sentinel::store {
namespace {

using testing::HasSubstr;

/// A declaration that is good until a test breaks it.
struct Draft {
  std::vector<sentinel_string> keys;
  std::vector<double> bounds;
  sentinel_metric metric{
      sizeof(sentinel_metric), SENTINEL_GAUGE, to_abi("m"), to_abi("help"), to_abi(""), nullptr, nullptr, 0, 0};

  Result<MetricDecl> checked() {
    metric.label_keys = keys.data();
    metric.label_count = static_cast<std::uint32_t>(keys.size());
    metric.bounds = bounds.data();
    metric.bound_count = static_cast<std::uint32_t>(bounds.size());
    return checked_decl(metric);
  }
};

TEST(MetricDecl, TakesAGoodHistogram) {
  Draft draft;
  draft.metric.kind = SENTINEL_HISTOGRAM;
  draft.metric.unit = to_abi("seconds");
  draft.keys = {to_abi("collector")};
  draft.bounds = {0.1, 1};
  const auto decl = draft.checked();
  ASSERT_TRUE(decl) << decl.error().message;
  EXPECT_EQ(decl->kind, MetricKind::histogram);
  EXPECT_EQ(decl->unit, "seconds");
  EXPECT_EQ(decl->label_keys, std::vector<std::string>{"collector"});
  EXPECT_EQ(decl->bounds, (std::vector<double>{0.1, 1}));
}

TEST(MetricDecl, SaysWhatIsWrong) {
  struct Case {
    const char* says;
    void (*spoil)(Draft&);
  };
  const Case cases[] = {
      {"not of the form", [](Draft& d) { d.metric.name = to_abi("9lives"); }},
      {"not of the form", [](Draft& d) { d.metric.name = to_abi("with space"); }},
      {"not of the form", [](Draft& d) { d.metric.name = to_abi(""); }},
      {"kind is 9", [](Draft& d) { d.metric.kind = 9; }},
      {"no help", [](Draft& d) { d.metric.help = to_abi(""); }},
      {"label key 1", [](Draft& d) { d.keys = {to_abi("__name__")}; }},
      {"label key 2",
       [](Draft& d) {
         d.keys = {to_abi("a"), to_abi("b-c")};
       }},
      {"'a' is there twice",
       [](Draft& d) {
         d.keys = {to_abi("a"), to_abi("a")};
       }},
      {"more than 32", [](Draft& d) { d.keys.assign(33, to_abi("a")); }},
      {"'le'",
       [](Draft& d) {
         d.metric.kind = SENTINEL_HISTOGRAM;
         d.bounds = {1};
         d.keys = {to_abi("le")};
       }},
      {"bounds belong to a histogram", [](Draft& d) { d.bounds = {1}; }},
      {"bounds belong to a histogram", [](Draft& d) { d.metric.kind = SENTINEL_HISTOGRAM; }},
      {"not finite and ascending",
       [](Draft& d) {
         d.metric.kind = SENTINEL_HISTOGRAM;
         d.bounds = {2, 1};
       }},
      {"not finite and ascending",
       [](Draft& d) {
         d.metric.kind = SENTINEL_HISTOGRAM;
         d.bounds = {1, std::numeric_limits<double>::infinity()};
       }},
  };
  for (const auto& c : cases) {
    Draft draft;
    c.spoil(draft);
    const auto decl = draft.checked();
    ASSERT_FALSE(decl) << c.says;
    EXPECT_EQ(decl.error().code, Errc::invalid_argument);
    EXPECT_THAT(decl.error().message, HasSubstr(c.says));
  }
}

}  // namespace
}  // namespace sentinel::store
