#include "sentinel/bpf/instruments.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>
#include <utility>

namespace sentinel::bpf {
namespace {

std::uint64_t thread_cpu_ns() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

struct Outcome {
  std::string_view name;
  funnel_u64 funnel_ledger::*count;
};
constexpr Outcome outcomes[] = {
    {"seen", &funnel_ledger::seen},
    {"filtered", &funnel_ledger::filtered},
    {"sampled_out", &funnel_ledger::sampled_out},
    {"folded", &funnel_ledger::folded},
    {"submitted", &funnel_ledger::submitted},
    {"lost_ring", &funnel_ledger::lost_ring},
    {"lost_map", &funnel_ledger::lost_map},
    {"lost_storage", &funnel_ledger::lost_storage},
};

std::string percent(double share) {
  std::ostringstream text;
  text.precision(3);
  text << share * 100 << " %";
  return text.str();
}

}  // namespace

double kernel_seconds(const funnel_ledger& ledger) {
  if (ledger.timed == 0) return 0;
  return static_cast<double>(ledger.timed_ns) / 1e9 * static_cast<double>(ledger.runs) /
         static_cast<double>(ledger.timed);
}

Instruments::Instruments(Host& host, std::string_view plugin, double budget)
    : host_(host),
      plugin_(plugin),
      budget_(budget),
      events_(host.counter(
          {"sentinel_bpf_events_total", "Events of the kernel by what became of them: seen is the sum of all others."},
          {"plugin", "outcome"})),
      delivered_(host.counter(
          {"sentinel_bpf_delivered_events_total", "Events that were submitted and handed on to the pipelines."},
          {"plugin"})),
      in_flight_(
          host.gauge({"sentinel_bpf_in_flight_events", "Events that were submitted and not read yet."}, {"plugin"})),
      missed_(host.counter(
          {"sentinel_bpf_missed_total", "Times that the kernel ran no program, because it was running on that CPU."},
          {"plugin"})),
      failed_stacks_(host.counter({"sentinel_bpf_failed_stacks_total", "Stacks that could not be taken."}, {"plugin"})),
      forgotten_(host.counter({"sentinel_bpf_forgotten_total", "Times and owners that there was no room to remember."},
                              {"plugin"})),
      reads_(host.counter({"sentinel_bpf_reads_total", "Times that the agent woke up to read events."}, {"plugin"})),
      cpu_seconds_(host.counter(
          {"sentinel_bpf_cpu_seconds_total",
           "CPU time of the programs (estimated from one run in 64) and of the agent for them.", "seconds"},
          {"plugin", "where"})),
      budget_ratio_(host.gauge({"sentinel_bpf_cpu_ratio", "Share of one core that the last interval took.", "ratio"},
                               {"plugin"})),
      step_(host.gauge({"sentinel_bpf_step", "1 at what is left out to keep within the budget."}, {"plugin", "step"})),
      gaps_(host.counter({"sentinel_bpf_gaps_total", "Times that counting began anew because a swap could not go on."},
                         {"plugin"})),
      hook_(host.gauge({"sentinel_bpf_hook_info", "The type of program that serves a hook."},
                       {"plugin", "hook", "type"})),
      refusal_(
          host.gauge({"sentinel_bpf_hook_refused_info", "A type of program that the kernel refused, and its errno."},
                     {"plugin", "hook", "type", "errno"})) {}

Instruments::Timing::Timing(Instruments& of) : of_(of), begun_ns_(thread_cpu_ns()) {}
Instruments::Timing::~Timing() {
  of_.user_ns_ += thread_cpu_ns() - begun_ns_;
}

void Instruments::note_read(std::uint64_t events) {
  ++read_count_;
  delivered_events_ += events;
}

void Instruments::tell_lost(const Funnel& funnel, Batch& batch) {
  const funnel_ledger ledger = funnel.ledger();
  const std::uint64_t lost = ledger.lost_ring + ledger.lost_map + ledger.lost_storage;
  batch.lost(lost - std::min(lost, told_lost_));
  told_lost_ = lost;
}

void Instruments::collect(Funnel& funnel, Batch& batch) {
  const funnel_ledger ledger = funnel.ledger();
  for (const Outcome& outcome : outcomes) {
    batch.add(events_, static_cast<double>(ledger.*outcome.count), {plugin_, outcome.name});
  }
  batch.add(delivered_, static_cast<double>(delivered_events_), {plugin_});
  batch.add(in_flight_, static_cast<double>(ledger.submitted - std::min(ledger.submitted, delivered_events_)),
            {plugin_});
  batch.add(missed_, static_cast<double>(funnel.hooks().missed()), {plugin_});
  batch.add(failed_stacks_, static_cast<double>(ledger.failed_stacks), {plugin_});
  batch.add(forgotten_, static_cast<double>(ledger.forgotten), {plugin_});
  batch.add(reads_, static_cast<double>(read_count_), {plugin_});
  batch.add(gaps_, static_cast<double>(gap_count_), {plugin_});

  const double in_kernel = kernel_seconds(ledger);
  const double in_agent = static_cast<double>(user_ns_) / 1e9;
  batch.add(cpu_seconds_, in_kernel, {plugin_, "kernel"});
  batch.add(cpu_seconds_, in_agent, {plugin_, "agent"});
  const auto now_ns = static_cast<std::uint64_t>(host_.now().count());
  if (spent_at_ns_ != 0 &&
      budget_.spend(in_kernel + in_agent - spent_seconds_, static_cast<double>(now_ns - spent_at_ns_) / 1e9)) {
    apply(budget_.step(), funnel);
  }
  spent_seconds_ = in_kernel + in_agent;
  spent_at_ns_ = now_ns;
  batch.add(budget_ratio_, budget_.used(), {plugin_});
  batch.add(step_, 1, {plugin_, to_string(budget_.step())});

  for (const Choice& choice : funnel.hooks().choices()) {
    batch.add(hook_, 1, {plugin_, choice.hook, choice.candidate == nullptr ? "none" : choice.candidate->type});
  }
  for (const Refusal& refusal : funnel.hooks().refusals()) {
    const std::string number = std::to_string(refusal.error_number);
    batch.add(refusal_, 1, {plugin_, refusal.hook, refusal.type, number});
  }
}

/// Each step includes those before it.
void Instruments::apply(Step step, Funnel& funnel) {
  funnel.raise_thresholds(step >= Step::threshold_up ? 2 : 1);
  funnel.set_sample(step >= Step::sampling ? 16 : 1);
  funnel.set_events(step < Step::events_off);
  const Result<void> attached = funnel.set_attached(step < Step::detached);
  if (!attached) host_.error(attached.error().message);
  host_.warning("it took " + percent(budget_.used()) + " of one core, its budget is " + percent(budget_.share()) +
                ": now at step " + std::string(to_string(step)));
}

void Instruments::details(const Funnel& funnel, Rows& rows) const {
  for (const Choice& choice : funnel.hooks().choices()) {
    rows.add("hooks", {{"hook", choice.hook},
                       {"type", choice.candidate == nullptr ? "none" : choice.candidate->type},
                       {"refused", ""}});
  }
  for (const Refusal& refusal : funnel.hooks().refusals()) {
    rows.add("hooks", {{"hook", refusal.hook}, {"type", refusal.type}, {"refused", refusal.message}});
  }
}

std::string Instruments::save() const {
  return "instruments " + std::to_string(delivered_events_) + ' ' + std::to_string(read_count_) + ' ' +
         std::to_string(user_ns_) + ' ' + std::to_string(gap_count_) + ' ' + std::to_string(told_lost_) + '\n';
}

void Instruments::restore(std::string_view state) {
  const auto at = state.find("instruments ");
  if (at == std::string_view::npos) return;
  std::istringstream words{std::string(state.substr(at))};
  std::string name;
  words >> name >> delivered_events_ >> read_count_ >> user_ns_ >> gap_count_ >> told_lost_;
}

void Instruments::note_gap(const std::string& why) {
  ++gap_count_;
  // What the predecessor was told of was counted in its own maps.
  delivered_events_ = 0;
  told_lost_ = 0;
  host_.warning("counting begins anew, and what happened in between is not counted: " + why);
}

}  // namespace sentinel::bpf
