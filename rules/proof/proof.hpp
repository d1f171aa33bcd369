#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "core/config/diagnostic.hpp"

namespace sentinel::rules {

/// A check that did not hold.
struct ProofFailure {
  config::Where where;  ///< of the check
  std::string message;  ///< several lines: what was expected, and what came
};

struct Proof {
  std::vector<config::Diagnostic> diagnostics;  ///< of the test file and its rule files; with an error nothing was run
  std::vector<ProofFailure> failures;           ///< in the file's order
  std::size_t tests = 0;
  std::size_t checks = 0;

  [[nodiscard]] bool ok() const { return failures.empty() && !config::has_errors(diagnostics); }
};

/// Runs a file of rule tests, in the manner of `promtool test rules`: made-up series and events through the very engine
/// that runs in the agent, in virtual time, and the alerts that it holds at each `eval_time` against those expected.
/// `from:` of a rule does not matter, every series reaches it. Variables are those of `env:` alone. Any thread.
///
/// Unlike in promtool a series without a sample in a collection has ended, as in the agent; a collection without any is
/// none. Texts are compared when `exp_annotations` is there, pending alerts when one is expected.
[[nodiscard]] Proof prove(const std::filesystem::path& file);

}  // namespace sentinel::rules
