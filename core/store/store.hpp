#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "core/store/history.hpp"
#include "core/store/metric.hpp"
#include "core/store/view.hpp"

namespace sentinel::store {

class Producer;
class RecordBatch;

/// A series in the history: what it is, and its samples, oldest first.
struct Track {
  std::shared_ptr<const MetricInfo> metric;
  std::shared_ptr<const LabelSet> labels;
  std::vector<Sample> samples;
};

/// How full the store is.
struct StoreStats {
  std::size_t series = 0;
  std::size_t history_bytes = 0;
  /// Label sets that found their metric full and were folded into its series `other`, by instance and metric.
  std::map<std::pair<std::string, std::string>, std::uint64_t> overflow;
};

/// Which series a view shows. Its functions are called under the store's lock.
struct SeriesFilter {
  enum class Take { none, some, all };
  std::function<Take(const MetricInfo& metric)> metric;
  /// Of a metric of which it takes some.
  std::function<bool(const MetricInfo& metric, const LabelSet& labels, double value)> series;
};

/// The live series that sinks render, and the history of their last minutes. Owned by core, so that both survive a swap
/// of whoever makes or shows them. Thread-safe: one lock, held for the copy of a view or a collection.
class Store {
 public:
  explicit Store(std::size_t history_bytes);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// A new generation of `instance`. `constant` labels go on every series of it; a metric has at most `series_limit`
  /// series besides `other`. It may declare what instances that are `leaving` declared too: theirs are hidden by the
  /// time it collects. The store must outlive it.
  [[nodiscard]] std::unique_ptr<Producer> producer(std::string instance, Labels constant, std::size_t series_limit,
                                                   std::set<std::string> leaving = {});

  /// The live series of the instances that `wanted` names.
  [[nodiscard]] View view(const std::function<bool(std::string_view instance)>& wanted) const;
  /// The live series that `wanted` selects.
  [[nodiscard]] View view(const SeriesFilter& wanted) const;

  /// The samples in [from, to] of every series, live or ended, of the metrics with this name (empty: of all).
  [[nodiscard]] std::vector<Track> history(std::string_view metric, std::uint64_t from_ns, std::uint64_t to_ns) const;

  [[nodiscard]] StoreStats stats() const;

 private:
  friend class Producer;

  struct LabelHash {
    using is_transparent = void;
    std::size_t operator()(std::span<const std::string_view> values) const noexcept;
    std::size_t operator()(const std::shared_ptr<const LabelSet>& labels) const noexcept;
  };
  struct LabelEqual {
    using is_transparent = void;
    bool operator()(const std::shared_ptr<const LabelSet>& a, const std::shared_ptr<const LabelSet>& b) const noexcept;
    bool operator()(std::span<const std::string_view> a, const std::shared_ptr<const LabelSet>& b) const noexcept;
    bool operator()(const std::shared_ptr<const LabelSet>& a, std::span<const std::string_view> b) const noexcept;
  };

  struct Metric {
    MetricId id = 0;
    std::shared_ptr<const MetricInfo> info;
    std::size_t generations = 0;  // producers that declared it
    std::unordered_map<std::shared_ptr<const LabelSet>, std::uint32_t, LabelHash, LabelEqual> by_labels;
    std::vector<std::uint32_t> slots;  // in the order in which the series came
    std::uint64_t overflow = 0;
  };

  /// A place for a series; its generation tells handles of an ended series from those of the next one in the slot.
  struct Slot {
    std::uint32_t generation = 1;
    Metric* metric = nullptr;  // null: free
    std::shared_ptr<const LabelSet> labels;
    bool is_other = false;
    bool has_value = false;
    bool hidden = false;           // by Producer::hide, until its next value
    std::uint64_t collection = 0;  // in which it was reported last
    std::uint64_t time_ns = 0;
    double value = 0;
    std::vector<std::uint64_t> buckets;
  };

  /// What all generations of an instance share.
  struct Instance {
    std::uint64_t collections = 0;
    std::uint64_t failing_since_ns = 0;
    std::size_t generations = 0;
  };

  struct Retired {
    SeriesHandle handle = 0;
    std::uint64_t ended_ns = 0;
    std::shared_ptr<const MetricInfo> metric;
    std::shared_ptr<const LabelSet> labels;
  };

  using MetricKey = std::pair<std::string, std::string>;  // name, instance: the order in which a view shows them

  Result<Metric*> declare(const Producer& producer, MetricDecl decl);
  void release(Metric& metric);
  Result<void> check_against_others(const Producer& producer, const MetricDecl& decl) const;
  Result<SeriesHandle> find_or_add(Metric& metric, std::span<const std::string_view> values, std::size_t limit);
  std::uint32_t add_slot(Metric& metric, std::span<const std::string_view> values);
  [[nodiscard]] Slot* live(SeriesHandle handle);
  [[nodiscard]] SeriesHandle handle_of(std::uint32_t slot) const;
  void end_series(std::uint32_t slot, std::uint64_t now_ns);
  void end_unreported(const std::string& instance, std::uint64_t collection, std::uint64_t now_ns);
  void forget_retired();

  mutable std::mutex mutex_;
  MetricId next_metric_ = 1;
  std::multimap<MetricKey, std::unique_ptr<Metric>> metrics_;
  std::map<std::string, Instance> instances_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t newest_ns_ = 0;
  History history_;
  std::vector<Retired> retired_;
};

/// One generation of an instance as a source of series. Made by Store::producer; its metrics end with the last
/// generation that declared them, so that a successor's series go on. Thread-safe as the store is.
class Producer {
 public:
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  [[nodiscard]] const std::string& instance() const { return instance_; }
  /// Labels that go on all that it produces.
  [[nodiscard]] const Labels& constant() const { return constant_; }

  /// Errors: invalid_argument when the metric was declared before by this generation, disagrees with another instance's
  /// metric of the same name, or would produce the same series as another instance.
  Result<MetricId> declare(MetricDecl decl);

  /// The series of `metric` with these values of its declared keys. A metric that is full gives its series `other`.
  Result<SeriesHandle> series(MetricId metric, std::span<const std::string_view> values);

  /// What a record's numbers stand for. Errors: invalid_argument for an unknown metric, or an ended series.
  struct Meaning {
    std::shared_ptr<const MetricInfo> metric;
    std::shared_ptr<const LabelSet> labels;  // null for events
  };
  Result<Meaning> resolve(MetricId metric, SeriesHandle series) const;

  /// Ends a good collection: its samples become the series' values and history; a series that it lacks ends.
  void commit(const RecordBatch& batch);

  /// Ends a failed collection: series stay until two intervals after the first failure.
  void fail(std::uint64_t tick_ns, std::uint64_t every_ns);

  /// Takes the values of the series that no other generation has too out of every view, until its next collection.
  void hide();

  /// Ends this generation: its metrics are let go, and what follows is ignored. The destructor does it too.
  void end();

  [[nodiscard]] std::vector<std::shared_ptr<const MetricInfo>> declared() const;

 private:
  friend class Store;
  Producer(Store& store, std::string instance, Labels constant, std::size_t series_limit,
           std::set<std::string> leaving);

  Store& store_;
  const std::string instance_;
  const Labels constant_;
  const std::size_t series_limit_;
  const std::set<std::string> leaving_;
  std::unordered_map<MetricId, Store::Metric*> metrics_;
  bool ended_ = false;
};

}  // namespace sentinel::store
