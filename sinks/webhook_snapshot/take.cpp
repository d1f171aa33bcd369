#include "sinks/webhook_snapshot/take.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cstring>
#include <sentinel/procfs/snmp.hpp>
#include <sentinel/procfs/vmstat.hpp>
#include <thread>

#include "sinks/webhook_snapshot/items.hpp"
#include "sinks/webhook_snapshot/report.hpp"
#include "sinks/webhook_snapshot/suspect.hpp"
#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {

using Clock = std::chrono::steady_clock;
using namespace sentinel::procfs;
using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;

namespace {

constexpr std::size_t first_buffer_bytes = std::size_t{256} << 10U;
constexpr std::size_t most_suspects = 4;
/// Between the two looks at the processes: a busy one gets several of the kernel's ticks of 10 ms.
constexpr std::chrono::milliseconds least_interval(60);

std::uint64_t steady_ns() {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now().time_since_epoch()).count());
}

/// The field of Stat that two looks give a share of.
std::optional<double> share(const Stat& before, const Stat& after, CpuMode mode) {
  std::uint64_t all = 0;
  std::uint64_t of_mode = 0;
  // Guest time is within user and nice already.
  for (std::size_t i = 0; i < static_cast<std::size_t>(CpuMode::guest); ++i) {
    const auto was = before.total.jiffies[i];
    const auto is = after.total.jiffies[i];
    const auto spent = is > was ? is - was : 0;
    all += spent;
    if (i == static_cast<std::size_t>(mode)) of_mode = spent;
  }
  if (all == 0) return std::nullopt;
  return static_cast<double>(of_mode) / static_cast<double>(all);
}

}  // namespace

Taker::Taker(const Settings& settings, Agent agent)
    : settings_(settings),
      agent_(std::move(agent)),
      processes_(std::make_unique<ProcessTable>(most_processes)),
      sockets_(std::make_unique<SocketTable>()),
      descriptors_(std::make_unique<DescriptorWalker>()) {
  while (buffer_.capacity_bytes() < first_buffer_bytes) buffer_.grow();
  text_.reserve(first_buffer_bytes);
  for (const auto& text : settings_.commands) {
    auto command = find_command(text);
    if (command) {
      commands_.emplace_back(std::move(*command), "");
    } else {
      commands_.emplace_back(Command{text, {}, {}}, command.error().message);
    }
  }
}

Result<Outcome> Taker::take(const Alert& alert, const std::string& id, Draft& draft,
                            const std::atomic<bool>& cancelled) {
  const auto before = Clock::now();
  scene_ = Scene();
  scene_.alert = &alert;
  scene_.id = id;
  scene_.taken_ns = agent_.unix_ns();
  scene_.boot_ns = agent_.boot_ns();
  scene_.agent_labels = agent_.labels;
  scene_.processes = processes_.get();
  scene_.sockets = sockets_.get();
  scene_.subject = subject_of(alert);
  scene_.uptime_seconds = static_cast<double>(scene_.boot_ns) / 1e9;
  utsname system{};
  if (::uname(&system) == 0) scene_.kernel = std::string(system.sysname) + " " + system.release + " " + system.machine;
  draft_ = &draft;
  cancelled_ = &cancelled;

  const auto root = Root::open(settings_.procfs);
  if (!root) return root.error();
  // What everything else is worth nothing without; if the disk takes not even this, nothing is tried.
  if (const auto done = draft.write("alert.json", alert_json(alert, {}, 0)); !done) return done.error();

  using Step = void (Taker::*)(const Root&);
  for (const Step step : {&Taker::take_host, &Taker::take_tables, &Taker::look_again, &Taker::ask_mounts_and_owners,
                          &Taker::take_suspects}) {
    if (cancelled.load()) return Error{Errc::timeout, "the agent stops"};
    (this->*step)(*root);
  }
  take_history();
  ask_suspects(*root);
  run_commands();
  if (cancelled.load()) return Error{Errc::timeout, "the agent stops"};

  scene_.took_ms = std::chrono::duration<double, std::milli>(Clock::now() - before).count();
  if (const auto done = write_summary(); !done) return done.error();
  Outcome outcome;
  outcome.culprit = scene_.culprit;
  outcome.bytes = draft.bytes();
  outcome.ms = scene_.took_ms;
  outcome.missing =
      static_cast<std::size_t>(std::count_if(scene_.items.begin(), scene_.items.end(), [](const Item& item) {
        return item.state == Item::State::failed || item.state == Item::State::partial;
      }));
  return outcome;
}

void Taker::copy(const Root& root, const std::string& file,
                 const std::function<Result<void>(std::string_view)>& parse) {
  auto name = file;
  // Whichever process' view of the network it was read through, it is the host's.
  if (name.starts_with("1/")) name.erase(0, 2);
  take_item(scene_.items, name, "evidence/" + name, [&](Item& item) -> Result<std::uint64_t> {
    const auto text = root.read(file, buffer_);
    if (!text) return text.error();
    auto written = write_item(*draft_, item, *text);
    if (!written) return written;
    if (const auto parsed = parse(*text); !parsed) {
      item.state = Item::State::partial;
      item.why = parsed.error().message;
    }
    return written;
  });
}

std::string Taker::net_folder(const Root& root) const {
  // In a container with the host's procfs, net leads to the container's own network; that of process 1 is the host's.
  if (settings_.procfs == "/proc") return "net/";
  sentinel::procfs::Buffer small;
  return root.read("1/net/sockstat", small) ? "1/net/" : "net/";
}

void Taker::take_host(const Root& root) {
  const auto nothing = [](std::string_view) { return Result<void>(); };
  const auto into = [](auto& out, auto parse) {
    return [&out, parse](std::string_view text) -> Result<void> {
      auto parsed = parse(text);
      if (!parsed) return parsed.error();
      out = *parsed;
      return {};
    };
  };
  take_item(scene_.items, "processes, first look", "", [&](Item&) -> Result<std::uint64_t> {
    first_look_ns_ = steady_ns();
    const auto counts = processes_->look(root, first_look_ns_);
    if (!counts) return counts.error();
    scene_.process_counts = *counts;
    return std::uint64_t{0};
  });
  copy(root, "stat", [this](std::string_view text) { return parse_stat(text, stat_before_); });
  copy(root, "meminfo", [this](std::string_view text) { return parse_meminfo(text, scene_.memory); });
  copy(root, "loadavg", into(scene_.load, &parse_loadavg));
  copy(root, "pressure/cpu", into(scene_.pressure_cpu, &parse_pressure));
  copy(root, "pressure/memory", into(scene_.pressure_memory, &parse_pressure));
  copy(root, "pressure/io", into(scene_.pressure_io, &parse_pressure));
  copy(root, "vmstat", [this](std::string_view text) -> Result<void> {
    const auto counters = parse_vmstat(text);
    if (!counters) return counters.error();
    if (counters->oom_kill.value_or(0) > 0) scene_.counters.emplace_back("OOM kills", *counters->oom_kill);
    return {};
  });
  const auto net = net_folder(root);
  const auto counters = [this](std::string_view protocol,
                               std::initializer_list<std::pair<const char*, const char*>> wanted) {
    return [this, protocol, list = std::vector(wanted)](std::string_view text) -> Result<void> {
      const auto table = parse_snmp(text);
      if (!table) return table.error();
      for (const auto& [column, name] : list) {
        const auto value = table->find(protocol, column);
        if (value.value_or(0) > 0) scene_.counters.emplace_back(name, *value);
      }
      return {};
    };
  };
  copy(root, net + "snmp",
       counters("Tcp", {{"OutSegs", "TCP segments sent"},
                        {"RetransSegs", "TCP segments sent again"},
                        {"EstabResets", "TCP connections reset"}}));
  copy(root, net + "netstat",
       counters("TcpExt", {{"ListenOverflows", "connections refused by full accept queues"},
                           {"ListenDrops", "connections dropped by listeners"},
                           {"TCPAbortOnMemory", "connections aborted for want of memory"},
                           {"TCPTimeWaitOverflow", "TIME_WAIT sockets beyond tcp_max_tw_buckets"}}));
  copy(root, net + "sockstat", into(scene_.sockets_in_use, &parse_sockstat));
  copy(root, net + "sockstat6", nothing);
  for (const auto* file : {"net/dev", "diskstats", "sys/fs/file-nr", "swaps", "uptime", "version"}) {
    copy(root, std::strncmp(file, "net/", 4) == 0 ? net + (file + 4) : file, nothing);
  }
  take_item(scene_.items, "kernel log", "evidence/kernel.log", [&](Item& item) -> Result<std::uint64_t> {
    if (const auto done = kernel_log_.read(settings_.kernel_log); !done) return done.error();
    scene_.kernel_lines = kernel_log_.notable(20);
    return write_item(*draft_, item, kernel_log_.tail());
  });
}

void Taker::take_tables(const Root& root) {
  take_item(scene_.items, "TCP sockets", "evidence/sockets.tsv", [&](Item& item) -> Result<std::uint64_t> {
    auto watched = tcp_state_of(*scene_.alert);
    if (watched == TcpState::unknown) watched = TcpState::established;
    const bool netlink = settings_.procfs == "/proc";
    if (const auto done = sockets_->read(root, net_folder(root), netlink, watched, buffer_); !done) return done.error();
    scene_.sockets_known = true;
    return write_sockets(item.file);
  });
  if (scene_.subject == Subject::descriptors) {
    take_item(scene_.items, "open descriptors of each process", "", [&](Item& item) -> Result<std::uint64_t> {
      const auto counts = descriptors_->walk(root, [this](const PidDescriptors& found) {
        scene_.open_fds.emplace_back(found.pid, found.open);
        // Kept short while it grows: only the greatest matter.
        constexpr std::size_t most = 512;
        if (scene_.open_fds.size() < most) return;
        std::sort(scene_.open_fds.begin(), scene_.open_fds.end(),
                  [](const auto& a, const auto& b) { return a.second > b.second; });
        scene_.open_fds.resize(10);
      });
      if (!counts) return counts.error();
      std::sort(scene_.open_fds.begin(), scene_.open_fds.end(),
                [](const auto& a, const auto& b) { return a.second > b.second; });
      if (scene_.open_fds.size() > 10) scene_.open_fds.resize(10);
      if (counts->denied > 0) {
        item.state = Item::State::partial;
        item.why = std::to_string(counts->denied) + " processes may not be looked into: CAP_SYS_PTRACE is missing";
      }
      return std::uint64_t{0};
    });
  }
}

void Taker::look_again(const Root& root) {
  const auto again_ns = first_look_ns_ + static_cast<std::uint64_t>(std::chrono::nanoseconds(least_interval).count());
  if (const auto now = steady_ns(); now < again_ns)
    std::this_thread::sleep_for(std::chrono::nanoseconds(again_ns - now));
  take_item(scene_.items, "processes", "evidence/processes.tsv", [&](Item& item) -> Result<std::uint64_t> {
    const auto counts = processes_->look_again(root, steady_ns());
    if (!counts) return counts.error();
    if (processes_->beyond() > 0) {
      item.state = Item::State::partial;
      item.why = std::to_string(processes_->beyond()) + " processes more than the " + std::to_string(most_processes) +
                 " that there is room for";
    } else if (counts->denied > 0) {
      item.state = Item::State::partial;
      item.why = std::to_string(counts->denied) + " processes may not be seen (hidepid)";
    }
    return write_processes(item.file);
  });
  // The tables were read meanwhile, so that this is a share of some time.
  if (const auto text = root.read("stat", buffer_); text && parse_stat(*text, scene_.stat)) {
    if (const auto busy = cpu_usage_ratio(stat_before_.total, scene_.stat.total)) scene_.cpu_busy = *busy;
    scene_.cpu_iowait = share(stat_before_, scene_.stat, CpuMode::iowait);
    scene_.cpu_steal = share(stat_before_, scene_.stat, CpuMode::steal);
  }
}

void Taker::take_suspects(const Root& root) {
  find_culprits(scene_);
  SuspectReader reader(root, settings_.cgroupfs, buffer_);
  for (const auto pid : suspects_of(scene_, most_suspects)) {
    scene_.suspects.push_back(reader.read(pid, scene_, *draft_, scene_.items));
  }
}

void Taker::take_history() {
  const auto& alert = *scene_.alert;
  scene_.chart.metric = alert.metric.empty() ? std::string(metric_of(scene_.subject)) : alert.metric;
  scene_.chart.rate = scene_.chart.metric.ends_with("_total");
  // A threshold belongs to the rule's own metric and unit, so to no stand-in and no rate of another window.
  if (!alert.metric.empty() && !scene_.chart.rate) scene_.chart.threshold = threshold_of(alert.expression);
  scene_.chart.fired_ns = alert.starts_at_ns;
  const auto offset = scene_.taken_ns - static_cast<std::int64_t>(scene_.boot_ns);
  const auto length = static_cast<std::uint64_t>(settings_.history.count());
  const auto from = scene_.boot_ns > length ? scene_.boot_ns - length : 0;
  auto labels = alert.labels;
  if (alert.metric.empty()) {
    // Labels of someone else's alert say nothing of our series but the state that it is about.
    const auto state = scene_.subject == Subject::zombies
                           ? "zombie"
                           : std::string(tcp_state_names[static_cast<std::size_t>(tcp_state_of(alert))]);
    labels.clear();
    if (state != "unknown") labels.push_back({"state", state});
  }
  const bool kept = take_item(scene_.items, "history", "history.csv", [&](Item& item) -> Result<std::uint64_t> {
    auto file = draft_->create(item.file);
    if (!file) return file.error();
    const auto most = std::min<std::uint64_t>(std::uint64_t{8} << 20U, settings_.quota_bytes / 8);
    const auto facts = write_history(agent_.history, from, agent_.boot_ns(), offset, most, labels, scene_.chart, *file);
    const auto closed = file->close();
    if (!facts) return facts.error();
    if (!closed) return closed.error();
    if (facts->cut) {
      item.state = Item::State::partial;
      item.why = "more than " + human_bytes(most);
    }
    return file->bytes();
  });
  if (!kept) scene_.chart_problem = scene_.items.back().why;
  if (scene_.chart.tracks.empty()) return;
  take_item(scene_.items, "picture of the history", "history.svg",
            [&](Item& item) { return draft_->write(item.file, svg(scene_.chart)); });
}

Result<void> Taker::write_summary() {
  text_.clear();
  write_report(scene_, text_);
  if (const auto done = draft_->write("report.md", text_); !done) return done.error();
  text_.clear();
  write_manifest(scene_, text_);
  if (const auto done = draft_->write("manifest.json", text_); !done) return done.error();
  return {};
}

}  // namespace snapshot
