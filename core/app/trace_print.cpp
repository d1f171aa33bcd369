#include "core/app/trace_print.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <boost/json.hpp>
#include <sentinel/config.hpp>
#include <string_view>

#include "core/runtime/rfc3339.hpp"

namespace sentinel::app {
namespace {

using std::string_view;

constexpr string_view columns = "{:<12}  {:<15}  {:>7}  {}\n";

string_view label(const TracedEvent& event, string_view key) {
  for (std::uint32_t i = 0; i < event.metric.label_count; ++i) {
    if (from_abi(event.metric.label_keys[i]) == key) return from_abi(event.labels[i]);
  }
  return {};
}

/// "10.0.0.1:443", "[::1]:443"; of a protocol without ports the address alone.
std::string end_of(const TracedEvent& event, string_view address_key, string_view port_key) {
  const auto address = label(event, address_key);
  const auto protocol = label(event, "protocol");
  if (address.empty()) return "-";
  if (protocol == "icmp" || protocol == "other") return std::string(address);
  const bool is_v6 = address.find(':') != string_view::npos;
  return fmt::format(fmt::runtime(is_v6 ? "[{}]:{}" : "{}:{}"), address, label(event, port_key));
}

/// Both ends, as wide as two of IPv4 are at most. Wide ones push the rest to the right.
std::string ends(const TracedEvent& event, string_view arrow) {
  const auto text = fmt::format("{} {} {}", end_of(event, "saddr", "sport"), arrow, end_of(event, "daddr", "dport"));
  return fmt::format("{:<45}", text);
}

/// Of a time that is not known, which is 0, a dash.
std::string duration(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f}s", seconds);
  return seconds > 0 ? fmt::format("{:.3f}ms", seconds * 1e3) : "-";
}

std::string upper(string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return made;
}

std::string transition(const TracedEvent& event) {
  const auto states = upper(label(event, "oldstate")) + " -> " + upper(label(event, "newstate"));
  return fmt::format("{}  {:<25}  {:>12}", ends(event, ">"), states, duration(event.record.value));
}

std::string receive(const TracedEvent& event) {
  return fmt::format("{}  {:<7}  waited {:>12}  {:>7} B", ends(event, "<"), label(event, "side"),
                     duration(event.record.value), label(event, "waiting_bytes"));
}

std::string request(const TracedEvent& event) {
  return fmt::format("{}  server   answered {:>10}", ends(event, "<"), duration(event.record.value));
}

std::string packet(const TracedEvent& event) {
  return fmt::format("{}  {:<5}  {:<10}  {:>7} B", ends(event, ">"), label(event, "protocol"), label(event, "device"),
                     static_cast<std::uint64_t>(event.record.value));
}

std::string process(const TracedEvent& event) {
  const auto what = label(event, "event");
  if (what == "fork") return fmt::format("{:<8}  child {}", what, label(event, "child"));
  const auto& context = *event.record.context;
  const auto parent = fmt::format("{:<8}  of {}({})", what, from_abi(context.parent_comm), context.ppid);
  if (what == "exec") return fmt::format("{:<36}  {}", parent, from_abi(context.exe));
  if (what != "exit") return parent;
  const auto signal = label(event, "signal");
  const auto how = signal.empty() ? fmt::format("code {}", label(event, "exit_code")) : std::string(signal);
  return fmt::format("{:<36}  {:<9}  lived {}", parent, how, duration(event.record.value));
}

std::string any(const TracedEvent& event) {
  std::string text(from_abi(event.metric.name));
  for (std::uint32_t i = 0; i < event.metric.label_count; ++i) {
    text += fmt::format(" {}={}", from_abi(event.metric.label_keys[i]), from_abi(event.labels[i]));
  }
  return fmt::format("{} {}", text, event.record.value);
}

struct Shape {
  string_view event;
  std::string (*text)(const TracedEvent&);
};
constexpr Shape shapes[] = {{"sentinel_tcp_transition", transition},
                            {"sentinel_recv_slow", receive},
                            {"sentinel_request_slow", request},
                            {"sentinel_xmit_packet", packet},
                            {"sentinel_process_event", process}};

std::string what_happened(const TracedEvent& event) {
  const auto name = from_abi(event.metric.name);
  for (const auto& shape : shapes) {
    if (shape.event == name) return shape.text(event);
  }
  return any(event);
}

std::string local_time(std::int64_t unix_ns) {
  const time_t seconds = unix_ns / 1'000'000'000;
  tm broken{};
  localtime_r(&seconds, &broken);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", broken.tm_hour, broken.tm_min, broken.tm_sec,
                     unix_ns / 1'000'000 % 1000);
}

/// A frame's name; its address when it has none; of the 0 that parts two stacks a dash.
std::string frame(const sentinel_context& context, std::uint32_t index) {
  if (context.stack[index] == 0) return "--";
  const auto name = context.symbols == nullptr ? string_view() : from_abi(context.symbols[index]);
  return name.empty() ? fmt::format("{:#x}", context.stack[index]) : std::string(name);
}

}  // namespace

std::string trace_heading() {
  return fmt::format(fmt::runtime(columns), "TIME", "COMM", "PID", "EVENT");
}

std::string trace_text(const TracedEvent& event) {
  const auto& context = *event.record.context;
  // In a softirq whose socket nobody owns yet there is none.
  const auto pid = context.pid == 0 ? "-" : std::to_string(context.pid);
  const auto comm = context.comm.size == 0 ? string_view("-") : from_abi(context.comm);
  auto what = what_happened(event);
  what.erase(what.find_last_not_of(' ') + 1);
  std::string text = fmt::format(fmt::runtime(columns), local_time(event.unix_ns), comm, pid, what);
  for (std::uint32_t i = 0; i < context.stack_count; ++i) text += "    " + frame(context, i) + "\n";
  return text;
}

std::string trace_json(const TracedEvent& event) {
  const auto& context = *event.record.context;
  boost::json::object labels;
  for (std::uint32_t i = 0; i < event.metric.label_count; ++i) {
    labels[from_abi(event.metric.label_keys[i])] = from_abi(event.labels[i]);
  }
  boost::json::object all{{"event", from_abi(event.metric.name)},
                          {"time", runtime::rfc3339(event.unix_ns)},
                          {"value", event.record.value},
                          {"labels", std::move(labels)}};
  const auto number = [&](const char* key, std::uint64_t value) {
    if (value != 0) all[key] = value;
  };
  const auto text = [&](const char* key, sentinel_string value) {
    if (value.size != 0) all[key] = from_abi(value);
  };
  number("pid", context.pid);
  number("tid", context.tid);
  text("comm", context.comm);
  number("ppid", context.ppid);
  text("parent_comm", context.parent_comm);
  text("exe", context.exe);
  number("cgroup_id", context.cgroup_id);
  text("container_id", context.container_id);
  text("pod", context.pod);
  if (context.stack_count > 0) {
    boost::json::array stack;
    for (std::uint32_t i = 0; i < context.stack_count; ++i) stack.emplace_back(frame(context, i));
    all["stack"] = std::move(stack);
  }
  return boost::json::serialize(all) + "\n";
}

}  // namespace sentinel::app
