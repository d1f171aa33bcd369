#include "sentinel/bpf/event_collector.hpp"

#include <string>
#include <utility>

namespace sentinel::bpf {

EventCollector::EventCollector(Host& host, std::string_view plugin, const FunnelSpec& spec, FunnelOptions options,
                               double budget)
    : host_(host), funnel_(spec, std::move(options)), instruments_(host, plugin, budget) {}

/// Before events come.
void EventCollector::prepare_contexts(bool events_wanted) {
  if (!events_wanted || funnel_.options().stacks == FUNNEL_STACK_NONE) return;
  if (const auto prepared = contexts_.prepare(now_ns()); !prepared) {
    host_.warning("stacks have addresses without names: " + prepared.error().message);
  }
}

Result<void> EventCollector::offer(const Demands& demands) {
  if (funnel_.started()) prepare_contexts(demands.size() > 0);
  return funnel_.offer(demands, types_);
}

Result<void> EventCollector::start() {
  prepare_contexts(funnel_.wants_events());
  if (auto started = funnel_.start(); !started) return started;
  if (!funnel_.gap().empty()) instruments_.note_gap(funnel_.gap());
  return prepare();
}

Result<void> EventCollector::stop() {
  funnel_.stop();
  return {};
}

Result<void> EventCollector::save(Writer& out) {
  if (auto saved = funnel_.save(out); !saved) return saved;
  out.write(instruments_.save());
  return {};
}

Result<void> EventCollector::restore(std::uint32_t version, std::string_view state) {
  if (version != state_version) return Error{Errc::unsupported, "state of version " + std::to_string(version)};
  instruments_.restore(state);
  (void)funnel_.restore(state);  // what can't be gone on from is a gap, which start() tells of
  return {};
}

Result<void> EventCollector::ready(Batch& batch) {
  const Instruments::Timing timing(instruments_);
  const auto read =
      funnel_.read_events([&](const funnel_event& event, std::size_t size) { add_event(event, size, batch); });
  funnel_.read_panes(now_ns(), false, [&](const Pane& pane) { add_pane(pane, batch); });
  instruments_.note_read(read);
  instruments_.tell_lost(funnel_, batch);
  return {};
}

Result<void> EventCollector::collect(Batch& batch) {
  const Instruments::Timing timing(instruments_);
  auto added = add_metrics(batch);
  instruments_.collect(funnel_, batch);
  return added;
}

Result<void> EventCollector::details(Rows& rows) {
  const Instruments::Timing timing(instruments_);
  add_details(rows);
  instruments_.details(funnel_, rows);
  return {};
}

std::string_view PaneTexts::operator()(std::uint32_t field) {
  return pane_.text(fields_, field, room_[field]);
}

std::uint64_t PaneTexts::number(std::string_view name) const {
  const Field* field = fields_.find(name);
  const funnel_value* value = field == nullptr ? nullptr : pane_.value(field->index);
  return value == nullptr ? 0 : value->lo;
}

std::string_view PaneTexts::text(std::string_view name) {
  const Field* field = fields_.find(name);
  return field == nullptr ? std::string_view() : (*this)(field->index);
}

Context PaneTexts::context() {
  Context context;
  context.pid = static_cast<std::uint32_t>(number("pid"));
  context.tid = static_cast<std::uint32_t>(number("tid"));
  context.ppid = static_cast<std::uint32_t>(number("ppid"));
  context.cgroup_id = number("cgroup_id");
  context.comm = text("comm");
  context.parent_comm = text("parent_comm");
  const Field* pid = fields_.find("pid");
  const auto* start = pid == nullptr ? nullptr : pane_.value(pid->beside);
  context.start_time_ns = start == nullptr ? 0 : start->lo;
  return context;
}

}  // namespace sentinel::bpf
