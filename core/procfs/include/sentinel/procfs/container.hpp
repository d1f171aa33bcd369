#pragma once

#include <cstdint>
#include <sentinel/procfs/cgroup.hpp>
#include <span>
#include <string>
#include <string_view>

namespace sentinel::procfs {

/// What runs a container, as far as the path of its cgroup tells.
enum class ContainerRuntime : std::uint8_t { unknown, docker, containerd, cri_o, podman, systemd_nspawn };

/// "docker", "containerd", "cri-o", "podman", "systemd-nspawn"; "" for unknown.
[[nodiscard]] std::string_view container_runtime_name(ContainerRuntime runtime) noexcept;

/// The container that a cgroup belongs to; empty when it belongs to none.
struct Container {
  ContainerRuntime runtime = ContainerRuntime::unknown;
  std::string id;       ///< 64 lower-case hexadecimal digits, or the name of a systemd machine
  std::string pod_uid;  ///< of Kubernetes, as its API spells it (with '-'); also without an id, in a pod's own cgroup

  [[nodiscard]] bool empty() const noexcept { return id.empty() && pod_uid.empty(); }
  friend bool operator==(const Container&, const Container&) = default;
};

/// The container in the path of a cgroup, the innermost when they are nested. It knows what Docker, containerd, CRI-O
/// and Podman write with the drivers cgroupfs ("/docker/<id>", "/kubepods/burstable/pod<uid>/<id>") and systemd
/// ("/system.slice/docker-<id>.scope", "…-pod<uid>.slice/cri-containerd-<id>.scope"), and systemd-nspawn
/// ("systemd-nspawn@<name>.service"), at any depth, so also in paths that a cgroup namespace prints as "/../../…". The
/// cgroup of a container's monitor (crio-conmon-, libpod-conmon-) is on the host and no container. Any text is safe.
[[nodiscard]] Container container_of(std::string_view cgroup_path);

/// The container of a process by all of its hierarchies: that of version 2, else of systemd's own, else of the first
/// that names one.
[[nodiscard]] Container container_of(std::span<const Cgroup> cgroups);

}  // namespace sentinel::procfs
