#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace sentinel::rules {

/// Records that a collector lost, by time; bounded: the oldest are told as if they had been lost a little later.
class LossLog {
 public:
  /// Lost in (time_ns - spread_ns, time_ns]; nobody knows when in between.
  void add(std::uint64_t count, std::uint64_t time_ns, std::uint64_t spread_ns = 1);
  /// Those that may lie in (from_ns, to_ns].
  [[nodiscard]] std::uint64_t between(std::uint64_t from_ns, std::uint64_t to_ns) const;

 private:
  struct Loss {
    std::uint64_t time_ns;
    std::uint64_t count;
    std::uint64_t spread_ns;
  };
  std::deque<Loss> losses_;  // by time
};

/// A collector as the chain knows it.
struct Source {
  std::string name;
  std::uint64_t every_ns = 0;     ///< of its newest collection with an interval
  std::uint64_t collections = 0;  ///< good ones with an interval: a series that the newest lacks has ended
  LossLog lost;
};

}  // namespace sentinel::rules
