#include "tests/support/privilege.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/support/capabilities.hpp"

namespace sentinel::testing {
namespace {

TEST(PrivilegeTest, a_process_without_capabilities_learns_what_it_lacks) {
  std::optional<std::string> bpf;
  std::optional<std::string> namespaces;
  without_capabilities([&] {
    bpf = why_no_bpf();
    namespaces = why_no_network_namespaces();
  });
  ASSERT_TRUE(bpf);
  EXPECT_NE(bpf->find("CAP_BPF and CAP_PERFMON"), std::string::npos) << *bpf;
  ASSERT_TRUE(namespaces);
  EXPECT_NE(namespaces->find("CAP_SYS_ADMIN"), std::string::npos) << *namespaces;
}

TEST(PrivilegeTest, a_reason_is_given_as_long_as_nothing_changes) {
  EXPECT_EQ(why_no_bpf(), why_no_bpf());
  EXPECT_EQ(why_no_network_namespaces().has_value(), why_no_network_namespaces().has_value());
}

}  // namespace
}  // namespace sentinel::testing
