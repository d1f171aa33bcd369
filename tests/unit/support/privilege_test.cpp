#include "tests/support/privilege.hpp"

#include <gtest/gtest.h>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>

namespace sentinel::testing {
namespace {

/// Calls it on a thread that has given up every capability.
std::optional<std::string> without_capabilities(std::optional<std::string> (*call)()) {
  std::optional<std::string> answer;
  std::thread([&] {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2] = {};
    EXPECT_EQ(::syscall(SYS_capset, &header, none), 0);
    answer = call();
  }).join();
  return answer;
}

TEST(PrivilegeTest, a_process_without_capabilities_learns_what_it_lacks) {
  const auto bpf = without_capabilities(why_no_bpf);
  ASSERT_TRUE(bpf);
  EXPECT_NE(bpf->find("CAP_BPF and CAP_PERFMON"), std::string::npos) << *bpf;
  const auto namespaces = without_capabilities(why_no_network_namespaces);
  ASSERT_TRUE(namespaces);
  EXPECT_NE(namespaces->find("CAP_SYS_ADMIN"), std::string::npos) << *namespaces;
}

TEST(PrivilegeTest, a_reason_is_given_as_long_as_nothing_changes) {
  EXPECT_EQ(why_no_bpf(), why_no_bpf());
  EXPECT_EQ(why_no_network_namespaces().has_value(), why_no_network_namespaces().has_value());
}

}  // namespace
}  // namespace sentinel::testing
