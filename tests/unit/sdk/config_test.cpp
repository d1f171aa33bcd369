#include <gtest/gtest.h>

#include <sentinel/config.hpp>
#include <stdexcept>

#include "tests/support/fake_host.hpp"

namespace sentinel {

namespace {

using testing::FakeConfig;
using namespace std::chrono_literals;

TEST(Config, ReadsEachType) {
  FakeConfig fake;
  fake.string("s", "text").path("p", "/proc").integer("i", -3).number("n", 0.5).boolean("b", true);
  fake.duration("d", 250ms).bytes("y", 1024).strings("l", {"x", ""}).integers("il", {4, 5});
  const Config config(fake.raw());
  EXPECT_EQ(config.string("s"), "text");
  EXPECT_EQ(config.path("p"), "/proc");
  EXPECT_EQ(config.integer("i"), -3);
  EXPECT_EQ(config.number("n"), 0.5);
  EXPECT_TRUE(config.boolean("b"));
  EXPECT_EQ(config.duration("d"), 250ms);
  EXPECT_EQ(config.bytes("y"), 1024U);
  EXPECT_EQ(config.strings("l"), (std::vector<std::string>{"x", ""}));
  EXPECT_EQ(config.integers("il"), (std::vector<std::int64_t>{4, 5}));
  EXPECT_TRUE(config.has("s"));
  EXPECT_FALSE(config.has("z"));
}

TEST(Config, RefusesWhatTheSchemaDoesNotSay) {
  FakeConfig fake;
  fake.string("s", "text");
  const Config config(fake.raw());
  EXPECT_THROW((void)config.integer("s"), std::logic_error);
  EXPECT_THROW((void)config.path("s"), std::logic_error);
  EXPECT_THROW((void)config.string("z"), std::logic_error);
  EXPECT_THROW((void)Config(nullptr).string("z"), std::logic_error);
}

TEST(Config, WalksByTheSizeThatItsWriterGave) {
  // An agent of a later minor: its values are longer.
  struct Later {
    sentinel_config_value value;
    std::uint64_t more;
  };
  Later values[2] = {};
  for (auto& one : values) {
    one.value.size = sizeof(Later);
    one.value.type = SENTINEL_INTEGER;
    one.more = UINT64_MAX;
  }
  values[0].value.name = to_abi("first");
  values[1].value.name = to_abi("second");
  values[1].value.integer = 2;
  const sentinel_config raw = {sizeof(sentinel_config), 2, &values[0].value};
  EXPECT_EQ(Config(&raw).integer("second"), 2);
}

TEST(Field, TravelsAsItsAbiStruct) {
  constexpr Field field = {.name = "every",
                           .type = FieldType::duration,
                           .by_default = "5s",
                           .help = "How often.",
                           .choices = "1s,5s",
                           .required = true,
                           .minimum = 1,
                           .maximum = 10};
  const sentinel_field raw = field.abi();
  EXPECT_EQ(raw.size, sizeof(sentinel_field));
  EXPECT_EQ(raw.type, static_cast<std::uint32_t>(SENTINEL_DURATION));
  EXPECT_EQ(raw.flags, SENTINEL_FIELD_REQUIRED);
  EXPECT_EQ(from_abi(raw.name), "every");
  EXPECT_EQ(from_abi(raw.help), "How often.");
  EXPECT_EQ(from_abi(raw.default_value), "5s");
  EXPECT_EQ(from_abi(raw.choices), "1s,5s");
  EXPECT_EQ(raw.minimum, 1);
  EXPECT_EQ(raw.maximum, 10);
}

}  // namespace

}  // namespace sentinel
