#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <sentinel/batch.hpp>
#include <sentinel/bpf/contexts.hpp>
#include <sentinel/bpf/fields.hpp>
#include <sentinel/bpf/funnel.hpp>
#include <sentinel/bpf/instruments.hpp>
#include <sentinel/collector.hpp>
#include <sentinel/plugin.hpp>
#include <sentinel/pushdown.hpp>
#include <sentinel/result.hpp>
#include <string_view>
#include <vector>

namespace sentinel::bpf {

/// A collector of one BPF object with a funnel: its life, its waking and its state, as the runtime calls them. What is
/// left to the collector that derives from it is what its program counts and what its events and panes say.
///
/// Not thread-safe; the runtime calls a collector from one strand.
class EventCollector {
 public:
  static constexpr std::string_view capabilities[] = {"CAP_BPF", "CAP_PERFMON"};
  static constexpr std::uint32_t state_version = 1;

  EventCollector(const EventCollector&) = delete;
  EventCollector& operator=(const EventCollector&) = delete;
  virtual ~EventCollector() = default;

  Result<void> offer(const Demands& demands);
  Result<void> start();
  Result<void> resume() { return funnel_.resume(); }
  Result<void> stop();
  Result<void> save(Writer& out);
  Result<void> restore(std::uint32_t version, std::string_view state);
  Result<Watch> watch() { return funnel_.watch(); }
  Result<void> ready(Batch& batch);
  Result<void> collect(Batch& batch);
  Result<void> details(Rows& rows);

 protected:
  /// `plugin` is its name, `budget` that of its configuration (budget_of).
  EventCollector(Host& host, std::string_view plugin, const FunnelSpec& spec, FunnelOptions options, double budget);

  /// In the constructor: this event may be wanted.
  void may_send(const EventType& type) { types_.push_back(type); }

  /// After a start that succeeded: what its program is to know beside the funnel's options.
  virtual Result<void> prepare() { return {}; }
  /// What the program has counted since it began.
  virtual Result<void> add_metrics(Batch& batch) = 0;
  /// One event as a record. `size` is that in the ring, which may be more than it has.
  virtual void add_event(const funnel_event& event, std::size_t size, Batch& batch) = 0;
  /// One group's pane as a folded record.
  virtual void add_pane(const Pane& pane, Batch& batch) = 0;
  /// Tables for the status, before those of every eBPF collector.
  virtual void add_details(Rows& /*rows*/) {}

  /// CLOCK_BOOTTIME.
  [[nodiscard]] std::uint64_t now_ns() const { return static_cast<std::uint64_t>(host_.now().count()); }
  [[nodiscard]] Funnel& funnel() { return funnel_; }
  [[nodiscard]] const Funnel& funnel() const { return funnel_; }
  [[nodiscard]] Contexts& contexts() { return contexts_; }

 private:
  void prepare_contexts(bool events_wanted);

  Host host_;
  Funnel funnel_;
  Instruments instruments_;
  Contexts contexts_;
  std::vector<EventType> types_;
};

/// An event of the ring as the plugin's `Event`, which begins with a funnel_event `event` and ends with `frames`; null
/// when it is of another type, or `size` bytes are too few for its frames.
template <class Event>
[[nodiscard]] const Event* whole_event(const funnel_event& event, std::uint32_t type, std::size_t size) {
  if (event.type != type || event.frame_count > FUNNEL_FRAMES) return nullptr;
  if (size < offsetof(Event, frames) + event.frame_count * sizeof(funnel_u64)) return nullptr;
  return reinterpret_cast<const Event*>(&event);
}

/// What a pane's keys say of its records: the texts of fields, and the context. Views into this.
class PaneTexts {
 public:
  PaneTexts(const Pane& pane, const Fields& fields) : pane_(pane), fields_(fields) {}

  /// Of a field of the event; empty when it is no key.
  std::string_view operator()(std::uint32_t field);
  /// Of the keys that are fields of a context: pid with its start time, tid, ppid, cgroup_id, comm, parent_comm.
  Context context();

 private:
  std::uint64_t number(std::string_view name) const;
  std::string_view text(std::string_view name);

  const Pane& pane_;
  const Fields& fields_;
  std::array<FieldText, FUNNEL_FIELDS> room_;
};

}  // namespace sentinel::bpf
