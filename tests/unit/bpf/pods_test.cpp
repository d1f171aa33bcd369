#include "sentinel/bpf/pods.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/support/process.hpp"

namespace sentinel::bpf {
namespace {

using sentinel::testing::TempFolder;
using ::testing::ElementsAre;

const std::string uid = "2b1e6d3c-9a70-4c1d-8f52-7d3e0b6a9c41";
const std::string other_uid = "9d9d9d9d9d9d9d9d9d9d9d9d9d9d9d9d";
const std::string id(64, 'a');
const std::string other_id(64, 'b');
constexpr auto interval = PodNames::reread_interval_ns;

class PodNamesTest : public ::testing::Test {
 protected:
  void pod(const std::string& name) const { std::filesystem::create_directories(logs / "pods" / name); }
  void link(const std::string& name) const {
    std::filesystem::create_directories(logs / "containers");
    std::filesystem::create_symlink("/nowhere", logs / "containers" / name);
  }

  TempFolder logs;
  PodNames names{logs.path()};
};

TEST_F(PodNamesTest, OfTheLogDirectories) {
  pod("shop_web-7d4b9c-x2x_" + uid + "/nginx");
  pod("shop_web-7d4b9c-x2x_" + uid + "/istio-proxy");
  link("web-7d4b9c-x2x_shop_istio-proxy-" + id + ".log");
  const auto* found = names.find(uid, 0);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->space, "shop");
  EXPECT_EQ(found->name, "web-7d4b9c-x2x");
  EXPECT_THAT(found->containers, ElementsAre("istio-proxy", "nginx"));
  EXPECT_EQ(names.container_name(uid, id, 0), "istio-proxy");
  EXPECT_EQ(names.container_name(uid, other_id, 0), "") << "one of two, and nothing says which";
}

TEST_F(PodNamesTest, TheOnlyContainerNeedsNoLink) {
  pod("kube-system_etcd-node_" + other_uid + "/etcd");
  EXPECT_EQ(names.container_name(other_uid, id, 0), "etcd");
}

TEST_F(PodNamesTest, ReadsAgainForANewPodButNotAtOnce) {
  EXPECT_EQ(names.find(uid, 0), nullptr);
  pod("a_b_" + uid);
  EXPECT_EQ(names.find(uid, interval - 1), nullptr);
  ASSERT_NE(names.find(uid, interval), nullptr);
  EXPECT_EQ(names.find(uid, interval)->name, "b");
  link("b_a_late-" + id + ".log");
  EXPECT_EQ(names.container_name(uid, id, interval), "");
  EXPECT_EQ(names.container_name(uid, id, 2 * interval), "late");
}

TEST_F(PodNamesTest, APodThatIsGoneIsForgotten) {
  pod("a_b_" + uid);
  ASSERT_NE(names.find(uid, 0), nullptr);
  std::filesystem::remove_all(logs / "pods");
  EXPECT_EQ(names.find(other_uid, interval), nullptr);
  EXPECT_EQ(names.find(uid, interval), nullptr);
}

TEST_F(PodNamesTest, NamesOfAnotherFormAreLeftOut) {
  for (const auto* name : {"plain", "one_two", "__", "a__c", "_b_c"}) pod(name);
  link("x.log");
  link("a_b_" + id + ".log");
  link("a_b_c" + id + ".log");
  for (const auto* key : {"", "plain", "two", "c"}) EXPECT_EQ(names.find(key, 0), nullptr) << key;
  pod("a\n_\xff_" + uid);
  ASSERT_NE(names.find(uid, interval), nullptr);
  EXPECT_EQ(names.find(uid, interval)->space, "a\xef\xbf\xbd");
  EXPECT_EQ(names.find(uid, interval)->name, "\xef\xbf\xbd");
}

TEST_F(PodNamesTest, WhatAPodHoldsIsBounded) {
  for (std::size_t i = 0; i < 2 * PodNames::most_containers_of_a_pod; ++i) {
    pod("a_b_" + uid + "/" + std::to_string(i));
  }
  EXPECT_EQ(names.find(uid, 0)->containers.size(), PodNames::most_containers_of_a_pod);
}

}  // namespace
}  // namespace sentinel::bpf
