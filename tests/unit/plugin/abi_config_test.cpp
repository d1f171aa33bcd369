#include "core/plugin/abi_config.hpp"

#include <gtest/gtest.h>

#include <sentinel/config.hpp>
#include <utility>

namespace sentinel::plugin {

namespace {

using namespace std::chrono_literals;

config::ResolvedValue value(std::string name, FieldType type, std::string text = {}) {
  config::ResolvedValue out;
  out.name = std::move(name);
  out.type = type;
  out.text = std::move(text);
  return out;
}

TEST(AbiConfig, CarriesEachTypeAcross) {
  config::Resolved values = {value("string", FieldType::string, "ü"),      value("path", FieldType::path, "/proc"),
                             value("integer", FieldType::integer, "-7"),   value("number", FieldType::number, "1.5"),
                             value("boolean", FieldType::boolean, "true"), value("duration", FieldType::duration, "5s"),
                             value("bytes", FieldType::bytes, "1KiB"),     value("strings", FieldType::string_list),
                             value("integers", FieldType::integer_list),   value("empty", FieldType::string_list)};
  values[2].integer = -7;
  values[3].number = 1.5;
  values[4].integer = 1;
  values[5].integer = 5'000'000'000;
  values[6].integer = 1024;
  values[7].strings = {"a", "b"};
  values[8].integers = {1, -2, 3};
  const AbiConfig abi(std::move(values));
  const Config config(abi.raw());
  EXPECT_EQ(config.string("string"), "ü");
  EXPECT_EQ(config.path("path"), "/proc");
  EXPECT_EQ(config.integer("integer"), -7);
  EXPECT_EQ(config.number("number"), 1.5);
  EXPECT_TRUE(config.boolean("boolean"));
  EXPECT_EQ(config.duration("duration"), 5s);
  EXPECT_EQ(config.bytes("bytes"), 1024U);
  EXPECT_EQ(config.strings("strings"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.integers("integers"), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_TRUE(config.strings("empty").empty());
  EXPECT_FALSE(config.has("absent"));
}

TEST(AbiConfig, OfNothingIsEmpty) {
  const AbiConfig abi({});
  EXPECT_EQ(abi.raw()->value_count, 0U);
  EXPECT_FALSE(Config(abi.raw()).has("anything"));
}

}  // namespace

}  // namespace sentinel::plugin
