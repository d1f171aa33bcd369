#pragma once

#include <sentinel/config.hpp>
#include <utility>
#include <vector>

#include <sentinel/abi.h>

#include "core/config/config.hpp"

namespace sentinel::runtime {

/// The labels that the agent puts on each alert, as plugins see them. Immutable; outlives every instance.
class AgentLabels {
 public:
  explicit AgentLabels(config::Labels labels) : labels_(std::move(labels)) {
    for (const auto& [name, value] : labels_) abi_.push_back({to_abi(name), to_abi(value)});
  }
  AgentLabels(const AgentLabels&) = delete;
  AgentLabels& operator=(const AgentLabels&) = delete;

  [[nodiscard]] const config::Labels& labels() const { return labels_; }
  [[nodiscard]] const std::vector<sentinel_label>& abi() const { return abi_; }

 private:
  const config::Labels labels_;
  std::vector<sentinel_label> abi_;
};

}  // namespace sentinel::runtime
