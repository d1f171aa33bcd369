#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include <sentinel/abi.h>
#include <sentinel/config.hpp>

namespace sentinel {

/// What a collector's watch() answers: a descriptor that becomes readable when there are events (-1: none), which stays
/// the collector's, and the longest time between two calls of ready (0: no such limit).
struct Watch {
  int fd = -1;
  std::chrono::nanoseconds period{};
};

/// A condition of a consumer's filter. A view, valid during offer().
class Predicate {
 public:
  enum class Kind : std::uint32_t {
    any_of = SENTINEL_ANY_OF,
    none_of = SENTINEL_NONE_OF,
    compares = SENTINEL_COMPARES,
  };

  explicit Predicate(const sentinel_predicate& abi) : abi_(abi) {}

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(abi_.kind); }
  /// A label key of the metric or a context field; empty of kind `compares`.
  [[nodiscard]] std::string_view field() const { return from_abi(abi_.field); }
  [[nodiscard]] std::size_t size() const { return abi_.value_count; }
  [[nodiscard]] std::string_view value(std::size_t index) const { return from_abi(abi_.values[index]); }
  [[nodiscard]] sentinel_comparison comparison() const { return static_cast<sentinel_comparison>(abi_.comparison); }
  [[nodiscard]] double number() const { return abi_.number; }

 private:
  const sentinel_predicate& abi_;
};

/// What one consumer of an event type needs of it, and how the collector says to serve it. A view, valid during
/// offer().
class Demand {
 public:
  Demand(const sentinel_demand& abi, sentinel_placement& placement) : abi_(abi), placement_(placement) {}

  [[nodiscard]] std::uint32_t metric() const { return abi_.metric; }
  [[nodiscard]] std::uint64_t id() const { return abi_.id; }
  [[nodiscard]] std::string_view consumer() const { return from_abi(abi_.consumer); }
  [[nodiscard]] std::size_t size() const { return abi_.predicate_count; }
  [[nodiscard]] Predicate predicate(std::size_t index) const { return Predicate(at(abi_.predicates, index)); }
  /// Whether the predicates are the whole filter.
  [[nodiscard]] bool complete() const { return abi_.complete != 0; }
  [[nodiscard]] sentinel_fold fold() const { return static_cast<sentinel_fold>(abi_.fold); }
  [[nodiscard]] std::chrono::nanoseconds pane() const { return std::chrono::nanoseconds(abi_.pane_ns); }
  [[nodiscard]] bool has_threshold() const { return abi_.has_threshold != 0; }
  [[nodiscard]] double threshold() const { return abi_.threshold; }
  [[nodiscard]] std::size_t key_count() const { return abi_.by_count; }
  [[nodiscard]] std::string_view key(std::size_t index) const { return from_abi(abi_.by[index]); }

  /// The kernel evaluates this predicate.
  void in_kernel(std::size_t predicate) {
    if (predicate < 64) placement_.predicates |= std::uint64_t{1} << predicate;
  }
  /// The kernel fills the panes, and evaluates every predicate.
  void folds() { placement_.folds = 1; }
  /// Why the rest is left to user space; the first reason given is the one that is shown.
  void left(std::string_view reason) {
    if (placement_.reason[0] != '\0') return;
    const auto size = std::min(reason.size(), sizeof(placement_.reason) - 1);
    std::copy_n(reason.data(), size, placement_.reason);
    placement_.reason[size] = '\0';
  }

 private:
  /// Elements lie as far apart as the first one's size says: a newer agent's are longer.
  static const sentinel_predicate& at(const sentinel_predicate* first, std::size_t index) {
    return *reinterpret_cast<const sentinel_predicate*>(reinterpret_cast<const char*>(first) + index * first->size);
  }

  const sentinel_demand& abi_;
  sentinel_placement& placement_;
};

/// All that an agent offers at once. A view, valid during offer().
class Demands {
 public:
  Demands(const sentinel_demand* demands, std::uint32_t count, sentinel_placement* placements)
      : demands_(demands), placements_(placements), count_(count) {}

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] Demand operator[](std::size_t index) const {
    return {*step(demands_, index), *step(placements_, index)};
  }

 private:
  template <class T>
  static T* step(T* first, std::size_t index) {
    using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
    return reinterpret_cast<T*>(reinterpret_cast<Byte*>(first) + index * first->size);
  }

  const sentinel_demand* demands_;
  sentinel_placement* placements_;
  std::uint32_t count_;
};

}  // namespace sentinel
