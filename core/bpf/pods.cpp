#include "sentinel/bpf/pods.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <sentinel/text.hpp>

#include "core/bpf/directory.hpp"

namespace sentinel::bpf {
namespace {

/// Splits "<a>_<b>_<c>"; none of the three may be empty, and only the last may hold a '_'.
bool split(std::string_view name, std::array<std::string_view, 3>& out) {
  for (std::size_t i = 0; i < 2; ++i) {
    const auto at = name.find('_');
    if (at == std::string_view::npos) return false;
    out[i] = name.substr(0, at);
    name.remove_prefix(at + 1);
  }
  out[2] = name;
  return std::ranges::none_of(out, &std::string_view::empty);
}

std::string cleaned(std::string_view text) {
  std::string buffer;
  return std::string(clean(text, buffer));
}

}  // namespace

bool PodNames::may_read(std::uint64_t now_ns) const noexcept {
  return !read_ns_ || now_ns >= *read_ns_ + reread_interval_ns;
}

const Pod* PodNames::find(std::string_view uid, std::uint64_t now_ns) {
  if (uid.empty()) return nullptr;
  auto found = pods_.find(uid);
  if (found == pods_.end() && may_read(now_ns)) {
    read(now_ns);
    found = pods_.find(uid);
  }
  return found == pods_.end() ? nullptr : &found->second;
}

std::string_view PodNames::container_name(std::string_view uid, std::string_view id, std::uint64_t now_ns) {
  const auto* pod = find(uid, now_ns);
  if (pod == nullptr) return {};
  auto linked = container_names_.find(id);
  // A container begins after its pod: the link may be younger than what was read.
  if (linked == container_names_.end() && may_read(now_ns)) {
    read(now_ns);
    linked = container_names_.find(id);
    pod = find(uid, now_ns);
    if (pod == nullptr) return {};
  }
  if (linked != container_names_.end()) return linked->second;
  return pod->containers.size() == 1 ? std::string_view(pod->containers.front()) : std::string_view();
}

// Whole, so that what is gone is forgotten.
void PodNames::read(std::uint64_t now_ns) {
  read_ns_ = now_ns;
  pods_.clear();
  container_names_.clear();
  read_pods();
  read_containers();
}

void PodNames::read_pods() {
  const auto pods = open_directory(AT_FDCWD, (logs_ + "/pods").c_str());
  for_each_name(pods, [&](const dirent64& entry) {
    std::array<std::string_view, 3> parts;
    if (!split(entry.d_name, parts)) return true;
    Pod pod{cleaned(parts[0]), cleaned(parts[1]), {}};
    for_each_name(open_directory(pods.get(), entry.d_name), [&](const dirent64& container) {
      pod.containers.push_back(cleaned(container.d_name));
      return pod.containers.size() < most_containers_of_a_pod;
    });
    std::ranges::sort(pod.containers);
    pods_.insert_or_assign(std::string(parts[2]), std::move(pod));
    return pods_.size() < most_pods;
  });
}

void PodNames::read_containers() {
  constexpr std::size_t id_length = 64;
  constexpr std::string_view suffix = ".log";
  for_each_name(open_directory(AT_FDCWD, (logs_ + "/containers").c_str()), [&](const dirent64& entry) {
    std::string_view name = entry.d_name;
    if (!name.ends_with(suffix)) return true;
    name.remove_suffix(suffix.size());
    std::array<std::string_view, 3> parts;  // pod, namespace, "<container>-<id>"
    if (!split(name, parts) || parts[2].size() < id_length + 2) return true;
    const auto at = parts[2].size() - id_length;
    if (parts[2][at - 1] != '-') return true;
    container_names_.insert_or_assign(std::string(parts[2].substr(at)), cleaned(parts[2].substr(0, at - 1)));
    return container_names_.size() < most_pods * 4;
  });
}

}  // namespace sentinel::bpf
