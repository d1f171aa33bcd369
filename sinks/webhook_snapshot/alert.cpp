#include "sinks/webhook_snapshot/alert.hpp"

#include <algorithm>

#include <sentinel/config.hpp>

namespace snapshot {
namespace {

using sentinel::from_abi;
using sentinel::to_abi;

Labels copy_of(const sentinel_label* first, std::uint32_t count) {
  Labels labels;
  for (std::uint32_t i = 0; i < count; ++i) {
    labels.push_back({std::string(from_abi(first[i].name)), std::string(from_abi(first[i].value))});
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.name < b.name; });
  return labels;
}

sentinel_label view(const Label& label) {
  return {to_abi(label.name), to_abi(label.value)};
}

}  // namespace

std::string_view value_of(const Labels& labels, std::string_view name) {
  for (const auto& label : labels) {
    if (label.name == name) return label.value;
  }
  return {};
}

std::uint64_t fingerprint_of(const Labels& labels) {
  std::uint64_t hash = 14695981039346656037U;
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    hash = (hash ^ 0xffU) * 1099511628211U;
  };
  for (const auto& label : labels) {
    add(label.name);
    add(label.value);
  }
  return hash;
}

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::agent:
      return "agent";
    case Origin::webhook:
      return "webhook";
    case Origin::hand:
      return "hand";
  }
  return "";
}

Alert copy_of(const sentinel_alert& alert) {
  Alert made;
  made.firing = alert.state == SENTINEL_ALERT_FIRING;
  made.fingerprint = alert.fingerprint;
  made.name = from_abi(alert.name);
  made.severity = from_abi(alert.severity);
  made.labels = copy_of(alert.labels, alert.label_count);
  made.annotations = copy_of(alert.annotations, alert.annotation_count);
  made.starts_at_ns = alert.starts_at_ns;
  made.ends_at_ns = alert.ends_at_ns;
  made.time_ns = alert.time_ns;
  made.value = alert.value;
  made.lost = alert.lost;
  made.metric = from_abi(alert.metric);
  made.expression = from_abi(alert.expression);
  made.reason = from_abi(alert.reason);
  if (alert.context != nullptr) {
    const auto& context = *alert.context;
    made.context = Context{context.pid,
                           context.tid,
                           context.ppid,
                           context.start_time_ns,
                           context.cgroup_id,
                           std::string(from_abi(context.comm)),
                           std::string(from_abi(context.parent_comm)),
                           std::string(from_abi(context.container_id)),
                           {context.stack, context.stack + context.stack_count},
                           {},
                           {},
                           {}};
    if (context.size < sizeof(sentinel_context)) return made;  // of an older agent
    made.context->exe = from_abi(context.exe);
    made.context->pod = from_abi(context.pod);
    for (std::uint32_t i = 0; context.symbols != nullptr && i < context.stack_count; ++i) {
      made.context->symbols.emplace_back(from_abi(context.symbols[i]));
    }
  }
  return made;
}

AbiAlert::AbiAlert(const Alert& alert, const Labels& more_annotations) {
  for (const auto& label : alert.labels) labels_.push_back(view(label));
  for (const auto& annotation : alert.annotations) {
    if (value_of(more_annotations, annotation.name).empty()) annotations_.push_back(view(annotation));
  }
  for (const auto& annotation : more_annotations) annotations_.push_back(view(annotation));
  std::sort(annotations_.begin(), annotations_.end(),
            [](const sentinel_label& a, const sentinel_label& b) { return from_abi(a.name) < from_abi(b.name); });
  alert_.size = sizeof(alert_);
  alert_.state = alert.firing ? SENTINEL_ALERT_FIRING : SENTINEL_ALERT_RESOLVED;
  alert_.fingerprint = alert.fingerprint;
  alert_.name = to_abi(alert.name);
  alert_.severity = to_abi(alert.severity);
  alert_.labels = labels_.data();
  alert_.annotations = annotations_.data();
  alert_.label_count = static_cast<std::uint32_t>(labels_.size());
  alert_.annotation_count = static_cast<std::uint32_t>(annotations_.size());
  alert_.starts_at_ns = alert.starts_at_ns;
  alert_.ends_at_ns = alert.ends_at_ns;
  alert_.time_ns = alert.time_ns;
  alert_.value = alert.value.value_or(0);
  alert_.lost = alert.lost;
  alert_.metric = to_abi(alert.metric);
  alert_.expression = to_abi(alert.expression);
  alert_.reason = to_abi(alert.reason);
  if (!alert.context) return;
  const auto& context = *alert.context;
  context_.size = sizeof(context_);
  context_.pid = context.pid;
  context_.tid = context.tid;
  context_.ppid = context.ppid;
  context_.start_time_ns = context.start_time_ns;
  context_.cgroup_id = context.cgroup_id;
  context_.comm = to_abi(context.comm);
  context_.parent_comm = to_abi(context.parent_comm);
  context_.container_id = to_abi(context.container_id);
  context_.stack = context.stack.data();
  context_.exe = to_abi(context.exe);
  context_.pod = to_abi(context.pod);
  for (const auto& symbol : context.symbols) symbols_.push_back(to_abi(symbol));
  if (!symbols_.empty()) context_.symbols = symbols_.data();
  context_.stack_count = static_cast<std::uint32_t>(context.stack.size());
  alert_.context = &context_;
}

bool names_this_host(std::string_view instance, std::string_view ours) {
  std::string_view host = instance;
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else if (host.find(':') == host.rfind(':')) {
    host = host.substr(0, host.find(':'));
  }
  return host.empty() || instance == ours || host == ours || host == "localhost" || host == "::1" ||
         host.starts_with("127.");
}

}  // namespace snapshot
