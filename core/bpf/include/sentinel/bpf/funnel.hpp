#pragma once

#include <sentinel/bpf/funnel.h>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <sentinel/bpf/fields.hpp>
#include <sentinel/bpf/hooks.hpp>
#include <sentinel/bpf/object.hpp>
#include <sentinel/plugin.hpp>
#include <sentinel/pushdown.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::bpf {

/// What a kind of event is called where.
struct EventType {
  std::uint32_t metric = 0;  ///< from declare_metric
  std::uint32_t type = 0;    ///< in the program
  Fields fields;
};

/// Constant of a collector; all it points to lives as long as the plugin.
struct FunnelSpec {
  std::span<const std::byte> elf;  ///< of the skeleton
  std::span<const Hook> hooks;
  std::span<const std::string_view> kept_maps;  ///< its own maps that a successor goes on with
  std::uint32_t layout = 1;                     ///< moves when the events or those maps change their layout
};

struct FunnelOptions {
  std::string hooks = "auto";             ///< type of hook to use alone, or auto
  std::uint32_t ring_bytes = 512 * 1024;  ///< power of two, multiple of the page
  std::uint64_t period_ns = 100'000'000;  ///< between reads, when events are wanted
  std::uint32_t stacks = FUNNEL_STACK_SOME;
  std::uint32_t sample = 1;      ///< one event of so many is sent; none of those that are folded is left out
  std::uint32_t flags = 0;       ///< the program's
  std::uint64_t limits[4] = {};  ///< the program's
  funnel_filter filter = {};     ///< the collector's own
};

/// A group's pane, as it left the kernel.
struct Pane {
  std::uint64_t demand = 0;
  std::uint32_t event = 0;   ///< type of its events, in the program
  std::uint64_t end_ns = 0;  ///< CLOCK_BOOTTIME, itself in the pane
  std::uint64_t count = 0;
  std::uint64_t sum = 0;  ///< in the kernel's unit
  std::span<const std::uint32_t> keys;
  std::span<const funnel_value> values;  ///< of the keys

  /// The value of a field that is a key; null else.
  [[nodiscard]] const funnel_value* value(std::uint32_t field) const;
  /// Its text; empty when it is no key.
  [[nodiscard]] std::string_view text(const Fields& fields, std::uint32_t field, FieldText& buffer) const;
};

/// A BPF object as the source of a collector's events: loads and attaches it, tells it what is wanted, reads what it
/// sends and counts, and hands it over to a successor without losing an event. The program's half is funnel.bpf.h.
///
/// Life: offer()* -> restore()? -> start() -> offer, watch, read … -> save()? -> stop(). Not thread-safe.
class Funnel {
 public:
  Funnel(const FunnelSpec& spec, FunnelOptions options);
  ~Funnel();
  Funnel(const Funnel&) = delete;
  Funnel& operator=(const Funnel&) = delete;

  /// What is demanded from now on; answers each placement. Of events of other types than those of `types`, nothing.
  Result<void> offer(const Demands& demands, std::span<const EventType> types);
  /// Goes on with a predecessor's maps and hooks. Errors: those of a state that can't be gone on from: start() then
  /// begins anew, and what is seen between is a gap.
  Result<void> restore(std::string_view state);
  /// Loads, attaches, and begins. Errors: see Hooks::load().
  Result<void> start();
  /// After a drain that came to nothing: its program is the one that runs again.
  Result<void> resume();
  /// For restore() of a successor in this process: descriptors, which stay this object's. While started.
  Result<void> save(Writer& out) const;
  /// Lets go of hooks and maps.
  void stop();
  [[nodiscard]] bool started() const { return object_.has_value(); }

  /// Whether anybody wants events.
  [[nodiscard]] bool wants_events() const { return config_->demand_count > 0; }
  /// What to wait for. While started.
  [[nodiscard]] Watch watch() const;

  /// Hands the events in the ring to `take`, in order, 65,536 at most; each is valid during the call. Returns how many
  /// there were.
  std::uint64_t read_events(const std::function<void(const funnel_event&, std::size_t size)>& take);
  /// Hands over the panes that had ended at `now_ns`, or all, and forgets them.
  void read_panes(std::uint64_t now_ns, bool all, const std::function<void(const Pane&)>& take);

  /// Of all CPUs.
  [[nodiscard]] funnel_ledger ledger() const;
  /// Each takes effect at once. Exemplars, and the program's limits, need so many times as much.
  void raise_thresholds(std::uint32_t times);
  void set_sample(std::uint32_t one_in);
  /// No event is sent or folded while they are off, whatever is demanded.
  void set_events(bool on);
  /// Nothing is seen while it is detached.
  Result<void> set_attached(bool on);

  [[nodiscard]] const FunnelOptions& options() const { return options_; }
  [[nodiscard]] const Hooks& hooks() const { return *hooks_; }
  [[nodiscard]] int map_fd(std::string_view name) const { return object_ ? object_->map_fd(name) : -1; }
  /// Adds up a per-CPU value: `sum` is called with each CPU's part. False: no such entry.
  bool each_cpu(int map_fd, const void* key, std::size_t value_size,
                const std::function<void(const std::byte*)>& sum) const;
  /// The sum of a counter of 64 bits that is kept per CPU; 0: no such entry.
  [[nodiscard]] std::uint64_t count(int map_fd, std::uint32_t index) const;
  /// Calls `take` with each key of a map; once; one that comes or goes meanwhile may be missed.
  static void each_key(int map_fd, std::size_t key_size, const std::function<void(const std::byte*)>& take);
  /// A value of a map that is not per CPU. False: no such entry.
  static bool read_entry(int map_fd, const void* key, void* value);
  static Result<void> write_entry(int map_fd, const void* key, const void* value);
  /// Why restore() was in vain; empty when it was not.
  [[nodiscard]] const std::string& gap() const { return gap_; }

 private:
  struct Ring;
  /// What is to be known of a demand as long as a pane of it may lie in the map, which is longer than it is offered.
  struct FoldedDemand {
    std::uint64_t id = 0;
    std::uint32_t event = 0;
    std::vector<std::uint32_t> keys;
  };

  [[nodiscard]] const FoldedDemand* folded(std::uint64_t id) const;
  void place(const Demand& demand, const EventType& type);
  Result<void> prepare(Object& object);
  Result<void> open_wait();
  void set_timer();
  Result<void> apply();
  Result<void> begin();

  FunnelSpec spec_;
  FunnelOptions options_;
  int cpus_;
  std::unique_ptr<Hooks> hooks_;
  std::unique_ptr<funnel_config> config_;  ///< as demanded
  std::vector<FoldedDemand> folded_;
  bool events_on_ = true;
  std::uint32_t threshold_times_ = 1;
  std::uint32_t active_ = 0;
  std::vector<std::pair<std::string, procfs::UniqueFd>> inherited_;
  std::string gap_;
  std::optional<Object> object_;
  std::unique_ptr<Ring> ring_;
  procfs::UniqueFd timer_;
  procfs::UniqueFd wait_;  ///< an epoll of ring and timer
  mutable std::vector<std::byte> scratch_;
};

}  // namespace sentinel::bpf
