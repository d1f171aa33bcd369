#include "core/runtime/placement.hpp"

#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "core/plugin/abi_config.hpp"
#include "core/plugin/answer.hpp"
#include "core/plugin/call.hpp"
#include "core/plugin/child.hpp"
#include "core/plugin/description_json.hpp"
#include "core/plugin/in_place.hpp"
#include "core/plugin/library.hpp"
#include "core/plugin/text.hpp"
#include "core/runtime/instance_host.hpp"
#include "core/runtime/placement_json.hpp"
#include "core/runtime/probe_task.hpp"
#include "core/runtime/pushdown_abi.hpp"
#include "core/store/store.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace {

/// Gives the demands the numbers that their events have at this host.
Result<void> look_up(std::vector<Demand>& demands, const std::vector<EventType>& events) {
  for (auto& demand : demands) {
    demand.metric = 0;
    for (const auto& event : events) {
      if (event.name == demand.event) demand.metric = event.metric;
    }
    if (demand.metric == 0) return Error{Errc::failed, "it no longer declares the event " + demand.event};
  }
  return {};
}

Result<void> make_offer(plugin::Instance& instance, std::vector<Demand> demands, Offered& offered) {
  if (const auto known = look_up(demands, offered.events); !known) return known;
  const AbiDemands abi(demands);
  std::vector<sentinel_placement> placements(demands.size());
  if (const auto made = instance.offer(abi.all(), placements); !made) return made.error().in("offer");
  for (const auto& placement : placements) {
    offered.placements.push_back({placement.folds != 0, placement.predicates, plugin::clean_text(placement.reason)});
  }
  return {};
}

Result<Offered> ask(const ProbeTask& task, std::vector<Demand> demands) {
  auto file = plugin::in_place(task.spec.file);
  if (!file) return file.error();
  auto library = plugin::Library::load(std::move(*file));
  if (!library) return library.error();
  const AgentLabels labels(task.agent_labels);
  store::Store store(1U << 20U);
  const auto producer = store.producer(task.spec.name, task.spec.labels, task.spec.series_limit);
  InstanceHost host(task.spec.name, {&system_clock(), producer.get(), nullptr, false, [](const auto&, const auto&) {},
                                     nullptr, nullptr, &labels});
  const plugin::AbiConfig config(task.spec.config);
  auto instance = plugin::Instance::create(*library, host.abi(), config.raw());
  if (!instance) return instance.error().in("create");
  Offered offered;
  offered.events = host.events();
  offered.takes_offers = instance->takes_offers();
  if (!offered.takes_offers) return offered;
  if (const auto made = make_offer(*instance, std::move(demands), offered); !made) return made.error();
  return offered;
}

}  // namespace

Result<Offered> ask_placements(const InstanceSpec& spec, const AgentLabels& labels, const std::vector<Demand>& demands,
                               const std::filesystem::path& program, std::chrono::milliseconds deadline) {
  const std::string task = task_text({spec, labels.labels()}) + "\n" + demands_line(demands) + "\n";
  const auto child = plugin::run_child(program, {"sentinel", "plugin", "offer"}, deadline, task);
  if (!child) return child.error();
  std::string_view said = child->output;
  const auto line = plugin::next_line(said);
  if (line.empty()) return plugin::unfinished(*child, "while it was asked who serves what", deadline);
  if (const auto error = plugin::read_error_line(line); !error) return error.error();
  return read_offered(line);
}

void offer_main() noexcept {
  const plugin::Answer answer;
  if (!answer) std::_Exit(1);
  telemetry::Log::configure(telemetry::LogLevel::error, telemetry::LogFormat::text);
  const std::string input = read_input();
  std::string_view rest = input;
  const auto task_line = plugin::next_line(rest);
  const auto task = read_task(task_line);
  auto demands = read_demands(plugin::next_line(rest));
  const auto offered = [&]() -> Result<Offered> {
    if (!task) return task.error();
    if (!demands) return demands.error();
    return ask(*task, std::move(*demands));
  }();
  std::_Exit(answer.say(offered ? offered_line(*offered) : plugin::error_line(offered.error())) ? 0 : 1);
}

}  // namespace sentinel::runtime
