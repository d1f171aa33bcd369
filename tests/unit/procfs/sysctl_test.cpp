#include "sentinel/procfs/sysctl.hpp"

#include <gmock/gmock.h>

#include <array>

#include "tests/unit/procfs/fixture.hpp"

namespace sentinel::procfs {
namespace {

TEST(Sysctl, ReadsItsNumbers) {
  std::array<std::uint64_t, 3> numbers{};
  ASSERT_TRUE(parse_sysctl("file-nr", fixture("debian12", "sys/fs/file-nr"), numbers).ok());
  EXPECT_THAT(numbers, testing::ElementsAre(1984, 0, 402653));
  std::array<std::uint64_t, 1> one{};
  ASSERT_TRUE(parse_sysctl("x", "18446744073709551615\n", one).ok());
  EXPECT_EQ(one[0], 18446744073709551615u);
}

TEST(Sysctl, RefusesOtherNumbersOfNumbers) {
  for (const char* text :
       {"", "\n", "1 2 3", "1 2\n", "1 2 3 4\n", "1 2 -3\n", "1 2 x\n", "1 2 3\n4\n", "1 2 18446744073709551616\n"}) {
    std::array<std::uint64_t, 3> numbers{};
    const auto done = parse_sysctl("file-nr", text, numbers);
    ASSERT_FALSE(done.ok()) << text;
    EXPECT_EQ(done.error().code, Errc::invalid_argument) << text;
    EXPECT_THAT(done.error().message, testing::StartsWith("file-nr: ")) << text;
  }
}

}  // namespace
}  // namespace sentinel::procfs
