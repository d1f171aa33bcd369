#include "sentinel/procfs/container.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sentinel::procfs {
namespace {

constexpr std::size_t id_length = 64;
constexpr std::string_view deleted = " (deleted)";

constexpr bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

/// Cuts the innermost directory off the end of `path`.
std::string_view take_innermost(std::string_view& path) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  path = path.substr(0, slash == std::string_view::npos ? 0 : slash);
  return name;
}

std::string_view innermost(std::string_view path) {
  return take_innermost(path);
}

/// The 64 digits that a name ends with; empty when it does not end with exactly as many.
std::string_view trailing_id(std::string_view name) {
  std::size_t begin = name.size();
  while (begin > 0 && is_hex(name[begin - 1])) --begin;
  return name.size() - begin == id_length ? name.substr(begin) : std::string_view();
}

struct Prefix {
  std::string_view text;
  ContainerRuntime runtime;
};

// Of a scope, or of a directory: "docker-<id>.scope", "libpod-<id>", "…:cri-containerd:<id>".
constexpr auto scope_prefixes = std::to_array<Prefix>({{"docker", ContainerRuntime::docker},
                                                       {"cri-containerd", ContainerRuntime::containerd},
                                                       {"containerd", ContainerRuntime::containerd},
                                                       {"nerdctl", ContainerRuntime::containerd},
                                                       {"crio", ContainerRuntime::cri_o},
                                                       {"libpod", ContainerRuntime::podman}});

// Of the directory around "<id>" alone.
constexpr auto parents = std::to_array<Prefix>({{"docker", ContainerRuntime::docker},
                                                {"k8s.io", ContainerRuntime::containerd},
                                                {"containerd", ContainerRuntime::containerd},
                                                {"libpod_parent", ContainerRuntime::podman}});

ContainerRuntime runtime_of(std::string_view prefix, std::string_view outer) {
  if (prefix.empty()) {
    const auto* const known = std::ranges::find(parents, innermost(outer), &Prefix::text);
    return known == parents.end() ? ContainerRuntime::unknown : known->runtime;
  }
  prefix.remove_suffix(1);  // '-' or ':'
  // A driver that was given systemd's form but makes directories leaves "<slice>:<prefix>:<id>".
  if (const auto colon = prefix.rfind(':'); colon != std::string_view::npos) prefix.remove_prefix(colon + 1);
  const auto* const known = std::ranges::find(scope_prefixes, prefix, &Prefix::text);
  return known == scope_prefixes.end() ? ContainerRuntime::unknown : known->runtime;
}

/// systemd writes what may not stand in the name of a unit as "\x2d" (systemd-escape(1)).
std::string unescape_unit(std::string_view name) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  while (!name.empty()) {
    if (name.size() >= 4 && name.starts_with("\\x") && is_hex(name[2]) && is_hex(name[3])) {
      out += static_cast<char>(digit(name[2]) * 16 + digit(name[3]));
      name.remove_prefix(4);
    } else {
      out += name.front();
      name.remove_prefix(1);
    }
  }
  return out;
}

/// The machine of "systemd-nspawn@<name>.service" or "machine-<name>.scope". Virtual machines that libvirt registers
/// are scopes of that kind too, and no containers.
std::optional<std::string> machine_of(std::string_view name) {
  constexpr std::string_view service = "systemd-nspawn@";
  constexpr std::string_view scope = "machine-";
  if (name.starts_with(service) && take_suffix(name, ".service"))
    name.remove_prefix(service.size());
  else if (name.starts_with(scope) && !name.starts_with("machine-qemu") && take_suffix(name, ".scope"))
    name.remove_prefix(scope.size());
  else
    return std::nullopt;
  if (name.empty()) return std::nullopt;
  return unescape_unit(name);
}

/// Whether `name` is a container's own cgroup; fills runtime and id. `outer` is the path around it.
bool take_container(std::string_view name, std::string_view outer, Container& out) {
  if (auto machine = machine_of(name)) {
    out.runtime = ContainerRuntime::systemd_nspawn;
    out.id = std::move(*machine);
    return true;
  }
  take_suffix(name, ".scope");
  const auto id = trailing_id(name);
  if (id.empty()) return false;
  const auto prefix = name.substr(0, name.size() - id.size());
  if (!prefix.empty() && prefix.back() != '-' && prefix.back() != ':') return false;
  if (prefix.ends_with("conmon-")) return false;
  out.runtime = runtime_of(prefix, outer);
  out.id = id;
  return true;
}

/// A uid as the API gives one ("8-4-4-4-12" digits; in names of slices '_' for '-'), or of a static pod 32 digits.
bool is_pod_uid(std::string_view uid) {
  if (uid.size() == 32) return std::ranges::all_of(uid, is_hex);
  if (uid.size() != 36) return false;
  for (std::size_t i = 0; i < uid.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? uid[i] != '-' && uid[i] != '_' : !is_hex(uid[i])) return false;
  }
  return true;
}

/// The pod of "pod<uid>", "kubepods-burstable-pod<uid>.slice", also with ":cri-containerd:<id>" behind it.
std::string pod_of(std::string_view name) {
  name = name.substr(0, name.find(':'));
  take_suffix(name, ".slice");
  const auto at = name.rfind("pod");
  if (at == std::string_view::npos || (at > 0 && name[at - 1] != '-')) return {};
  const auto uid = name.substr(at + 3);
  if (!is_pod_uid(uid)) return {};
  std::string out(uid);
  std::ranges::replace(out, '_', '-');
  return out;
}

}  // namespace

std::string_view container_runtime_name(ContainerRuntime runtime) noexcept {
  constexpr std::array<std::string_view, 6> names = {"", "docker", "containerd", "cri-o", "podman", "systemd-nspawn"};
  return names[static_cast<std::size_t>(runtime)];
}

Container container_of(std::string_view cgroup_path) {
  take_suffix(cgroup_path, deleted);
  Container out;
  while (!cgroup_path.empty()) {
    const auto name = take_innermost(cgroup_path);
    if (out.id.empty()) take_container(name, cgroup_path, out);
    out.pod_uid = pod_of(name);
    if (!out.pod_uid.empty()) break;
  }
  return out;
}

Container container_of(std::span<const Cgroup> cgroups) {
  const auto rank = [](const Cgroup& group) { return group.hierarchy == 0 ? 2 : group.has("name=systemd") ? 1 : 0; };
  Container best;
  int best_rank = -1;
  for (const auto& group : cgroups) {
    auto found = container_of(group.path);
    // A pod's own cgroup says less than a container's, in whatever hierarchy.
    const int found_rank = rank(group) + (found.id.empty() ? 0 : 3);
    if (found.empty() || found_rank <= best_rank) continue;
    best = std::move(found);
    best_rank = found_rank;
  }
  return best;
}

}  // namespace sentinel::procfs
