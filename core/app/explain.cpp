#include "core/app/explain.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/app/table.hpp"
#include "core/config/duration.hpp"
#include "core/runtime/agent_labels.hpp"
#include "core/runtime/placement.hpp"
#include "core/runtime/pushdown.hpp"
#include "rules/scanner.hpp"

namespace sentinel::app {
namespace {

using runtime::Demand;
using runtime::InstanceSpec;
using runtime::Placement;

/// A collector, the demands on it, and what it says of them.
struct Asked {
  const InstanceSpec* collector = nullptr;
  std::vector<Demand> demands;
  bool takes_offers = false;
  std::vector<Placement> placements;
};

/// What is told of a collector that cannot be asked.
struct Answers {
  std::vector<Asked> asked;
  std::vector<std::string> silent;
};

using Rows = std::vector<std::vector<std::string>>;

Answers ask_all(const runtime::Plan& plan, const std::filesystem::path& program) {
  const runtime::AgentLabels labels(plan.config.agent.labels);
  std::set<std::string> sinks;
  for (const auto& spec : plan.instances) {
    if (spec.kind == runtime::Kind::sink && spec.consumes) sinks.insert(spec.name);
  }
  runtime::DemandIds ids;
  Answers answers;
  for (const auto& spec : plan.instances) {
    if (spec.kind != runtime::Kind::collector || spec.built_in != nullptr || !spec.unavailable.empty()) continue;
    // Twice: what is demanded depends on what it declares.
    auto declared = runtime::ask_placements(spec, labels, {}, program);
    Asked asked{&spec, {}, false, {}};
    if (declared) {
      asked.demands = runtime::demands_of(spec.name, declared->events, {plan.config, plan.rules, sinks}, ids);
      if (!asked.demands.empty() && declared->takes_offers) {
        declared = runtime::ask_placements(spec, labels, asked.demands, program);
      }
    }
    if (!declared) {
      answers.silent.push_back("collector '" + spec.name + "' cannot be asked: " + declared.error().message);
      continue;
    }
    asked.takes_offers = declared->takes_offers;
    asked.placements = std::move(declared->placements);
    asked.placements.resize(asked.demands.size());
    answers.asked.push_back(std::move(asked));
  }
  return answers;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string panes_text(const Demand& demand) {
  const char* what = demand.fold == SENTINEL_FOLD_SUM ? "sum" : demand.fold == SENTINEL_FOLD_COUNT ? "count" : "values";
  return std::string(what) + " in panes of " + config::format_duration(std::chrono::nanoseconds(demand.pane_ns)) +
         (demand.by.empty() ? "" : " by " + listed(demand.by));
}

/// Why panes are filled in user space, as far as the rule itself says.
std::string why_unfolded(const Demand& demand, const std::string& reason) {
  if (!demand.user.empty()) return "user space has more of the filter";
  if (demand.fold == SENTINEL_FOLD_NONE) return "its function needs each event";
  return reason;
}

void add_demand(const Demand& demand, const Placement& placement, const std::string& reason, Rows& rows) {
  for (std::size_t i = 0; i < demand.predicates.size(); ++i) {
    const bool kernel = i < 64 && (placement.predicates >> i & 1U) != 0;
    rows.push_back({"    " + demand.predicates[i].text, kernel ? "kernel" : "user", kernel ? "" : reason});
  }
  for (const auto& condition : demand.user) {
    rows.push_back({"    " + condition, "user", "only alternatives of whole texts can be compared in the kernel"});
  }
  if (demand.pane_ns == 0) {
    rows.push_back({"    each event", "user", "sinks take it whole"});
    return;
  }
  rows.push_back({"    " + panes_text(demand), placement.folds ? "kernel" : "user",
                  placement.folds ? "" : why_unfolded(demand, reason)});
  if (!demand.threshold) return;
  const std::string threshold = "    " + rules::format_number(*demand.threshold) + " in a pane";
  rows.push_back({threshold, placement.folds ? "kernel" : "user",
                  placement.folds ? "a group that comes near it sends an event with its context; user space decides"
                                  : "user space decides"});
}

std::string aligned(Rows rows) {
  // A cell that is the last and empty would leave its line with blanks at the end.
  for (auto& row : rows) {
    while (!row.empty() && row.back().empty()) row.pop_back();
  }
  return table(rows);
}

/// The lines of one consumer; empty when nothing that a collector offers is its.
template <class IsIts>
std::string about(const Answers& answers, IsIts&& is_its) {
  Rows rows;
  for (const auto& asked : answers.asked) {
    for (std::size_t i = 0; i < asked.demands.size(); ++i) {
      const Demand& demand = asked.demands[i];
      if (!is_its(demand)) continue;
      rows.push_back({"  " + demand.event + " of " + asked.collector->name});
      const std::string& reason = asked.placements[i].reason;
      const std::string other = asked.takes_offers ? "the collector gave no reason" : "the collector takes no demands";
      add_demand(demand, asked.placements[i], reason.empty() ? other : reason, rows);
    }
  }
  if (rows.empty()) return {};
  // The head of an event is no cell of the columns.
  std::string out;
  Rows block;
  const auto flush = [&] { out += aligned(std::exchange(block, {})); };
  for (auto& row : rows) {
    if (row.size() > 1) {
      block.push_back(std::move(row));
      continue;
    }
    flush();
    out += row.front() + "\n";
  }
  flush();
  return out;
}

}  // namespace

std::string explanation(const runtime::Plan& plan, const std::filesystem::path& program) {
  const Answers answers = ask_all(plan, program);
  std::string out;
  for (const auto& line : answers.silent) out += line + "\n";
  for (const auto& rule : plan.rules) {
    out += rule->name + ": " + rule->expression() + "\n";
    const std::string identity = rule->identity();
    const std::string lines = about(answers, [&](const Demand& demand) { return demand.rule == identity; });
    out += lines.empty() ? "  no collector here has an event for it; samples are evaluated in user space\n" : lines;
  }
  for (const auto& pipeline : plan.config.pipelines) {
    if (pipeline.is_rule()) continue;
    const auto is_its = [&](const Demand& demand) { return demand.rule.empty() && demand.consumer == pipeline.name; };
    if (const std::string lines = about(answers, is_its); !lines.empty()) out += pipeline.name + ":\n" + lines;
  }
  return out;
}

}  // namespace sentinel::app
