#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rules/engine/distinct.hpp"
#include "rules/engine/grid.hpp"
#include "rules/engine/sketch.hpp"
#include "rules/rule.hpp"

namespace sentinel::rules {

/// What one pane knows of the values in it, for every function that needs no more than a number and a count.
struct Pane {
  double number = 0;        ///< sum (sum, avg), increase (rate), extreme (min, max) or newest value (last)
  std::uint64_t count = 0;  ///< of records
};

/// The panes of one series or group, newest over oldest. What lies more than `Grid::capacity` behind the newest is
/// gone. A pane's storage is used again: nothing is allocated once a window went around (but where a sketch's range
/// grows).
class Ring {
 public:
  Ring(Function function, const Grid& grid);

  /// Adds a value to pane `pane`; does nothing when that is too old for any window to come. For `rate` it is what the
  /// counter grew by, for `distinct` `hash` stands for it. `count` values may come as their sum, for the functions that
  /// need no more.
  void add(std::uint64_t pane, double value, std::uint64_t hash = 0, std::uint64_t count = 1);

  /// Number of the newest pane with a record; 0 when there was none.
  [[nodiscard]] std::uint64_t newest() const { return newest_; }
  /// Whether a record lies in the window that ends with pane `end`, or after it.
  [[nodiscard]] bool idle(std::uint64_t end) const { return newest_ + grid_.panes <= end || newest_ == 0; }

  /// What the panes of a window come to.
  struct Fold {
    Pane pane;
    Sketch sketch;
    Distinct distinct;

    void clear();
  };
  /// Adds the window that ends with pane `end` to `fold`; rings of one function may go into one fold. Returns whether
  /// a record was in it.
  bool fold(std::uint64_t end, Fold& fold) const;

 private:
  void open(std::uint64_t pane);

  Function function_;
  Grid grid_;
  std::uint64_t newest_ = 0;
  std::vector<Pane> panes_;
  std::vector<Sketch> sketches_;
  std::vector<Distinct> distincts_;
};

/// The value of a window: `seconds` is what `rate` divides by, `q` what `quantile` asks for. Nothing where there was no
/// record and nothing can be said; count, sum and rate are 0 then.
[[nodiscard]] std::optional<double> value_of(Function function, const Ring::Fold& fold, double seconds, double q);

/// Whether it has a value, 0, when there was no record.
[[nodiscard]] constexpr bool is_zero_without_data(Function function) {
  return function == Function::count || function == Function::sum || function == Function::rate;
}

}  // namespace sentinel::rules
