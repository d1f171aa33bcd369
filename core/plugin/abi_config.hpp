#pragma once

#include <vector>

#include <sentinel/abi.h>

#include "core/config/schema.hpp"

namespace sentinel::plugin {

/// A checked configuration as create takes it; owns what the C struct points to.
class AbiConfig {
 public:
  explicit AbiConfig(config::Resolved values);
  AbiConfig(const AbiConfig&) = delete;
  AbiConfig& operator=(const AbiConfig&) = delete;

  /// Valid as long as this object.
  [[nodiscard]] const sentinel_config* raw() const { return &config_; }

 private:
  config::Resolved values_;
  std::vector<std::vector<sentinel_string>> strings_;
  std::vector<sentinel_config_value> abi_values_;
  sentinel_config config_{};
};

}  // namespace sentinel::plugin
