#include "core/app/trace_source.hpp"

#include <sentinel/config.hpp>
#include <string_view>
#include <utility>

#include "core/config/schema.hpp"
#include "core/plugin/abi_config.hpp"
#include "core/plugin/in_place.hpp"
#include "core/plugin/library.hpp"
#include "core/plugin/permissions.hpp"
#include "core/runtime/clock.hpp"
#include "core/runtime/pushdown_abi.hpp"

namespace sentinel::app {
namespace {

constexpr std::size_t series_limit = 10'000;
constexpr std::uint64_t longest_wait_ns = 100'000'000;
constexpr std::string_view ledger_metric = "sentinel_bpf_events_total";

config::Value scalar(const std::string& text, const config::Place& where) {
  config::Value value;
  value.kind = config::Value::Kind::scalar;
  value.text = text;
  value.where = where;
  return value;
}

/// The settings as the `config:` of a pipeline file would have them; each stands "at" its key.
config::Value as_written(const TraceSource::Settings& settings, const std::vector<config::FieldSpec>& schema) {
  config::Value all;
  all.kind = config::Value::Kind::map;
  for (const auto& [key, texts] : settings) {
    config::Place where;
    where.file = key;
    all.keys.push_back({key, where});
    bool is_list = false;
    for (const auto& field : schema) {
      if (field.name != key) continue;
      is_list = field.type == FieldType::string_list || field.type == FieldType::integer_list;
    }
    config::Value& value = all.items.emplace_back();
    if (is_list) {
      value.kind = config::Value::Kind::list;
      value.where = where;
      for (const auto& text : texts) value.items.push_back(scalar(text, where));
    } else {
      value = scalar(texts.empty() ? std::string() : texts.back(), where);
    }
  }
  return all;
}

Result<config::Resolved> resolve(const std::string& name, const TraceSource::Settings& settings,
                                 const sentinel_plugin& plugin) {
  const auto schema = config::read_schema(plugin.fields, plugin.field_count);
  if (!schema) return schema.error();
  std::vector<config::Diagnostic> diagnostics;
  auto resolved = config::resolve(as_written(settings, *schema), *schema, name, diagnostics);
  std::string mistakes;
  for (const auto& each : diagnostics) mistakes += (mistakes.empty() ? "" : "; ") + each.message;
  if (!mistakes.empty()) return Error{Errc::invalid_argument, mistakes};
  return resolved;
}

}  // namespace

TraceSource::TraceSource(const std::string& name)
    : name_(name),
      producer_(store_.producer(name, {}, series_limit)),
      host_(name, {&runtime::system_clock(), producer_.get(), nullptr, false, nullptr, nullptr, nullptr, &labels_}),
      batch_(*producer_) {}

TraceSource::~TraceSource() {
  if (started_) (void)instance_->stop();
}

Result<std::unique_ptr<TraceSource>> TraceSource::open(const std::string& name, const std::filesystem::path& file,
                                                       const Settings& settings) {
  std::unique_ptr<TraceSource> source(new TraceSource(name));
  if (const auto created = source->create(file, settings); !created) return created.error();
  if (const auto offered = source->demand_all(); !offered) return offered.error();
  if (const auto started = source->start(); !started) return started.error();
  return source;
}

Result<void> TraceSource::create(const std::filesystem::path& file, const Settings& settings) {
  if (const auto allowed = plugin::check_permissions(file); !allowed) return allowed;
  auto code = plugin::in_place(file);
  if (!code) return code.error();
  auto library = plugin::Library::load(std::move(*code));
  if (!library) return library.error();
  const auto resolved = resolve(name_, settings, (*library)->descriptor());
  if (!resolved) return resolved.error();
  const plugin::AbiConfig config(*resolved);
  auto created = plugin::Instance::create(*library, host_.abi(), config.raw());
  if (!created) return created.error();
  instance_.emplace(std::move(*created));
  host_.seal();
  if (!host_.events().empty() && instance_->takes_offers() && instance_->watches()) return {};
  return Error{Errc::unsupported, file.string() + " hands over no events: there is nothing of it to trace"};
}

/// Before start: so that the first event is one that somebody wants.
Result<void> TraceSource::demand_all() {
  std::vector<runtime::Demand> demands;
  for (const auto& event : host_.events()) {
    runtime::Demand& demand = demands.emplace_back();
    demand.id = demands.size();
    demand.metric = event.metric;
    demand.event = event.name;
    demand.consumer = "trace";
  }
  const runtime::AbiDemands abi(demands);
  std::vector<sentinel_placement> placements(demands.size());
  return instance_->offer(abi.all(), placements);
}

Result<void> TraceSource::start() {
  if (const auto started = instance_->start(); !started) return started;
  started_ = true;
  const auto awaited = instance_->watch();
  if (!awaited) return awaited.error();
  awaited_ = *awaited;
  if (awaited_.period_ns == 0) awaited_.period_ns = longest_wait_ns;
  return {};
}

Result<void> TraceSource::ready(const std::function<bool(const TracedEvent&)>& take) {
  const auto& clock = runtime::system_clock();
  batch_.reset_for_events(clock.boottime_ns());
  const auto handed_over = instance_->ready(batch_.abi());
  if (!handed_over && handed_over.error().code != Errc::no_data) return handed_over;
  const auto booted_ns = clock.unix_ns() - static_cast<std::int64_t>(clock.boottime_ns());
  const auto delivery = batch_.delivery();
  for (const auto& record : batch_.records()) {
    const TracedEvent event{*delivery.metric(&delivery, &record), delivery.labels(&delivery, &record), record,
                            booted_ns + static_cast<std::int64_t>(record.time_ns)};
    if (!take(event)) break;
  }
  return {};
}

Result<TraceLedger> TraceSource::ledger() {
  batch_.reset(runtime::system_clock().boottime_ns(), 0);
  if (const auto collected = instance_->collect(batch_.abi()); !collected) return collected.error();
  TraceLedger ledger;
  const auto delivery = batch_.delivery();
  for (const auto& record : batch_.records()) {
    const auto& metric = *delivery.metric(&delivery, &record);
    if (from_abi(metric.name) != ledger_metric) continue;
    const auto* labels = delivery.labels(&delivery, &record);
    const auto outcome = from_abi(labels[metric.label_count - 1]);
    const auto count = static_cast<std::uint64_t>(record.value);
    if (outcome == "seen") ledger.seen = count;
    if (outcome == "filtered") ledger.filtered = count;
    if (outcome == "sampled_out") ledger.sampled_out = count;
    if (outcome.starts_with("lost_")) ledger.lost += count;
  }
  return ledger;
}

}  // namespace sentinel::app
