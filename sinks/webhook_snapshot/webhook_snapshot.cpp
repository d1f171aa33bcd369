// When an alert fires: posts it, takes a snapshot of the host, and posts it again with the culprit and the snapshot's
// place. Takes posts of Alertmanager too (POST /webhook), and requests by hand (POST /api/v1/snapshots).
//
// Holds nothing that a swap must keep: snapshots are in the directory, undelivered posts with the agent.
#include <sentinel/sink.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "sinks/webhook_snapshot/posts.hpp"
#include "sinks/webhook_snapshot/snapshots.hpp"
#include "sinks/webhook_snapshot/text.hpp"
#include "sinks/webhook_snapshot/webhook.hpp"

namespace {

using namespace snapshot;
using sentinel::Errc;
using sentinel::Error;
using sentinel::Field;
using sentinel::FieldType;
using sentinel::Result;

constexpr std::string_view list_path = "/api/v1/snapshots";

class WebhookSnapshot {
 public:
  static constexpr Field schema[] = {
      {.name = "directory",
       .type = FieldType::path,
       .by_default = "artifacts/snapshots",
       .help = "where snapshots go; made if missing"},
      {.name = "post_to", .type = FieldType::string_list, .help = "URLs that take Alertmanager's webhook, version 4"},
      {.name = "alertmanagers", .type = FieldType::string_list, .help = "URLs of Alertmanagers"},
      {.name = "bearer_token_file", .type = FieldType::path, .help = "what all of them are told as a bearer token"},
      {.name = "username", .help = "of basic authentication, instead of a token"},
      {.name = "password_file", .type = FieldType::path, .help = "of basic authentication"},
      {.name = "ca_file", .type = FieldType::path, .help = "PEM; without it, the system's authorities"},
      {.name = "webhook_path", .by_default = "/webhook", .help = "where Alertmanagers post to"},
      {.name = "only_own",
       .type = FieldType::boolean,
       .by_default = "false",
       .help = "ignores posted alerts whose `instance` is another host"},
      {.name = "join_window",
       .type = FieldType::duration,
       .by_default = "30s",
       .help = "alerts of one name within it share a snapshot",
       .minimum = 0,
       .maximum = 86400},
      {.name = "most_waiting",
       .type = FieldType::integer,
       .by_default = "16",
       .help = "snapshots that may wait while one is taken",
       .minimum = 1,
       .maximum = 1000},
      {.name = "history",
       .type = FieldType::duration,
       .by_default = "15m",
       .help = "how far back history.csv goes, if the agent remembers it",
       .minimum = 0,
       .maximum = 86400},
      {.name = "quota",
       .type = FieldType::bytes,
       .by_default = "256MiB",
       .help = "of all snapshots; the oldest go first",
       .minimum = 1048576,
       .maximum = 1e15},
      {.name = "keep",
       .type = FieldType::duration,
       .by_default = "7d",
       .help = "age at which a snapshot is removed",
       .minimum = 60,
       .maximum = 315360000},
      {.name = "min_free_ratio",
       .type = FieldType::number,
       .by_default = "0.05",
       .help = "share of the disk below which none is taken",
       .minimum = 0,
       .maximum = 1},
      {.name = "commands",
       .type = FieldType::string_list,
       .help = "programs whose output is kept too, such as \"ss -s\"; no shell"},
      {.name = "command_timeout",
       .type = FieldType::duration,
       .by_default = "2s",
       .help = "of each",
       .minimum = 0.01,
       .maximum = 60},
      {.name = "helper_timeout",
       .type = FieldType::duration,
       .by_default = "500ms",
       .help = "of what may hang: command lines, descriptors, maps, mounts",
       .minimum = 0.01,
       .maximum = 60},
      {.name = "procfs", .type = FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"},
      {.name = "cgroupfs",
       .type = FieldType::path,
       .by_default = "/sys/fs/cgroup",
       .help = "where cgroups(7) are mounted"},
      {.name = "kernel_log", .type = FieldType::path, .by_default = "/dev/kmsg", .help = "the kernel's log"}};

  WebhookSnapshot(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        labels_(own_labels(host)),
        only_own_(config.boolean("only_own")),
        webhook_path_(config.string("webhook_path")),
        posts_(host, receivers(config, host)),
        snapshots_(settings(config), agent(), callbacks()) {
    host_.handle("POST", webhook_path_);
    host_.handle("GET", list_path);
    host_.handle("POST", list_path);
  }

  Result<void> start() {
    snapshots_.start();
    return {};
  }
  Result<void> drain(std::chrono::nanoseconds deadline) {
    snapshots_.drain(std::max(deadline - host_.now(), std::chrono::nanoseconds(0)));
    return {};
  }
  Result<void> resume() {
    snapshots_.resume();
    return {};
  }
  Result<void> stop() {
    snapshots_.stop();
    return {};
  }

  /// Errors: of the post; else of the last snapshot, once.
  Result<void> alert(const sentinel_alert& raw) {
    auto posted = posts_.first(raw);
    if (raw.state == SENTINEL_ALERT_FIRING) snapshots_.request(copy_of(raw));
    if (!posted) return posted;
    if (auto failure = snapshots_.take_failure()) return *failure;
    return {};
  }

  Result<void> handle(const sentinel::HttpRequest& request, sentinel::HttpResponse& response) {
    if (request.path() == webhook_path_) return answer_webhook(request.body(), response);
    return request.method() == "POST" ? answer_by_hand(request.body(), response) : answer_list(response);
  }

  Result<void> details(sentinel::Rows& rows) {
    constexpr std::size_t most_rows = 50;
    const auto all = snapshots_.list();
    for (std::size_t i = 0; i < all.size() && i < most_rows; ++i) {
      const auto& one = all[i];
      rows.add("snapshots", {{"id", one.id},
                             {"alert", one.alert},
                             {"time", rfc3339(one.time_ns)},
                             {"state", to_string(one.state)},
                             {"bytes", std::to_string(one.bytes)},
                             {"joined", std::to_string(one.joined)},
                             {"culprit", one.culprit},
                             {"problem", one.problem}});
    }
    const auto counters = snapshots_.counters();
    // The agent shows these two tables as metrics: sentinel_sink_counter_total and sentinel_sink_gauge.
    for (const auto& [name, value] : counts_of(counters)) {
      rows.add("counters", {{"name", name}, {"value", exact_number(value)}});
    }
    for (const auto& [name, value] : gauges_of(counters)) {
      rows.add("gauges", {{"name", name}, {"value", exact_number(value)}});
    }
    if (!counters.last_error.empty()) rows.add("snapshot_errors", {{"message", counters.last_error}});
    return {};
  }

 private:
  static Labels own_labels(const sentinel::Host& host) {
    Labels labels;
    for (const auto& label : host.labels()) {
      labels.push_back({std::string(sentinel::from_abi(label.name)), std::string(sentinel::from_abi(label.value))});
    }
    return labels;
  }

  static std::vector<std::uint32_t> receivers(const sentinel::Config& config, const sentinel::Host& host) {
    const auto text = [&](std::string_view name) { return config.has(name) ? config.string(name) : std::string(); };
    const auto path = [&](std::string_view name) { return config.has(name) ? config.path(name) : std::string(); };
    const auto token = path("bearer_token_file");
    const auto username = text("username");
    const auto password = path("password_file");
    const auto authorities = path("ca_file");
    if (!token.empty() && !username.empty()) {
      throw sentinel::PluginError(
          {Errc::invalid_argument, "`bearer_token_file` and `username` cannot both be sent: leave one out"});
    }
    if (username.empty() != password.empty()) {
      throw sentinel::PluginError({Errc::invalid_argument, "`username` and `password_file` need each other"});
    }
    std::vector<std::uint32_t> ids;
    const auto add = [&](std::string_view list, sentinel_receiver_kind kind) {
      if (!config.has(list)) return;
      for (const auto& url : config.strings(list)) {
        ids.push_back(host.add_receiver({sizeof(sentinel_receiver), static_cast<std::uint32_t>(kind),
                                         sentinel::to_abi(url), sentinel::to_abi(authorities), sentinel::to_abi(token),
                                         sentinel::to_abi(username), sentinel::to_abi(password)}));
      }
    };
    add("post_to", SENTINEL_RECEIVER_WEBHOOK);
    add("alertmanagers", SENTINEL_RECEIVER_ALERTMANAGER);
    return ids;
  }

  static Settings settings(const sentinel::Config& config) {
    Settings made;
    // Absolute, because the place goes into posts that are read elsewhere.
    made.directory = std::filesystem::absolute(config.path("directory")).lexically_normal().string();
    made.procfs = config.path("procfs");
    made.cgroupfs = config.path("cgroupfs");
    made.kernel_log = config.path("kernel_log");
    if (config.has("commands")) made.commands = config.strings("commands");
    made.command_timeout = config.duration("command_timeout");
    made.helper_timeout = config.duration("helper_timeout");
    made.history = config.duration("history");
    made.keep = config.duration("keep");
    made.join_window = config.duration("join_window");
    made.quota_bytes = config.bytes("quota");
    made.min_free_ratio = config.number("min_free_ratio");
    made.most_waiting = static_cast<std::size_t>(config.integer("most_waiting"));
    return made;
  }

  Agent agent() {
    return {[this] { return static_cast<std::uint64_t>(host_.now().count()); },
            [this] { return host_.unix_time().count(); },
            [this](std::uint64_t from, std::uint64_t to, const TakeTrack& take) {
              // Nothing may be thrown through the host.
              Result<void> trouble;
              auto guarded = [&](const sentinel_track& track) {
                try {
                  take(track);
                } catch (const std::exception& e) {
                  trouble = Error{Errc::failed, std::string("reading the history threw: ") + e.what()};
                }
              };
              auto done = host_.history("", std::chrono::nanoseconds(from), std::chrono::nanoseconds(to), guarded);
              return done ? trouble : done;
            },
            labels_};
  }

  Snapshots::Callbacks callbacks() {
    return {[this](Snapshots::Level level, const std::string& text) {
              switch (level) {
                case Snapshots::Level::info:
                  return host_.info(text);
                case Snapshots::Level::warning:
                  return host_.warning(text);
                case Snapshots::Level::error:
                  return host_.error(text);
              }
            },
            [this](const Alert& alert) { return posts_.fires(alert); },
            [this](const Alert& alert, const std::string& place, const std::string& culprit) {
              Labels annotations = {{"snapshot", place}};
              if (!culprit.empty()) annotations.push_back({"culprit", culprit});
              const auto posted = posts_.again(alert, annotations);
              if (!posted) host_.error("the snapshot of " + alert.name + " was not told: " + posted.error().message);
            }};
  }

  static std::array<std::pair<std::string_view, double>, 5> counts_of(const Counters& counters) {
    return {{{"snapshots_taken", static_cast<double>(counters.taken)},
             {"snapshots_joined", static_cast<double>(counters.joined)},
             {"snapshots_failed", static_cast<double>(counters.failed)},
             {"snapshots_dropped", static_cast<double>(counters.dropped)},
             {"snapshots_removed", static_cast<double>(counters.removed)}}};
  }
  static std::array<std::pair<std::string_view, double>, 5> gauges_of(const Counters& counters) {
    return {{{"snapshots_kept", static_cast<double>(counters.whole)},
             {"snapshots_waiting", static_cast<double>(counters.waiting)},
             {"snapshots_bytes", static_cast<double>(counters.bytes)},
             {"snapshot_last_duration_seconds", counters.last_seconds},
             {"snapshot_last_success_timestamp_seconds", static_cast<double>(counters.last_success_ns) / 1e9}}};
  }

  static Result<void> answer(sentinel::HttpResponse& response, int status, JsonText& json) {
    response.status(status);
    response.write(json.end().take());
    return {};
  }
  static Result<void> refuse(sentinel::HttpResponse& response, int status, std::string_view what,
                             std::string_view at = {}) {
    JsonText json(JsonText::Style::compact);
    json.object().text("status", "refused").text("error", what);
    if (!at.empty()) json.text("at", at);
    return answer(response, status, json);
  }

  /// Why a posted alert gets no snapshot; empty when it does.
  [[nodiscard]] std::string why_ignored(const Alert& alert) const {
    if (!alert.firing) return "resolved";
    const auto theirs = value_of(alert.labels, "instance");
    const bool own = names_this_host(theirs, value_of(labels_, "instance"));
    if (only_own_ && !own) return "of another host, " + clean(theirs, 200) + ", and only_own is set";
    return {};
  }

  Result<void> answer_webhook(std::string_view body, sentinel::HttpResponse& response) {
    if (body.size() > most_body_bytes) return refuse(response, 413, "more than 1 MiB");
    auto posted = parse_webhook(body);
    if (posted.bad) return refuse(response, 400, posted.bad->what, posted.bad->at);
    std::string reason = "no alerts";
    std::vector<Verdict> verdicts;
    for (auto& alert : posted.alerts) {
      const auto why = why_ignored(alert);
      if (why.empty()) {
        verdicts.push_back(snapshots_.request(std::move(alert)));
      } else {
        reason = why;
      }
    }
    const auto overloaded = [](const Verdict& verdict) { return verdict.kind == Verdict::Kind::overloaded; };
    // Alertmanager tries again after a 503, and then the others join what they have already.
    if (std::any_of(verdicts.begin(), verdicts.end(), overloaded))
      return refuse(response, 503, "too many snapshots wait already; try again");
    JsonText json(JsonText::Style::compact);
    json.object();
    if (verdicts.empty()) return answer(response, 200, json.text("status", "ignored").text("reason", reason));
    const bool joined =
        std::all_of(verdicts.begin(), verdicts.end(), [](const Verdict& v) { return v.kind == Verdict::Kind::joined; });
    json.text("status", joined ? "joined" : "accepted").text("snapshot", verdicts.front().id);
    std::vector<std::string> ids;
    for (const auto& verdict : verdicts) {
      if (std::find(ids.begin(), ids.end(), verdict.id) == ids.end()) ids.push_back(verdict.id);
    }
    json.array("snapshots");
    for (const auto& id : ids) json.text("", id);
    json.end();
    return answer(response, 202, json);
  }

  Result<void> answer_by_hand(std::string_view body, sentinel::HttpResponse& response) {
    if (body.size() > most_body_bytes) return refuse(response, 413, "more than 1 MiB");
    auto asked = parse_by_hand(body);
    if (asked.bad) return refuse(response, 400, asked.bad->what, asked.bad->at);
    Alert alert;
    alert.origin = Origin::hand;
    alert.name = "manual";
    alert.reason = std::move(asked.reason);
    alert.labels = labels_;
    alert.labels.push_back({"alertname", "manual"});
    std::sort(alert.labels.begin(), alert.labels.end(), [](const Label& a, const Label& b) { return a.name < b.name; });
    alert.fingerprint = fingerprint_of(alert.labels);
    alert.starts_at_ns = host_.unix_time().count();
    const auto verdict = snapshots_.request(std::move(alert));
    if (verdict.kind == Verdict::Kind::overloaded)
      return refuse(response, 503, "too many snapshots wait already; try again");
    JsonText json(JsonText::Style::compact);
    return answer(response, 202, json.object().text("status", "accepted").text("snapshot", verdict.id));
  }

  Result<void> answer_list(sentinel::HttpResponse& response) {
    JsonText json(JsonText::Style::compact);
    json.object().array("snapshots");
    for (const auto& one : snapshots_.list()) {
      json.object()
          .text("id", one.id)
          .text("alert", one.alert)
          .text("time", rfc3339(one.time_ns))
          .text("state", to_string(one.state));
      json.integer("bytes", static_cast<std::int64_t>(one.bytes))
          .integer("joined", static_cast<std::int64_t>(one.joined));
      if (!one.culprit.empty()) json.text("culprit", one.culprit);
      if (!one.problem.empty()) json.text("problem", one.problem);
      json.end();
    }
    json.end();
    return answer(response, 200, json);
  }

  sentinel::Host host_;
  Labels labels_;
  bool only_own_;
  std::string webhook_path_;
  Posts posts_;
  Snapshots snapshots_;
};

}  // namespace

SENTINEL_SINK(WebhookSnapshot, {.name = "webhook_snapshot",
                                .version = "0.1.0",
                                .licence = "Apache-2.0",
                                .summary = "Posts alerts, and keeps the scene of each as a snapshot of the host",
                                .threading = sentinel::Threading::own_threads});
