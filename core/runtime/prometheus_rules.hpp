#pragma once

#include <mutex>
#include <set>
#include <string>

#include "core/config/config.hpp"
#include "core/delivery/courier.hpp"
#include "core/runtime/chain.hpp"

namespace sentinel::runtime {

/// Keeps the rule file of a Prometheus at what this agent's rules say, and has it read again.
class PrometheusRules {
 public:
  /// `courier` outlives it.
  explicit PrometheusRules(delivery::Courier& courier) : courier_(courier) {}

  /// Writes the file when its text would change, and has the Prometheus reload until it took: then, and at the first
  /// call, since an earlier process may have been killed between the two. Blocks for one write. One thread at a time.
  void update(const config::PrometheusRules& settings, const Chain::Rules& rules, const std::set<std::string>& events);

  /// Whether the last write went well. Any thread.
  [[nodiscard]] bool written() const;

 private:
  delivery::Courier& courier_;
  std::string asked_url_;
  mutable std::mutex mutex_;
  bool written_ = true;
};

}  // namespace sentinel::runtime
