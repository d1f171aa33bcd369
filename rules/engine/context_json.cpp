#include "rules/engine/context_json.hpp"

#include <boost/json.hpp>
#include <cstdint>
#include <stdexcept>

namespace sentinel::rules {
namespace json = boost::json;
namespace {

constexpr std::size_t most_frames = 256;

}  // namespace

json::object to_json(const Context& context) {
  json::array stack;
  for (const auto address : context.stack) stack.emplace_back(address);
  json::array symbols;
  for (const auto& symbol : context.symbols) symbols.emplace_back(symbol);
  return {{"pid", context.pid},
          {"tid", context.tid},
          {"ppid", context.ppid},
          {"start_time_ns", context.start_time_ns},
          {"cgroup_id", context.cgroup_id},
          {"comm", context.comm},
          {"parent_comm", context.parent_comm},
          {"container_id", context.container_id},
          {"stack", std::move(stack)},
          {"exe", context.exe},
          {"pod", context.pod},
          {"symbols", std::move(symbols)}};
}

std::shared_ptr<const Context> context_from_json(const json::object& in) {
  auto context = std::make_shared<Context>();
  context->pid = in.at("pid").to_number<std::uint32_t>();
  context->tid = in.at("tid").to_number<std::uint32_t>();
  context->ppid = in.at("ppid").to_number<std::uint32_t>();
  context->start_time_ns = in.at("start_time_ns").to_number<std::uint64_t>();
  context->cgroup_id = in.at("cgroup_id").to_number<std::uint64_t>();
  context->comm = in.at("comm").as_string();
  context->parent_comm = in.at("parent_comm").as_string();
  context->container_id = in.at("container_id").as_string();
  const auto& stack = in.at("stack").as_array();
  if (stack.size() > most_frames) throw std::runtime_error("a stack is too deep");
  for (const auto& address : stack) context->stack.push_back(address.to_number<std::uint64_t>());
  // What an earlier version wrote has none of these.
  if (const auto* exe = in.if_contains("exe")) context->exe = exe->as_string();
  if (const auto* pod = in.if_contains("pod")) context->pod = pod->as_string();
  if (const auto* symbols = in.if_contains("symbols")) {
    const auto& names = symbols->as_array();
    if (!names.empty() && names.size() != stack.size()) throw std::runtime_error("symbols are not those of the stack");
    for (const auto& name : names) context->symbols.emplace_back(name.as_string());
  }
  return context;
}

}  // namespace sentinel::rules
