#include "core/runtime/probe_task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sentinel::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ProbeTask, KeepsEveryMember) {
  ProbeTask out;
  InstanceSpec& spec = out.spec;
  spec.name = "n\"\n";
  spec.kind = Kind::sink;
  spec.file = "/no/utf-8/\xff.so";
  spec.sha256 = "0123";
  spec.every = std::chrono::nanoseconds(std::numeric_limits<std::int64_t>::max());
  spec.labels = {{"source", "host"}, {"empty", ""}};
  spec.series_limit = std::numeric_limits<std::size_t>::max();
  spec.config = {
      {"token", FieldType::string, std::string("s\xff\0\x01", 4), 0, 0, {}, {}, false},
      {"ratio", FieldType::number, "0.1", 0, 0.1234567890123456789, {}, {}, true},
      {"large", FieldType::number, "", 0, std::numeric_limits<double>::max(), {}, {}, true},
      {"least", FieldType::integer, "", std::numeric_limits<std::int64_t>::min(), 0, {}, {}, true},
      {"strings", FieldType::string_list, "a,b", 0, 0, {"a", "b", ""}, {}, false},
      {"integers", FieldType::integer_list, "", 0, 0, {}, {1, -1, std::numeric_limits<std::int64_t>::max()}, false}};
  out.agent_labels = {{"instance", "here"}};

  const auto in = read_task(task_text(out));
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in->spec.name, spec.name);
  EXPECT_EQ(in->spec.kind, spec.kind);
  EXPECT_EQ(in->spec.file, spec.file);
  EXPECT_EQ(in->spec.sha256, spec.sha256);
  EXPECT_EQ(in->spec.every, spec.every);
  EXPECT_EQ(in->spec.labels, spec.labels);
  EXPECT_EQ(in->spec.series_limit, spec.series_limit);
  EXPECT_EQ(in->spec.config, spec.config);
  EXPECT_EQ(in->agent_labels, out.agent_labels);
}

TEST(ProbeTask, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "{", "[]", "{}", R"({"name":"secret"})"}) {
    const auto task = read_task(text);
    ASSERT_FALSE(task) << text;
    EXPECT_THAT(task.error().message, Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace sentinel::runtime
