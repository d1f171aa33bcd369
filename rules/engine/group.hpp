#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/engine/alert.hpp"
#include "rules/engine/exemplar.hpp"
#include "rules/engine/pane.hpp"
#include "rules/engine/source.hpp"

namespace sentinel::rules {

struct Group;

/// A series of samples as one window sees it.
struct Series {
  std::uint64_t handle = 0;
  const Source* source = nullptr;
  Group* group = nullptr;
  std::optional<Ring> own;       ///< of a window that joins series by an aggregation; else the group's is filled
  std::uint64_t collection = 0;  ///< of its source, that reported it last
  std::uint64_t tick_ns = 0;     ///< of its newest sample
  std::uint64_t hash = 0;        ///< of what `distinct` counts
  double last = 0;               ///< of a counter, at tick_ns
  bool has_last = false;
  bool has_grown = false;  ///< two samples in a row were seen: a rate can be told

  [[nodiscard]] bool ended() const { return source->collections != collection; }
};

/// What a window tells apart. In the order in which a record touches it.
struct Group {
  std::string key;                       ///< what tells it from others, for events more than what its labels show
  std::uint64_t newest_ns = 0;           ///< end of the newest pane with a record
  std::unique_ptr<Exemplars> exemplars;  ///< of events whose rule alerts
  std::optional<Ring> ring;
  bool has_grown = false;
  bool had_value = false;
  std::optional<double> value;                  ///< of the window that was evaluated last
  std::string shown;                            ///< its labels as people see them; see encode_labels()
  std::vector<std::unique_ptr<Series>> series;  ///< in the order in which they came
};

/// One text for a label set: names and values, each ended by a zero byte. Empty values are left out: they are absent
/// labels.
[[nodiscard]] Labels decode_labels(std::string_view shown);
void append_label(std::string& shown, std::string_view name, std::string_view value);
[[nodiscard]] std::string encode_labels(const Labels& labels);

/// The groups of a window: found by key, walked in the order in which they came.
class Groups {
 public:
  [[nodiscard]] Group* find(std::string_view key) const;
  Group& add(std::string key);
  [[nodiscard]] std::size_t size() const { return groups_.size(); }

  /// Forgets those for which `gone` holds.
  template <class Gone>
  void forget_if(Gone&& gone) {
    const auto forgotten = std::erase_if(groups_, [&](const std::unique_ptr<Group>& group) { return gone(*group); });
    if (forgotten > 0) index(slots_.size());
  }

  [[nodiscard]] auto begin() const { return groups_.begin(); }
  [[nodiscard]] auto end() const { return groups_.end(); }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    Group* group = nullptr;  // null: free
  };
  void index(std::size_t slots);
  void put(std::uint64_t hash, Group& group);

  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace sentinel::rules
