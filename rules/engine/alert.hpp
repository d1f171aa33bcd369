#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/abi.h>

#include "rules/rule.hpp"

namespace sentinel::rules {

using Labels = std::map<std::string, std::string, std::less<>>;

enum class AlertState { inactive, pending, firing };
[[nodiscard]] std::string_view to_string(AlertState state) noexcept;

/// The circumstances of the event that tripped an alert, owned.
struct Context {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint32_t ppid = 0;
  std::uint64_t start_time_ns = 0;
  std::uint64_t cgroup_id = 0;
  std::string comm;
  std::string parent_comm;
  std::string container_id;
  std::vector<std::uint64_t> stack;
  std::string exe;
  std::string pod;
  std::vector<std::string> symbols;  ///< of the stack's frames, as many; none: not known
};

/// FNV-1a over names and values, each ended by 0xff, in the order of names; what Alertmanager and Prometheus call it.
[[nodiscard]] std::uint64_t fingerprint(const Labels& labels) noexcept;

/// An alert of one group of a rule as it stands. Times are Unix nanoseconds, unless said.
struct Alert {
  std::shared_ptr<const Rule> rule;
  AlertState state = AlertState::inactive;
  Labels labels;  ///< alertname, severity, the rule's, the group's, the agent's
  std::uint64_t fingerprint = 0;
  std::map<std::string, std::string> annotations;
  double value = 0;
  double threshold = 0;
  std::int64_t active_since_ns = 0;        ///< its condition began to hold
  std::int64_t fired_at_ns = 0;            ///< 0: not yet
  std::int64_t resolved_at_ns = 0;         ///< of a transition to inactive
  std::string reason;                      ///< of that: "resolved", "no_data", "rule_changed"
  std::uint64_t time_ns = 0;               ///< CLOCK_BOOTTIME of what tripped or resolved it
  std::uint64_t lost = 0;                  ///< records known to be lost in its window
  std::shared_ptr<const Context> context;  ///< null for samples
  bool silent = false;                     ///< a cooldown holds back its notification; its state changes all the same
};

}  // namespace sentinel::rules
