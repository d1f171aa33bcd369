#pragma once

#include <sentinel/bpf/funnel.h>
#include <array>
#include <cstdint>
#include <sentinel/bpf/funnel.hpp>

namespace sentinel::bpf {

/// A histogram of times that a program keeps for each CPU, as a metric shows it.
struct TimeHistogram {
  /// Upper bounds in seconds: each third of the kernel's powers of two microseconds, from 16.
  static constexpr std::array<double, 7> bounds = {16e-6, 128e-6, 1024e-6, 8192e-6, 65536e-6, 524288e-6, 4194304e-6};

  double sum = 0;                                            ///< seconds
  std::array<std::uint64_t, bounds.size() + 1> counts = {};  ///< cumulative; the last is of all

  [[nodiscard]] bool empty() const { return counts.back() == 0; }
};

/// Adds up the CPUs' parts of entry `index` of a map of funnel_histogram.
[[nodiscard]] TimeHistogram read_histogram(const Funnel& funnel, int map_fd, std::uint32_t index);

}  // namespace sentinel::bpf
