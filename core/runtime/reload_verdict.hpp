#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/runtime/plan.hpp"

namespace sentinel::runtime {

/// What a reload came to: what its log, its answer, the status and the metrics tell.
struct ReloadVerdict {
  enum class Result {
    committed,    ///< what was asked for runs
    unchanged,    ///< what runs is what was asked for
    refused,      ///< nothing was changed
    rolled_back,  ///< what entered proved bad; what left runs again
  };
  Result result = Result::unchanged;
  std::string by;      ///< "SIGHUP", "POST /-/reload", "env file"
  std::string stage;   ///< the last one that it came to: "check", "probe", "prepare", "commit", "probation"
  std::string reason;  ///< of what was refused or rolled back
  std::vector<config::Diagnostic> diagnostics;
  std::vector<Step> steps;
  std::vector<std::pair<std::string, std::string>> not_running;  ///< instance and reason
  std::vector<std::pair<std::string, double>> seconds;           ///< each stage and how long it took
  bool probation = false;                                        ///< what left stands by for now
  std::int64_t unix_ns = 0;
};

/// "committed", "unchanged", "refused", "rolled_back".
[[nodiscard]] std::string_view to_string(ReloadVerdict::Result result);

/// The answer of POST /-/reload and POST /-/plan, and `reload.last` of /api/v1/status.
[[nodiscard]] boost::json::object to_json(const ReloadVerdict& verdict);

/// Each step that changes something, and what came of them, on the log.
void tell(const ReloadVerdict& verdict);

}  // namespace sentinel::runtime
