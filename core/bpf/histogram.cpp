#include "sentinel/bpf/histogram.hpp"

#include <cstring>

namespace sentinel::bpf {
namespace {

constexpr std::size_t shown_every = 3;
constexpr std::size_t first_shown = 4;  // 16 us

}  // namespace

TimeHistogram read_histogram(const Funnel& funnel, int map_fd, std::uint32_t index) {
  funnel_histogram all = {};
  funnel.each_cpu(map_fd, &index, sizeof(all), [&](const std::byte* part) {
    funnel_histogram of_cpu;
    std::memcpy(&of_cpu, part, sizeof(of_cpu));
    all.sum_ns += of_cpu.sum_ns;
    for (std::size_t i = 0; i < FUNNEL_BUCKETS; ++i) all.buckets[i] += of_cpu.buckets[i];
  });
  TimeHistogram shown;
  shown.sum = static_cast<double>(all.sum_ns) / 1e9;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < FUNNEL_BUCKETS; ++i) {
    total += all.buckets[i];
    if (i < first_shown || (i - first_shown) % shown_every != 0) continue;
    const std::size_t bound = (i - first_shown) / shown_every;
    if (bound < TimeHistogram::bounds.size()) shown.counts[bound] = total;
  }
  shown.counts.back() = total;
  return shown;
}

}  // namespace sentinel::bpf
