#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <sentinel/collector.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sentinel::testing {

/// What happened, as a kernel would see it.
struct Hit {
  std::uint64_t time_ns = 0;
  double value = 1;
  std::uint32_t pid = 0;
  std::uint64_t start_time_ns = 0;
  std::string comm;
  std::string state;  ///< the event's label
  std::uint32_t cpu = 0;
};

/// Plays in user space what an eBPF program does with the demands on its event: drops what nobody wants, fills panes by
/// group and CPU, and sends one event with its stack when a group on one CPU reaches its share of the threshold.
///
/// An event goes one of two ways: whole, and then to every consumer, or into the panes of all that have it folded.
class ToyKernel {
 public:
  enum class Placement { user, kernel };

  struct Ledger {
    std::uint64_t seen = 0;
    std::uint64_t filtered = 0;
    std::uint64_t folded = 0;     // events in panes
    std::uint64_t submitted = 0;  // events sent by themselves
  };

  ToyKernel(Placement placement, std::uint32_t cpus) : placement_(placement), cpus_(cpus) {}

  Result<void> offer(const Demands& demands) {
    std::map<std::uint64_t, Consumer> next;
    for (std::size_t i = 0; i < demands.size(); ++i) {
      Demand demand = demands[i];
      Consumer consumer = plan(demand);
      if (const auto found = consumers_.find(demand.id()); found != consumers_.end()) {
        consumer.panes = std::move(found->second.panes);
        consumer.exemplars = std::move(found->second.exemplars);
      }
      next.emplace(demand.id(), std::move(consumer));
    }
    consumers_ = std::move(next);
    return {};
  }

  void submit(const Hit& hit) {
    ++ledger_.seen;
    const auto wants = [&](const auto& entry) { return entry.second.matches(hit); };
    if (std::none_of(consumers_.begin(), consumers_.end(), wants)) {
      ++ledger_.filtered;
      return;
    }
    const auto wants_whole = [&](const auto& entry) { return !entry.second.folds && entry.second.matches(hit); };
    if (std::any_of(consumers_.begin(), consumers_.end(), wants_whole)) {
      ++ledger_.submitted;
      ring_.push_back(hit);
      return;
    }
    for (auto& [id, consumer] : consumers_) {
      if (consumer.matches(hit)) consumer.fold(hit);
    }
    ++ledger_.folded;
  }

  /// Adds what there is to a batch; of panes that are not over, what they hold so far, if `open_too`.
  void hand_over(Batch& batch, Event<1> event, std::uint64_t now_ns, bool open_too) {
    constexpr std::uint64_t stack[] = {0xffffffff81000010, 0xffffffff81000020};
    const sentinel_string symbols[] = {to_abi("tcp_toy+0x10"), to_abi("entry_toy+0x20")};
    const auto whole = [&](const Hit& hit) {
      return Context{.pid = hit.pid,
                     .start_time_ns = hit.start_time_ns,
                     .comm = hit.comm,
                     .stack = stack,
                     .exe = "/usr/bin/toy",
                     .symbols = symbols};
    };
    for (const auto& hit : ring_) {
      batch.add(event, std::chrono::nanoseconds(hit.time_ns), hit.value, whole(hit), {hit.state});
    }
    ring_.clear();
    for (auto& [id, consumer] : consumers_) {
      for (const auto& hit : consumer.exemplars) {
        batch.add_folded(event, std::chrono::nanoseconds(hit.time_ns), id, 1, hit.value, whole(hit), {hit.state});
      }
      consumer.exemplars.clear();
      const std::uint64_t current = open_too ? UINT64_MAX : (now_ns == 0 ? 0 : now_ns / consumer.pane_or_one());
      for (auto pane = consumer.panes.begin(); pane != consumer.panes.end();) {
        if (pane->first >= current) {
          ++pane;
          continue;
        }
        for (const auto& [key, group] : pane->second) {
          std::uint64_t count = 0;
          double sum = 0;
          for (const auto& [cpu, part] : group.cpus) {
            count += part.count;
            sum += part.sum;
          }
          if (count == 0) continue;
          const Hit& hit = group.keys;
          const Context context = {.pid = hit.pid, .start_time_ns = hit.start_time_ns, .comm = hit.comm};
          batch.add_folded(event, std::chrono::nanoseconds(group.time_ns), id, count, sum, context, {hit.state});
        }
        pane = consumer.panes.erase(pane);
      }
    }
  }

  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] std::size_t consumers() const { return consumers_.size(); }
  [[nodiscard]] bool idle() const {
    return ring_.empty() && std::all_of(consumers_.begin(), consumers_.end(), [](const auto& entry) {
             return entry.second.panes.empty() && entry.second.exemplars.empty();
           });
  }

 private:
  struct Condition {
    Predicate::Kind kind;
    std::string field;
    std::vector<std::string> values;
    sentinel_comparison comparison;
    double number;

    [[nodiscard]] bool holds(const Hit& hit) const {
      if (kind == Predicate::Kind::compares) return compares(hit.value);
      const std::string text = text_of(hit, field);
      const bool any = std::find(values.begin(), values.end(), text) != values.end();
      return any == (kind == Predicate::Kind::any_of);
    }
    [[nodiscard]] bool compares(double value) const {
      switch (comparison) {
        case SENTINEL_EQUAL_TO:
          return value == number;
        case SENTINEL_NOT_EQUAL_TO:
          return value != number;
        case SENTINEL_LESS:
          return value < number;
        case SENTINEL_LESS_OR_EQUAL:
          return value <= number;
        case SENTINEL_GREATER:
          return value > number;
        case SENTINEL_GREATER_OR_EQUAL:
          return value >= number;
      }
      return false;
    }
  };

  struct Part {
    std::uint64_t count = 0;
    double sum = 0;
    bool told = false;
  };
  struct Group {
    Hit keys;  // of a hit, the keys alone
    std::uint64_t time_ns = 0;
    std::map<std::uint32_t, Part> cpus;
  };

  struct Consumer {
    std::vector<Condition> conditions;  // that the kernel evaluates
    bool folds = false;
    bool sums = false;
    std::vector<std::string> by;
    std::uint64_t pane_ns = 0;
    std::optional<double> share;  // of the threshold, on one CPU
    std::map<std::uint64_t, std::map<std::string, Group>> panes;
    std::vector<Hit> exemplars;

    [[nodiscard]] std::uint64_t pane_or_one() const { return std::max<std::uint64_t>(1, pane_ns); }
    [[nodiscard]] bool matches(const Hit& hit) const {
      return std::all_of(conditions.begin(), conditions.end(),
                         [&](const Condition& condition) { return condition.holds(hit); });
    }
    void fold(const Hit& hit) {
      // (n * pane, (n + 1) * pane]
      const std::uint64_t pane = hit.time_ns == 0 ? 0 : (hit.time_ns - 1) / pane_ns;
      std::string key;
      Hit keys;
      for (const auto& field : by) {
        key += text_of(hit, field) + '\0';
        if (field == "pid") {
          keys.pid = hit.pid;
          keys.start_time_ns = hit.start_time_ns;
          key += std::to_string(hit.start_time_ns) + '\0';
        }
        if (field == "comm") keys.comm = hit.comm;
        if (field == "state") keys.state = hit.state;
      }
      Group& group = panes[pane][key];
      group.keys = std::move(keys);
      group.time_ns = std::max(group.time_ns, hit.time_ns);
      Part& part = group.cpus[hit.cpu];
      const double reached = sums ? part.sum + hit.value : static_cast<double>(part.count + 1);
      if (share && !part.told && reached >= *share) {
        part.told = true;
        exemplars.push_back(hit);  // which is no more in the pane
        return;
      }
      ++part.count;
      part.sum += hit.value;
    }
  };

  static std::string text_of(const Hit& hit, const std::string& field) {
    if (field == "state") return hit.state;
    if (field == "comm") return hit.comm;
    if (field == "pid") return hit.pid == 0 ? "" : std::to_string(hit.pid);
    return {};
  }
  static bool known(std::string_view field) { return field == "state" || field == "comm" || field == "pid"; }

  /// What of a demand this kernel can do, told in its placement.
  Consumer plan(Demand& demand) const {
    Consumer consumer;
    if (placement_ == Placement::user) {
      demand.left("placement is user");
      return consumer;
    }
    bool all = demand.complete();
    for (std::size_t i = 0; i < demand.size(); ++i) {
      const Predicate predicate = demand.predicate(i);
      if (predicate.kind() != Predicate::Kind::compares && !known(predicate.field())) {
        all = false;
        demand.left("the toy kernel knows no " + std::string(predicate.field()));
        continue;
      }
      demand.in_kernel(i);
      Condition condition{
          predicate.kind(), std::string(predicate.field()), {}, predicate.comparison(), predicate.number()};
      for (std::size_t v = 0; v < predicate.size(); ++v) condition.values.emplace_back(predicate.value(v));
      consumer.conditions.push_back(std::move(condition));
    }
    for (std::size_t i = 0; i < demand.key_count(); ++i) {
      consumer.by.emplace_back(demand.key(i));
      if (known(demand.key(i))) continue;
      all = false;
      demand.left("the toy kernel knows no " + std::string(demand.key(i)));
    }
    if (!all || demand.fold() == SENTINEL_FOLD_NONE) return consumer;
    demand.folds();
    consumer.folds = true;
    consumer.sums = demand.fold() == SENTINEL_FOLD_SUM;
    consumer.pane_ns = static_cast<std::uint64_t>(demand.pane().count());
    if (demand.has_threshold()) consumer.share = std::max(1.0, std::ceil(demand.threshold() / cpus_));
    return consumer;
  }

  Placement placement_;
  std::uint32_t cpus_;
  std::map<std::uint64_t, Consumer> consumers_;
  std::vector<Hit> ring_;
  Ledger ledger_;
};

}  // namespace sentinel::testing
