#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <sentinel/abi.h>

#include "rules/engine/filter.hpp"
#include "rules/engine/grid.hpp"
#include "rules/engine/group.hpp"
#include "rules/rule.hpp"

namespace sentinel::rules {

class Window;

/// The panes of a window of events.
[[nodiscard]] Grid event_grid(const WindowSpec& spec);

/// One metric of one source as a window takes it in.
struct Feed {
  Feed(Window& to, const Source& of, const sentinel_metric& metric);

  Window& window;
  const Source& source;
  Filter filter;
  struct Key {
    std::string name;
    Field field;
  };
  std::vector<Key> by;  ///< by name
  std::optional<Field> distinct;
};

/// Records in panes, by group, and what they come to when a window ends.
///
/// What functions mean. `count` counts records; `sum`, `avg`, `min`, `max`, `last` and `quantile` are of their values
/// (of events within one pane, `last` is the one that came last);
/// `distinct` counts the different texts of a label or context field. `rate` of samples is what the counter grew by
/// between neighbouring samples of a series, each growth at the time of the later one, for all of those within the
/// window, by the second of `over` (or of the interval, where that is longer): nothing is extrapolated. A value below
/// its forerunner is a reset and grew from 0. A series' first sample, and one that comes later than both `over` and two
/// intervals after its forerunner, begin anew and add nothing. `rate` of events is their number by the second of
/// `over`.
///
/// Without an aggregation, the records of a group are one population, whatever series they are of (growth is told by
/// series all the same). With one, the function runs by series, and the values of the series that have one are joined.
/// An aggregation without `by` joins all. A series that has ended stays in windows that its samples lie in, but is no
/// `last`. A value that is no number is no record.
class Window {
 public:
  /// `spec` must outlive it, or be replaced by rebind(). `keeps_context`: of events, for an alert.
  Window(const WindowSpec& spec, bool keeps_context);
  void rebind(const WindowSpec& spec, bool keeps_context);
  [[nodiscard]] const WindowSpec& spec() const { return *spec_; }

  /// Notes that `source` feeds it with records of a kind. False: it is fed with the other kind already, and takes none.
  bool accept(const Source& source, bool events);
  /// Takes up a source's interval when it has changed. Returns whether the panes changed, which empties them.
  bool adjust();

  [[nodiscard]] bool fed() const { return kind_ != Kind::unfed; }
  [[nodiscard]] bool of_events() const { return kind_ == Kind::events; }
  [[nodiscard]] const Grid& grid() const { return grid_; }
  [[nodiscard]] const std::vector<const Source*>& sources() const { return sources_; }
  /// Whether `by` names nothing: one group, which is there from the first record on and has a value ever after.
  [[nodiscard]] bool has_one_group() const;
  /// Whether a group that has no records is worth 0.
  [[nodiscard]] bool is_zero_when_absent() const { return of_events() && is_zero_without_data(spec_->function); }

  /// The series of a record that the feed's filter lets through; null when there is no room for its group.
  Series* series(const Feed& feed, const RecordView& record);
  /// Whether a call of series() for an unknown group is in vain.
  [[nodiscard]] bool is_full() const { return groups_.size() >= spec_->groups; }
  /// A sample of it, into pane `pane`. Returns whether it was a record of this window.
  bool add(Series& series, double value, std::uint64_t tick_ns, std::uint64_t pane);
  /// An event that the feed's filter lets through, or `count` of them folded into one record. Returns false when there
  /// is no room for its group.
  bool add(const Feed& feed, const RecordView& record, std::uint64_t pane, std::uint64_t count);

  /// Sets the value of each group for the window that ends at or just before `end_ns`.
  void evaluate(std::uint64_t end_ns);
  /// Whether no record lies in that window, nor after it.
  [[nodiscard]] bool idle(std::uint64_t end_ns) const;
  /// Forgets what has ended and lies in no window any more; adds the handles of forgotten series to `forgotten`.
  void forget(std::uint64_t end_ns, std::vector<std::uint64_t>& forgotten);
  [[nodiscard]] const Groups& groups() const { return groups_; }

 private:
  enum class Kind { unfed, samples, events };

  Group* find_or_add(const Feed& feed, const RecordView& record, std::string_view key);
  [[nodiscard]] std::optional<double> pooled_value(const Group& group, std::uint64_t end);
  [[nodiscard]] std::optional<double> joined_value(const Group& group, std::uint64_t end);
  [[nodiscard]] double rate_seconds() const;
  void set_grid(const Grid& grid);

  const WindowSpec* spec_;
  bool keeps_context_;
  Kind kind_ = Kind::unfed;
  Grid grid_;
  std::vector<const Source*> sources_;
  Groups groups_;
  std::unordered_map<std::uint64_t, Series*> by_handle_;
  std::string key_;  // of the record at hand
  Ring::Fold fold_;  // of the group at hand
};

}  // namespace sentinel::rules
