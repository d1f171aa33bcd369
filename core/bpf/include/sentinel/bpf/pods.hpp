#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sentinel::bpf {

/// What Kubernetes calls a pod; texts are clean (see <sentinel/text.hpp>).
struct Pod {
  std::string space;  ///< its namespace
  std::string name;
  std::vector<std::string> containers;  ///< names of its containers, sorted
};

/// Names of the pods of this host by their uid, and of containers by their id, from the directories that the kubelet
/// keeps their logs in; its API is not asked. Beneath `logs` (/var/log) they are `pods/<namespace>_<name>_<uid>/
/// <container>/` and the links `containers/<pod>_<namespace>_<container>-<id>.log` (kubernetes
/// pkg/kubelet/kuberuntime/helpers.go BuildPodLogsDirectory, legacy.go legacyLogSymlink). No such directories: no pods.
/// Not thread-safe.
class PodNames {
 public:
  static constexpr std::size_t most_pods = 4096;
  static constexpr std::size_t most_containers_of_a_pod = 64;
  /// What is not known makes the directories be read again, but not sooner than this after the last time.
  static constexpr std::uint64_t reread_interval_ns = 5'000'000'000;

  explicit PodNames(std::string logs = "/var/log") : logs_(std::move(logs)) {}

  /// The pod of that uid; null when none is known. Valid until the next call. `now_ns` is CLOCK_BOOTTIME.
  const Pod* find(std::string_view uid, std::uint64_t now_ns);

  /// The name of container `id` of a pod: by its link, or as the pod's only one; empty when neither tells. Valid until
  /// the next call.
  std::string_view container_name(std::string_view uid, std::string_view id, std::uint64_t now_ns);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };
  template <class Value>
  using ByText = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  [[nodiscard]] bool may_read(std::uint64_t now_ns) const noexcept;
  void read(std::uint64_t now_ns);
  void read_pods();
  void read_containers();

  std::string logs_;
  ByText<Pod> pods_;                     ///< by uid
  ByText<std::string> container_names_;  ///< by container id
  std::optional<std::uint64_t> read_ns_;
};

}  // namespace sentinel::bpf
