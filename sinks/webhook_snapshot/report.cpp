#include "sinks/webhook_snapshot/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "sinks/webhook_snapshot/take.hpp"
#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

constexpr std::size_t most_stack_lines = 12;

double seconds_since(std::int64_t before_ns, std::int64_t now_ns) {
  return static_cast<double>(now_ns - before_ns) / 1e9;
}

void bullet(std::string& out, std::string_view what, const std::string& value) {
  if (!value.empty()) out.append("- **").append(what).append(":** ").append(value).append("\n");
}

std::string labels_text(const Labels& labels, bool without_name) {
  std::string text;
  for (const auto& label : labels) {
    if (without_name && (label.name == "alertname" || label.name == "severity")) continue;
    if (!text.empty()) text += ", ";
    text += code(label.name + "=" + label.value);
  }
  return text;
}

void write_head(const Scene& scene, std::string& out) {
  const auto& alert = *scene.alert;
  const auto host = value_of(scene.agent_labels, "instance");
  out.append("# ").append(alert.origin == Origin::hand ? "Snapshot by hand" : plain(alert.name));
  if (!alert.severity.empty()) out.append(" (").append(plain(alert.severity)).append(")");
  if (!host.empty()) out.append(" on ").append(plain(host));
  out += "\n\n";
  if (!scene.culprit.empty()) out.append("> **").append(plain(scene.culprit)).append("**\n\n");
  out.append("Taken ").append(readable_time(scene.taken_ns));
  if (alert.starts_at_ns != 0 && alert.origin != Origin::hand) {
    const double after = seconds_since(alert.starts_at_ns, scene.taken_ns);
    if (after >= 0) out.append(", ").append(human_seconds(after)).append(" after the alert fired");
  }
  out.append(", in ").append(human_seconds(scene.took_ms / 1e3)).append(". ");
  const auto missing = std::count_if(scene.items.begin(), scene.items.end(), [](const Item& item) {
    return item.state != Item::State::taken && item.state != Item::State::absent;
  });
  out += missing == 0 ? "Nothing is missing.\n"
                      : std::to_string(missing) + (missing == 1 ? " item is" : " items are") +
                            " missing or cut, see [below](#what-is-missing).\n";
}

void write_alert(const Scene& scene, std::string& out) {
  const auto& alert = *scene.alert;
  out += "\n## What fired\n\n";
  if (alert.origin == Origin::hand) {
    out += "Nothing: someone asked for it.\n\n";
    bullet(out, "Why", plain(alert.reason));
    return;
  }
  bullet(out, "Summary", plain(value_of(alert.annotations, "summary")));
  bullet(out, "Description", plain(value_of(alert.annotations, "description")));
  bullet(out, "Rule", alert.expression.empty() ? "" : code(alert.expression, 500));
  if (alert.value) {
    auto text = "**" + quantity(*alert.value, alert.metric) + "**";
    if (const auto threshold = threshold_of(alert.expression))
      text += ", threshold " + quantity(*threshold, alert.metric);
    bullet(out, "Value", text);
  }
  if (alert.starts_at_ns != 0) bullet(out, "Firing since", readable_time(alert.starts_at_ns));
  bullet(out, "Labels", labels_text(alert.labels, true));
  bullet(
      out, "Runbook",
      value_of(alert.annotations, "runbook_url").empty() ? "" : code(value_of(alert.annotations, "runbook_url"), 300));
  if (alert.lost > 0)
    bullet(out, "Records lost in its window", std::to_string(alert.lost) + ": the value may be too low");
  if (alert.origin == Origin::webhook) {
    bullet(out, "Told by",
           "a post to /webhook" +
               (alert.generator.empty() ? "" : ", which says it comes from " + code(alert.generator, 300)));
  }
}

void write_event(const Context& context, std::string& out) {
  out += "\nThe event that tripped the rule was of:\n\n";
  bullet(out, "Process",
         code(context.comm) + ", pid " + std::to_string(context.pid) +
             (context.tid != 0 && context.tid != context.pid ? ", thread " + std::to_string(context.tid) : ""));
  bullet(out, "Executable", context.exe.empty() ? "" : code(context.exe, 300));
  if (context.ppid != 0) bullet(out, "Parent", code(context.parent_comm) + ", pid " + std::to_string(context.ppid));
  bullet(out, "Container", context.container_id.empty() ? "" : code(context.container_id));
  bullet(out, "Pod", context.pod.empty() ? "" : code(context.pod, 320));
  if (context.cgroup_id != 0) bullet(out, "Cgroup id", std::to_string(context.cgroup_id));
  if (context.stack.empty()) return;
  const bool named = context.symbols.size() == context.stack.size();
  out += "- **Kernel stack** then, innermost first";
  if (!named) out += " (addresses: look them up in `/proc/kallsyms` of this boot)";
  out += ":\n\n```\n";
  for (std::size_t i = 0; i < context.stack.size(); ++i) {
    const std::string symbol = named ? plain(context.symbols[i]) : std::string();
    out.append(symbol.empty() ? "0x" + hex(context.stack[i]) : symbol).append("\n");
  }
  out += "```\n";
}

void write_whom(const Scene& scene, std::string& out) {
  out += "\n## On whom\n\n";
  bullet(out, "Host", labels_text(scene.agent_labels, false));
  bullet(out, "Machine",
         std::to_string(scene.stat.cpus.size()) + (scene.stat.cpus.size() == 1 ? " CPU, " : " CPUs, ") +
             human_bytes(scene.memory_bytes("MemTotal")) + " of memory, " + plain(scene.kernel) + ", up " +
             human_seconds(scene.uptime_seconds));
  if (!scene.about_this_host()) {
    out.append("\n**The alert names ").append(code(value_of(scene.alert->labels, "instance")));
    out.append(", but this snapshot is of ").append(code(value_of(scene.agent_labels, "instance"))).append(".**\n");
  }
  if (scene.alert->context) write_event(*scene.alert->context, out);
}

void write_suspect(const Suspect& suspect, std::string& out) {
  out.append("\n### ").append(code(suspect.name)).append(" (pid ").append(std::to_string(suspect.pid)).append(")\n\n");
  if (!suspect.gone.empty()) {
    out.append("Nothing could be read of it: ").append(suspect.gone).append(".\n");
    return;
  }
  bullet(out, "Command line",
         suspect.cmdline.empty()
             ? plain(suspect.cmdline_problem.empty() ? "none (a kernel thread or a zombie)" : suspect.cmdline_problem)
             : code(suspect.cmdline, 400));
  bullet(out, "Container", suspect.container.empty() ? "" : code(suspect.container));
  bullet(out, "Cgroup", suspect.cgroup.empty() ? "" : code(suspect.cgroup, 300));
  std::string facts;
  for (const auto& [name, value] : suspect.facts) facts += (facts.empty() ? "" : ", ") + name + " " + plain(value);
  if (suspect.open_fds) facts += (facts.empty() ? "" : ", ") + std::to_string(*suspect.open_fds) + " open descriptors";
  bullet(out, "Facts", facts);
  bullet(out, "Evidence", "[" + suspect.folder + "](" + suspect.folder + "/)");
  if (suspect.stack.empty()) return;
  out += "- **Kernel stack** now, innermost first:\n\n```\n";
  std::size_t lines = 0;
  for (std::string_view rest = suspect.stack; !rest.empty() && lines < most_stack_lines; ++lines) {
    const auto line = rest.substr(0, std::min(rest.find('\n'), rest.size()));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    auto shown = clean(line, 200);
    std::replace(shown.begin(), shown.end(), '`', '\'');
    out.append(shown).append("\n");
  }
  out += "```\n";
}

void write_culprits(const Scene& scene, std::string& out) {
  out += "\n## Culprits\n\n";
  if (scene.culprits.empty()) out += "None was found.\n";
  if (!scene.culprits.empty() && !scene.culprits.front().blamed && scene.alert->origin != Origin::hand) {
    out += scene.subject == Subject::other || scene.subject == Subject::network
               ? "What the alert is about names no culprit; the busiest and the largest process then:\n\n"
               : "Those that explain an alert about " + std::string(to_string(scene.subject)) + " best:\n\n";
  }
  std::size_t place = 0;
  for (const auto& culprit : scene.culprits) {
    out.append(std::to_string(++place)).append(". **").append(plain(culprit.name, 120)).append("**");
    if (culprit.pid != 0) out.append(" (pid ").append(std::to_string(culprit.pid)).append(")");
    out.append(": ").append(plain(culprit.why)).append("\n");
  }
  if (!scene.remarks.empty()) out += "\n";
  for (const auto& remark : scene.remarks) out.append("- ").append(plain(remark)).append("\n");
  for (const auto& suspect : scene.suspects) write_suspect(suspect, out);
}

void write_before(const Scene& scene, std::string& out) {
  constexpr std::size_t width = 60;
  out += "\n## What came before\n\n";
  const auto& chart = scene.chart;
  if (chart.tracks.empty()) {
    out +=
        !scene.chart_problem.empty() ? "The history could not be read: " + plain(scene.chart_problem) + ".\n"
        : chart.metric.empty()
            ? "The alert names no metric of this agent. All that it remembers is in [history.csv](history.csv).\n"
            : "The agent remembers nothing of " + code(chart.metric) + "; the rest is in [history.csv](history.csv).\n";
    return;
  }
  std::int64_t from = chart.tracks.front().points.front().first;
  std::int64_t to = chart.tracks.front().points.back().first;
  for (const auto& track : chart.tracks) {
    from = std::min(from, track.points.front().first);
    to = std::max(to, track.points.back().first);
  }
  const auto [low, high] = range_of(chart);
  out.append(code(chart.metric))
      .append(chart.rate ? ", increase a second" : "")
      .append(", ")
      .append(readable_time(from))
      .append(" to ")
      .append(readable_time(to).substr(11));
  if (chart.threshold) out.append(", threshold ").append(quantity(*chart.threshold, chart.metric));
  out.append(":\n\n```\n");
  for (const auto& track : chart.tracks) {
    auto title = clean(track.title, 120);
    std::replace(title.begin(), title.end(), '`', '\'');
    double least = track.points.front().second;
    double most = least;
    for (const auto& point : track.points) {
      least = std::min(least, point.second);
      most = std::max(most, point.second);
    }
    out.append(title).append("\n  ").append(sparkline(track, from, to, low, high, width)).append("\n  ");
    out.append(quantity(track.points.front().second, chart.metric))
        .append(" first, ")
        .append(quantity(least, chart.metric))
        .append(" least, ");
    out.append(quantity(most, chart.metric))
        .append(" most, ")
        .append(quantity(track.points.back().second, chart.metric))
        .append(" last\n");
  }
  out.append(
      "```\n\n![course of the metric](history.svg)\n\nEverything that the agent remembers of that time: "
      "[history.csv](history.csv).\n");
}

void write_missing(const Scene& scene, std::string& out) {
  out += "\n## What is missing\n\n";
  bool any = false;
  std::string absent;
  for (const auto& item : scene.items) {
    if (item.state == Item::State::taken) continue;
    if (item.state == Item::State::absent) {
      absent += (absent.empty() ? "" : ", ") + plain(item.name, 80);
      continue;
    }
    any = true;
    out.append("- ")
        .append(plain(item.name, 120))
        .append(item.state == Item::State::partial ? " (partly): " : ": ")
        .append(plain(item.why, 400))
        .append("\n");
  }
  if (!any) out += "Nothing that this machine has.\n";
  if (!absent.empty()) out.append("\nNot on this machine, or gone: ").append(absent).append(".\n");
  out +=
      "\nNever taken: environments, and memory contents. Secrets in command lines are masked. Each item with its size, "
      "time and fate: [manifest.json](manifest.json).\n";
}

void write_labels(JsonText& json, std::string_view key, const Labels& labels) {
  json.object(key);
  for (const auto& label : labels) json.text(clean(label.name), label.value);
  json.end();
}

void write_times(JsonText& json, const Alert& alert) {
  alert.starts_at_ns == 0 ? json.null("starts_at") : json.text("starts_at", rfc3339(alert.starts_at_ns));
  alert.ends_at_ns == 0 ? json.null("ends_at") : json.text("ends_at", rfc3339(alert.ends_at_ns));
}

}  // namespace

void write_report(const Scene& scene, std::string& out) {
  write_head(scene, out);
  write_alert(scene, out);
  write_whom(scene, out);
  write_culprits(scene, out);
  write_host(scene, out);
  write_before(scene, out);
  write_missing(scene, out);
}

void write_manifest(const Scene& scene, std::string& out) {
  JsonText json;
  json.object()
      .integer("schema", 1)
      .text("id", scene.id)
      .text("taken_at", rfc3339(scene.taken_ns))
      .number("took_ms", std::round(scene.took_ms * 10) / 10);
  json.text("alert", scene.alert->name).text("told_by", to_string(scene.alert->origin));
  scene.culprit.empty() ? json.null("culprit") : json.text("culprit", scene.culprit);
  if (scene.processes != nullptr) json.number("cpu_interval_seconds", scene.processes->seconds_between());
  json.array("items");
  for (const auto& item : scene.items) {
    json.object().text("name", item.name);
    item.file.empty() ? json.null("file") : json.text("file", item.file);
    json.integer("bytes", static_cast<std::int64_t>(item.bytes)).number("ms", std::round(item.ms * 100) / 100);
    json.text("state", to_string(item.state));
    if (!item.why.empty()) json.text("why", item.why);
    json.end();
  }
  json.end().end();
  out += json.take();
}

std::string Taker::alert_json(const Alert& alert, const std::vector<Alert>& joined, std::uint64_t joined_in_all) {
  JsonText json;
  json.object().integer("schema", 1).text("name", alert.name).text("status", alert.firing ? "firing" : "resolved");
  json.text("fingerprint", hex(alert.fingerprint))
      .text("severity", alert.severity)
      .text("told_by", to_string(alert.origin));
  write_times(json, alert);
  alert.value ? json.number("value", *alert.value) : json.null("value");
  json.text("metric", alert.metric).text("expression", alert.expression);
  json.integer("records_lost", static_cast<std::int64_t>(alert.lost));
  if (!alert.reason.empty()) json.text("reason", alert.reason);
  if (!alert.generator.empty()) json.text("generator_url", alert.generator);
  write_labels(json, "labels", alert.labels);
  write_labels(json, "annotations", alert.annotations);
  if (alert.context) {
    const auto& context = *alert.context;
    json.object("context").integer("pid", context.pid).integer("tid", context.tid).integer("ppid", context.ppid);
    json.text("comm", context.comm).text("parent_comm", context.parent_comm).text("container_id", context.container_id);
    json.text("exe", context.exe).text("pod", context.pod);
    json.text("cgroup_id", std::to_string(context.cgroup_id))
        .text("start_time_ns", std::to_string(context.start_time_ns));
    json.array("stack");
    for (const auto address : context.stack) json.text("", "0x" + hex(address));
    json.end().array("symbols");
    for (const auto& symbol : context.symbols) json.text("", symbol);
    json.end().end();
  }
  json.integer("joined_count", static_cast<std::int64_t>(joined_in_all)).array("joined");
  for (const auto& other : joined) {
    json.object()
        .text("name", other.name)
        .text("fingerprint", hex(other.fingerprint))
        .text("told_by", to_string(other.origin));
    write_times(json, other);
    write_labels(json, "labels", other.labels);
    json.end();
  }
  json.end().end();
  return json.take();
}

}  // namespace snapshot
