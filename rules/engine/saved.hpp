#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/result.hpp>

#include "rules/engine/offender.hpp"

namespace sentinel::rules {

/// An offender as it outlives its process: with all that is needed to go on with it, or to resolve it when its rule is
/// gone. Every time in `offender` that is of CLOCK_BOOTTIME (`boot_ns`, `…_at_ns`) is Unix time here, which the next
/// boot shares.
struct SavedAlert {
  std::string rule;      ///< name
  std::string identity;  ///< of the rule
  std::vector<std::string> alerts_to;
  Severity severity = Severity::warning;
  Labels group;
  std::map<std::string, std::string> annotations;
  Offender offender;
};

/// JSON of at most a few hundred bytes an alert.
[[nodiscard]] std::string to_json(const std::vector<SavedAlert>& alerts);

/// Reads what to_json() wrote, or anybody else: at most 64 MiB, 100,000 alerts. Errors: invalid_argument.
[[nodiscard]] Result<std::vector<SavedAlert>> from_json(std::string_view text);

}  // namespace sentinel::rules
