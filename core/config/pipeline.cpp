#include "core/config/chain.hpp"
#include "core/config/fields.hpp"
#include "core/config/names.hpp"
#include "core/config/sections.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

/// Reads one pipeline, then holds its stages against each other: a chain has them in one order, and emits its last.
class PipelineReader {
 public:
  PipelineReader(const Key& name, const Value& section, std::vector<Diagnostic>& diagnostics)
      : name_(name),
        section_(section),
        diagnostics_(diagnostics),
        owner_(owner_of("pipeline", name)),
        fields_(section, owner_, "{from: [cpu], to: [prometheus]}", diagnostics) {
    draft_.pipeline.name = name.name;
    draft_.pipeline.where = name.where;
  }

  PipelineDraft read() {
    read_ends();
    read_stages();
    fields_.finish();
    if (fields_.is_map()) {
      check_order();
      check_windows();
      check_emits();
    }
    return std::move(draft_);
  }

 private:
  void read_ends() {
    draft_.from_given = fields_.has("from");
    draft_.from = read_names(fields_, "from");
    draft_.to = read_names(fields_, "to");
    draft_.alerts_to = read_names(fields_, "alerts_to");
    refuse_empty("from", "names no collector; leave it out to take all of them and self", false);
    refuse_empty("to", "names no sink, as in to: [prometheus]", true);
    refuse_empty("alerts_to", "names no sink; leave it out for those of agent.alerts_to", true);
  }

  void refuse_empty(std::string_view key, std::string_view message, bool or_null) {
    const Value* value = section_.find(key);
    if (value == nullptr || value->broken || !value->items.empty()) return;
    if (value->kind == Value::Kind::list || (or_null && value->kind == Value::Kind::null)) {
      fields_.error(value->where, key, message);
    }
  }

  void read_stages() {
    Pipeline& pipeline = draft_.pipeline;
    if (Text text; fields_.read_source("filter", text)) pipeline.filter = std::move(text);
    if (const Value* window = fields_.get("window")) {
      pipeline.windows.push_back(read_window(*window, owner_ + ": window", nullptr, diagnostics_));
    }
    if (const Value* windows = fields_.get("windows")) {
      auto named = read_windows(*windows, owner_ + ": windows", diagnostics_);
      if (!fields_.has("window")) {
        pipeline.windows = std::move(named);
        pipeline.named_windows = true;
      }
    }
    if (const Value* alert = fields_.get("alert")) {
      pipeline.alert = read_alert(*alert, owner_ + ": alert", diagnostics_);
    }
  }

  void check_order() {
    if (fields_.has("window") && fields_.has("windows")) {
      error("windows", "stands beside window:; a rule has one, or several with names, not both");
    } else if (fields_.has("windows") && fields_.has("filter")) {
      error("filter", "cannot stand beside windows:, each of which has a filter of its own");
    } else if (fields_.has("window") && !fields_.has("filter")) {
      error("window", "has nothing to look at; add filter: with the metric, as in filter: sentinel_memory_usage");
    }
    if (fields_.has("alert") && !fields_.has("window") && !fields_.has("windows")) {
      error("alert", fields_.has("filter")
                         ? "judges a window, and there is none; add window: {over: 15s, fn: last}, or what suits"
                         : "judges a window, and there is none; add filter: with the metric, and window: {over: 15s, "
                           "fn: last}, or what suits");
    }
  }

  void check_windows() {
    if (fields_.has("alert")) return;
    if (fields_.has("windows")) {
      error("windows", "are joined by alert: when:, and there is none; for one value to go to a sink write window:");
    } else if (const Value* window = section_.find("window");
               window != nullptr && window->kind == Value::Kind::map && window->find("as") == nullptr) {
      error("window", "goes to a sink, for which its value needs a name: add as: my_metric, or an alert:");
    }
  }

  /// A pipeline emits its last stage: alerts to `alerts_to`, all else to `to`.
  void check_emits() {
    if (fields_.has("alert")) {
      if (fields_.has("to")) error("to", "takes records and window values; this pipeline's alerts go to alerts_to:");
      return;
    }
    if (fields_.has("alerts_to")) error("alerts_to", "is for alerts, and this pipeline has no alert:");
    if (!fields_.has("to") && !fields_.has("windows")) {
      fields_.error(name_.where, "to", "is missing; name the sinks, as in to: [prometheus]");
    }
  }

  void error(std::string_view key, std::string_view message) { fields_.error(section_.find(key)->where, key, message); }

  const Key& name_;
  const Value& section_;
  std::vector<Diagnostic>& diagnostics_;
  std::string owner_;
  Fields fields_;
  PipelineDraft draft_;
};

}  // namespace

PipelineDraft read_pipeline(const Key& name, const Value& section, std::vector<Diagnostic>& diagnostics) {
  check_name(name, "pipeline", diagnostics);
  return PipelineReader(name, section, diagnostics).read();
}

}  // namespace sentinel::config
