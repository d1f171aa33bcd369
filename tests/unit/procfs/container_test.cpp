#include "sentinel/procfs/container.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace sentinel::procfs {
namespace {

std::string repeated(std::string_view four) {
  std::string out;
  for (int i = 0; i < 16; ++i) out += four;
  return out;
}

const std::string outer = repeated("4f1c");
const std::string inner = repeated("0a9b");
const std::string uid = "2b1e6d3c-9a70-4c1d-8f52-7d3e0b6a9c41";

constexpr auto unknown = ContainerRuntime::unknown;
constexpr auto docker = ContainerRuntime::docker;
constexpr auto containerd = ContainerRuntime::containerd;
constexpr auto cri_o = ContainerRuntime::cri_o;
constexpr auto podman = ContainerRuntime::podman;

struct Case {
  std::string file;
  Container expected;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"docker_cgroupfs_v1", {docker, outer, ""}},
      {"docker_systemd_v2", {docker, outer, ""}},
      {"docker_in_docker_v2", {docker, inner, ""}},
      {"containerd_k8s_systemd_v2", {containerd, outer, uid}},
      {"containerd_k8s_systemd_v1", {containerd, outer, uid}},
      {"containerd_k8s_cgroupfs_v1", {unknown, outer, uid}},
      {"containerd_k8s_mixed_drivers_v2", {containerd, outer, uid}},
      {"containerd_k8s_static_pod_v2", {containerd, outer, "9d9d9d9d9d9d9d9d9d9d9d9d9d9d9d9d"}},
      {"kind_v2", {containerd, outer, uid}},
      {"crio_k8s_v2", {cri_o, outer, uid}},
      {"crio_conmon_v2", {unknown, "", uid}},
      {"podman_systemd_v2", {podman, outer, ""}},
      {"podman_conmon_v2", {}},
      {"podman_rootless_v2", {podman, outer, ""}},
      {"podman_cgroupfs_v1", {podman, outer, ""}},
      {"nspawn_v2", {ContainerRuntime::systemd_nspawn, "web-1", ""}},
      {"qemu_v2", {}},
      {"user_slice_v2", {}},
      {"namespace_v2", {containerd, outer, uid}},
      {"deleted_v2", {docker, outer, ""}},
      {"hybrid_v1_container", {docker, outer, ""}},
  };
  return all;
}

TEST(Container, OfWholeFiles) {
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.file);
    const std::ifstream file(SENTINEL_FIXTURES "/cgroup/" + c.file);
    ASSERT_TRUE(file);
    const std::string text = (std::ostringstream() << file.rdbuf()).str();
    std::vector<Cgroup> groups;
    ASSERT_TRUE(parse_cgroup(text, groups));
    const auto found = container_of(groups);
    EXPECT_EQ(found.id, c.expected.id);
    EXPECT_EQ(found.pod_uid, c.expected.pod_uid);
    EXPECT_EQ(container_runtime_name(found.runtime), container_runtime_name(c.expected.runtime));
  }
}

TEST(Container, EveryFixtureIsInTheTable) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(SENTINEL_FIXTURES "/cgroup")) {
    files.insert(entry.path().filename());
  }
  for (const auto& c : cases()) EXPECT_EQ(files.erase(c.file), 1U) << c.file;
  EXPECT_TRUE(files.empty()) << *files.begin();
}

TEST(Container, APathThatIsNearlyOneIsNone) {
  const std::string paths[] = {"",
                               "/",
                               "//",
                               "/user.slice",
                               "/docker/" + outer + "0",
                               "/docker/" + outer.substr(1),
                               "/docker/x" + outer,
                               "/docker/" + outer + ".service",
                               "/kubepods/podX/y",
                               "/tripod" + uid,
                               "/pod" + uid + "0",
                               "/systemd-nspawn@.service",
                               "/machine-.scope",
                               "machine.slice",
                               std::string("\xff\n\0/pod", 7)};
  for (const auto& path : paths) EXPECT_TRUE(container_of(path).empty()) << path;
}

TEST(Container, TheInnermostWinsAndItsPodIsTheNearest) {
  const auto nested = container_of("/kubepods/pod" + uid + "/" + outer + "/docker/" + inner + "/init.scope");
  EXPECT_EQ(nested, (Container{docker, inner, uid}));
}

TEST(Container, AContainersHierarchyIsWorthMoreThanAPods) {
  const std::string pod = "/kubepods/pod" + uid;
  const std::string whole = pod + "/" + outer;
  const std::vector<Cgroup> groups = {{4, "memory", whole}, {0, "", pod}};
  EXPECT_EQ(container_of(groups).id, outer);
}

TEST(Container, NamesOfMachinesAreUnescaped) {
  EXPECT_EQ(container_of("/machine.slice/machine-a\\x2db\\x2.scope").id, "a-b\\x2");
}

}  // namespace
}  // namespace sentinel::procfs
