#include <array>
#include <utility>

#include "sinks/webhook_snapshot/scene.hpp"

namespace snapshot {
namespace {

using sentinel::procfs::TcpState;

/// Tried from top to bottom: the first word found decides.
constexpr std::array<std::pair<std::string_view, Subject>, 41> words = {{
    {"zombie", Subject::zombies},
    {"time_wait", Subject::tcp},
    {"timewait", Subject::tcp},
    {"close_wait", Subject::tcp},
    {"closewait", Subject::tcp},
    {"conntrack", Subject::tcp},
    {"tcp", Subject::tcp},
    {"listen", Subject::tcp},
    {"retrans", Subject::tcp},
    {"socket", Subject::tcp},
    {"connection", Subject::tcp},
    {"pressure{resource=\"memory", Subject::memory},
    {"resource=\"cpu", Subject::cpu},
    {"resource=\"io", Subject::disk},
    {"resource=\"memory", Subject::memory},
    {"oom", Subject::memory},
    {"outofmemory", Subject::memory},
    {"memory", Subject::memory},
    {"swap", Subject::memory},
    {"fork", Subject::forks},
    {"descriptor", Subject::descriptors},
    {"filefd", Subject::descriptors},
    {"open_file", Subject::descriptors},
    {"openfile", Subject::descriptors},
    {"fd_leak", Subject::descriptors},
    {"_fds", Subject::descriptors},
    {"disk", Subject::disk},
    {"filesystem", Subject::disk},
    {"inode", Subject::disk},
    {"iowait", Subject::disk},
    {"load", Subject::load},
    {"saturation", Subject::load},
    {"cpu", Subject::cpu},
    {"steal", Subject::cpu},
    {"throttl", Subject::cpu},
    {"network", Subject::network},
    {"softnet", Subject::network},
    {"packet", Subject::network},
    {"net_dev", Subject::network},
    {"mount", Subject::disk},
    {"process_count", Subject::forks},
}};

void add_lower(std::string& out, std::string_view text) {
  for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  out += ' ';
}

}  // namespace

std::string_view to_string(Item::State state) {
  switch (state) {
    case Item::State::taken:
      return "taken";
    case Item::State::partial:
      return "partial";
    case Item::State::failed:
      return "failed";
    case Item::State::absent:
      return "absent";
  }
  return "";
}

std::string_view to_string(Subject subject) {
  constexpr std::array<std::string_view, 10> names = {"memory",      "CPU",   "load", "zombies", "TCP",
                                                      "descriptors", "forks", "disk", "network", "other"};
  return names[static_cast<std::size_t>(subject)];
}

Subject subject_of(const Alert& alert) {
  // By hand there is no fault to look for.
  if (alert.origin == Origin::hand) return Subject::other;
  // What the rule watches says it best; then the rule; then how someone called it.
  std::string state;
  for (const auto& label : alert.labels) {
    if (label.name == "state" || label.name == "resource") state += label.name + "=\"" + label.value + "\" ";
  }
  const std::string watched = alert.metric.empty() ? "" : alert.metric + " " + state;
  for (const auto& text : {watched, alert.expression, alert.name + " " + state}) {
    std::string lowered;
    add_lower(lowered, text);
    for (const auto& [word, subject] : words) {
      if (lowered.find(word) != std::string::npos) return subject;
    }
  }
  return Subject::other;
}

TcpState tcp_state_of(const Alert& alert) {
  std::string text;
  for (const auto& part : {std::string(value_of(alert.labels, "state")), alert.expression, alert.name})
    add_lower(text, part);
  for (const auto& [word, state] : {std::pair<std::string_view, TcpState>{"time_wait", TcpState::time_wait},
                                    {"timewait", TcpState::time_wait},
                                    {"close_wait", TcpState::close_wait},
                                    {"closewait", TcpState::close_wait},
                                    {"syn_recv", TcpState::syn_recv},
                                    {"syn_sent", TcpState::syn_sent},
                                    {"fin_wait2", TcpState::fin_wait2},
                                    {"established", TcpState::established}}) {
    if (text.find(word) != std::string::npos) return state;
  }
  return TcpState::unknown;
}

std::string_view metric_of(Subject subject) {
  switch (subject) {
    case Subject::memory:
      return "sentinel_memory_usage";
    case Subject::cpu:
      return "sentinel_cpu_usage_ratio";
    case Subject::load:
      return "sentinel_loadavg";
    case Subject::zombies:
    case Subject::forks:
      return "sentinel_process_count";
    case Subject::tcp:
      return "sentinel_tcp_connections";
    case Subject::descriptors:
      return "sentinel_file_descriptors_allocated";
    case Subject::disk:
    case Subject::network:
    case Subject::other:
      return "";
  }
  return "";
}

}  // namespace snapshot
