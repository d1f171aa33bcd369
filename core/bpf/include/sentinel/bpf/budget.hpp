#pragma once

#include <cstdint>
#include <string_view>

namespace sentinel::bpf {

/// What a collector leaves out to keep within its budget, step by step.
enum class Step : std::uint8_t {
  full,          ///< nothing
  threshold_up,  ///< exemplars and limits need twice as much
  sampling,      ///< one event of 16 is sent
  events_off,    ///< none is sent; counts go on
  detached,      ///< nothing is seen
};
[[nodiscard]] std::string_view to_string(Step step);

/// Holds the CPU time of a collector, in the kernel and in the agent, to a share of one core. One step down when an
/// interval was above it, one up after ten intervals in a row below half of it; what is tried and proves too dear again
/// is tried half as often, up to every 160 intervals. Detached, nothing can be measured: then it is tried again after
/// that many. Not thread-safe.
class Budget {
 public:
  /// `share` of one core, such as 0.01; 0: without end.
  explicit Budget(double share) : share_(share) {}

  /// What an interval of `seconds` cost. True: step() has changed.
  bool spend(double cpu_seconds, double seconds);
  [[nodiscard]] Step step() const { return step_; }
  /// Share of one core that the last interval took.
  [[nodiscard]] double used() const { return used_; }
  [[nodiscard]] double share() const { return share_; }

 private:
  static constexpr std::uint32_t patience = 10;
  static constexpr std::uint32_t most_patience = 160;

  double share_;
  double used_ = 0;
  Step step_ = Step::full;
  std::uint32_t calm_ = 0;  ///< intervals in a row that were cheap
  std::uint32_t wait_ = patience;
  std::uint32_t since_up_ = most_patience;  ///< intervals since it last stepped up
};

}  // namespace sentinel::bpf
