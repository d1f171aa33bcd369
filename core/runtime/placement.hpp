#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

#include "core/runtime/agent_labels.hpp"
#include "core/runtime/instance_spec.hpp"
#include "core/runtime/pushdown.hpp"

namespace sentinel::runtime {

/// How a collector says to serve a demand: sentinel_placement, owned.
struct Placement {
  bool folds = false;
  std::uint64_t predicates = 0;  ///< bit i: the kernel evaluates predicate i
  std::string reason;            ///< why the rest is left to user space

  friend bool operator==(const Placement&, const Placement&) = default;
};

/// What a collector answers while it is created: nothing of it touches the machine.
struct Offered {
  std::vector<EventType> events;      ///< that it declares
  bool takes_offers = false;          ///< it can be told who consumes them
  std::vector<Placement> placements;  ///< one a demand, if it can
};

/// Creates a collector as `spec` configures it in a child process that takes the blow, and makes it an offer: the
/// demands name events, their numbers are looked up there. The child is `program plugin offer`, whose main calls
/// offer_main(). Blocks the calling thread; any thread. Errors: what create or offer answered; failed (it crashed);
/// timeout.
[[nodiscard]] Result<Offered> ask_placements(const InstanceSpec& spec, const AgentLabels& labels,
                                             const std::vector<Demand>& demands, const std::filesystem::path& program,
                                             std::chrono::milliseconds deadline = std::chrono::seconds(10));

/// The child's side: reads the task from standard input and writes what ask_placements() reads to standard output. Ends
/// the process without running what exit(3) does.
[[noreturn]] void offer_main() noexcept;

}  // namespace sentinel::runtime
