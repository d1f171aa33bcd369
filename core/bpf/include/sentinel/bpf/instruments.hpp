#pragma once

#include <cstdint>
#include <sentinel/batch.hpp>
#include <sentinel/bpf/budget.hpp>
#include <sentinel/bpf/funnel.hpp>
#include <sentinel/host.hpp>
#include <sentinel/plugin.hpp>
#include <string>
#include <string_view>

namespace sentinel::bpf {

/// What every eBPF collector tells of itself: the ledger of its events, which hooks it got, what it costs and what it
/// leaves out to keep within its budget. Each of its metrics carries the label `plugin`. Not thread-safe.
class Instruments {
 public:
  /// Declares the metrics; in the collector's constructor.
  Instruments(Host& host, std::string_view plugin, double budget);

  /// Adds the CPU time of the calling thread between its life's ends to what the plugin costs.
  class Timing {
   public:
    explicit Timing(Instruments& of);
    Timing(const Timing&) = delete;
    Timing& operator=(const Timing&) = delete;
    ~Timing();

   private:
    Instruments& of_;
    std::uint64_t begun_ns_;
  };

  /// Events were handed over.
  void note_read(std::uint64_t events);
  /// Tells the batch of events that were lost since it was told last.
  void tell_lost(const Funnel& funnel, Batch& batch);
  /// The metrics; and holds the funnel to the budget, which is announced in the log.
  void collect(Funnel& funnel, Batch& batch);
  /// Which hooks and which not, and why.
  void details(const Funnel& funnel, Rows& rows) const;

  /// One line of a funnel's state, and what a successor makes of it.
  [[nodiscard]] std::string save() const;
  void restore(std::string_view state);
  /// What was seen while no program ran is not counted.
  void note_gap(const std::string& why);

 private:
  void apply(Step step, Funnel& funnel);

  Host host_;
  std::string plugin_;
  Budget budget_;
  Counter<2> events_;
  Counter<1> delivered_;
  Gauge<1> in_flight_;
  Counter<1> missed_;
  Counter<1> failed_stacks_;
  Counter<1> forgotten_;
  Counter<1> reads_;
  Counter<2> cpu_seconds_;
  Gauge<1> budget_ratio_;
  Gauge<2> step_;
  Counter<1> gaps_;
  Gauge<3> hook_;
  Gauge<4> refusal_;

  std::uint64_t delivered_events_ = 0;
  std::uint64_t read_count_ = 0;
  std::uint64_t user_ns_ = 0;
  std::uint64_t gap_count_ = 0;
  std::uint64_t told_lost_ = 0;
  double spent_seconds_ = 0;  ///< in kernel and agent, as of the last collection
  std::uint64_t spent_at_ns_ = 0;
};

/// What a funnel's programs have cost: the runs that were timed stand for all.
[[nodiscard]] double kernel_seconds(const funnel_ledger& ledger);

}  // namespace sentinel::bpf
