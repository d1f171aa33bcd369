#pragma once

#include <sentinel/abi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace snapshot {

struct Label {
  std::string name;
  std::string value;
  friend bool operator==(const Label&, const Label&) = default;
};
using Labels = std::vector<Label>;  ///< sorted by name

/// The value of a label; empty when there is none.
[[nodiscard]] std::string_view value_of(const Labels& labels, std::string_view name);

/// Whether a posted `instance` is the host that this agent calls `ours`: the same name whatever its port, a loopback
/// address (a Prometheus beside the agent scrapes that), or none at all.
[[nodiscard]] bool names_this_host(std::string_view instance, std::string_view ours);

/// FNV-1a over names and values, each ended by 0xff, in the order of names, as Prometheus and Alertmanager call an
/// alert (prometheus/common model.LabelsToSignature).
[[nodiscard]] std::uint64_t fingerprint_of(const Labels& labels);

/// The circumstances of the event that tripped an alert.
struct Context {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint32_t ppid = 0;
  std::uint64_t start_time_ns = 0;  ///< CLOCK_BOOTTIME
  std::uint64_t cgroup_id = 0;
  std::string comm;
  std::string parent_comm;
  std::string container_id;
  std::vector<std::uint64_t> stack;  ///< innermost first
  std::string exe;
  std::string pod;
  std::vector<std::string> symbols;  ///< of the stack's frames, as many; none: not known
};

/// Who told of an alert.
enum class Origin { agent, webhook, hand };
[[nodiscard]] std::string_view to_string(Origin origin);

/// An alert that fires or was resolved, owned. Times are Unix nanoseconds unless said; 0 is none.
struct Alert {
  Origin origin = Origin::agent;
  bool firing = true;
  std::uint64_t fingerprint = 0;
  std::string name;
  std::string severity;
  Labels labels;
  Labels annotations;
  std::int64_t starts_at_ns = 0;
  std::int64_t ends_at_ns = 0;
  std::uint64_t time_ns = 0;  ///< CLOCK_BOOTTIME of what tripped it
  std::optional<double> value;
  std::uint64_t lost = 0;
  std::string metric;
  std::string expression;
  std::string reason;     ///< of a resolved one; of one by hand: why
  std::string generator;  ///< of one by webhook: the URL it says it comes from. Shown, never fetched.
  std::optional<Context> context;
};

/// A copy of what the host handed over.
[[nodiscard]] Alert copy_of(const sentinel_alert& alert);

/// The alert as the host takes it, with annotations added (or replaced). Refers to both; not to be copied.
class AbiAlert {
 public:
  AbiAlert(const Alert& alert, const Labels& more_annotations);
  AbiAlert(const AbiAlert&) = delete;
  AbiAlert& operator=(const AbiAlert&) = delete;

  [[nodiscard]] const sentinel_alert& get() const { return alert_; }

 private:
  std::vector<sentinel_label> labels_;
  std::vector<sentinel_label> annotations_;
  std::vector<sentinel_string> symbols_;
  sentinel_context context_{};
  sentinel_alert alert_{};
};

}  // namespace snapshot
