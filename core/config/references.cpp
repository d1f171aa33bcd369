#include "core/config/references.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

/// One side of the pipelines: what their `from` or their `to` may name.
struct Side {
  std::string keys;  ///< "from"
  std::string kind;  ///< "collector"
  std::vector<std::string> names;
  std::set<std::string> set;
  std::set<std::string> used;

  void add(const std::string& name) {
    names.push_back(name);
    set.insert(name);
  }
};

/// \p owner and \p key begin each message: `pipeline "host"`, `to`.
std::vector<std::string> look_up(const std::string& owner, std::string_view key, const std::vector<Key>& wanted,
                                 Side& side, const Side& other, std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> found;
  for (const auto& name : wanted) {
    if (side.set.contains(name.name)) {
      found.push_back(name.name);
      side.used.insert(name.name);
      continue;
    }
    std::string message = owner + ": " + std::string(key) + ": ";
    if (other.set.contains(name.name)) {
      message += quote(name.name) + " is a " + other.kind + "; only a " + side.kind + " can stand here";
    } else {
      message += "there is no " + side.kind + " named " + quote(name.name) + did_you_mean(name.name, side.names);
    }
    add_error(diagnostics, name.where, message);
  }
  return found;
}

template <class Item>
void warn_of_unused(const std::vector<Item>& items, const Side& side, std::vector<Diagnostic>& diagnostics) {
  for (const auto& item : items) {
    if (side.used.contains(item.name)) continue;
    add_warning(diagnostics, item.where,
                side.kind + " " + quote(item.name) + " is in no pipeline's " + side.keys + ": it runs for nobody");
  }
}

}  // namespace

void check_references(Config& config, const std::vector<PipelineDraft>& drafts, const std::vector<Key>& alerts_to,
                      std::vector<Diagnostic>& diagnostics) {
  Side collectors{"from", "collector", {}, {}, {}};
  Side sinks{"to or alerts_to", "sink", {}, {}, {}};
  for (const auto& collector : config.collectors) collectors.add(collector.name);
  collectors.add(std::string(self_name));
  for (const auto& sink : config.sinks) sinks.add(sink.name);
  for (const auto& sink : config.sinks) {
    const Collector* collector = collectors.set.contains(sink.name) ? config.find_collector(sink.name) : nullptr;
    if (collector == nullptr) continue;
    add_error(diagnostics, sink.where,
              "sink " + quote(sink.name) + " has the name of the collector at " + to_string(collector->where) +
                  "; one name means one thing");
  }
  for (const auto& draft : drafts) {
    Pipeline pipeline = draft.pipeline;
    const std::string owner = "pipeline " + quote(pipeline.name);
    pipeline.from_given = draft.from_given;
    if (draft.from_given) {
      pipeline.from = look_up(owner, "from", draft.from, collectors, sinks, diagnostics);
    } else {
      pipeline.from = collectors.names;
      collectors.used.insert(collectors.names.begin(), collectors.names.end());
    }
    pipeline.to = look_up(owner, "to", draft.to, sinks, collectors, diagnostics);
    pipeline.alerts_to = look_up(owner, "alerts_to", draft.alerts_to, sinks, collectors, diagnostics);
    config.pipelines.push_back(std::move(pipeline));
  }
  config.agent.alerts_to = look_up("agent", "alerts_to", alerts_to, sinks, collectors, diagnostics);
  warn_of_unused(config.collectors, collectors, diagnostics);
  warn_of_unused(config.sinks, sinks, diagnostics);
}

}  // namespace sentinel::config
