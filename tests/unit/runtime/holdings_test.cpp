#include "core/runtime/holdings.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <thread>

#include "core/plugin/fd.hpp"

namespace sentinel::runtime {
namespace {

using testing::HasSubstr;

TEST(Holdings, NamesAThreadThatIsLeft) {
  const Holdings before = holdings();
  std::atomic<bool> over = false;
  std::thread thread([&] { over.wait(false); });
  ::pthread_setname_np(thread.native_handle(), "left_behind");
  const auto left = no_thread_left(before);
  over = true;
  over.notify_all();
  thread.join();
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().message, "leaves a thread behind: left_behind");
  EXPECT_TRUE(no_thread_left(before)) << "one that ended is not left";
}

TEST(Holdings, NamesADescriptorThatIsLeft) {
  const Holdings before = holdings();
  EXPECT_TRUE(no_descriptor_left(before));
  plugin::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto left = no_descriptor_left(before);
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().message, "leaves 1 descriptor open: /dev/full (fd " + std::to_string(full.get()) + ")");
  const plugin::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto two = no_descriptor_left(before);
  ASSERT_FALSE(two);
  EXPECT_THAT(two.error().message, AllOf(HasSubstr("2 descriptors"), HasSubstr("/dev/full"), HasSubstr("/dev/null")));
}

TEST(Holdings, ANumberThatStandsForSomethingElseIsAnother) {
  const plugin::Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Holdings before = holdings();
  const plugin::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  Holdings without = holdings();
  without.descriptors[full.get()] = "/dev/zero";
  EXPECT_FALSE(no_descriptor_left(without));
  EXPECT_FALSE(no_descriptor_left(before));
}

TEST(Holdings, NamesSomeOfMany) {
  Holdings before = holdings();
  before.descriptors.clear();
  std::vector<plugin::Fd> many;
  for (int i = 0; i < 20; ++i) many.emplace_back(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto left = no_descriptor_left(before);
  ASSERT_FALSE(left);
  EXPECT_THAT(left.error().message, testing::EndsWith(", …"));
}

}  // namespace
}  // namespace sentinel::runtime
