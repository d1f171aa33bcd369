#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <system_error>
#include <utility>

#include "core/app/commands.hpp"
#include "core/app/pipeline_file.hpp"
#include "core/app/top/signals.hpp"
#include "core/app/trace.hpp"
#include "core/config/config.hpp"
#include "core/plugin/find.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::app {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr TraceFilter port = {"--port", "ports", "Only with one of these ports at either end"};
constexpr TraceFilter addr = {"--addr", "addresses", "Only with one of these addresses or prefixes, as 10.0.0.0/8"};
constexpr TraceFilter pid = {"--pid", "pids", "Only of these processes"};
constexpr TraceFilter comm = {"--comm", "comms", "Only of processes of these names"};
constexpr TraceFilter cgroup = {"--cgroup", "cgroups", "Only of processes in these cgroups (v2), by path or id"};
constexpr TraceFilter state = {"--state", "states", "Only into or out of these states, as SYN_SENT"};
constexpr TraceFilter slow = {"--slow", "slow", "Only what waited as long for its reader, as 10ms"};
constexpr TraceFilter sample = {"--sample", "sample", "One packet of so many"};

using Setting = std::pair<const char*, const char*>;
constexpr TraceFilter of_states[] = {port, addr, state, pid, comm, cgroup};
constexpr TraceFilter of_receives[] = {port, addr, slow, pid, comm, cgroup};
constexpr TraceFilter of_packets[] = {port, addr, sample, pid, comm, cgroup};
constexpr TraceFilter of_processes[] = {pid, comm, cgroup};
constexpr Setting for_states[] = {{"polled", "false"}, {"ring", "4MiB"}};
constexpr Setting for_receives[] = {{"slow", "0s"}, {"ring", "4MiB"}};
constexpr Setting for_packets[] = {{"sample", "1"}, {"processes", "false"}, {"ring", "4MiB"}};
constexpr Setting for_processes[] = {{"descriptors", "false"}, {"ring", "4MiB"}};
constexpr TraceKind kinds[] = {
    {"tcp_state", "ebpf_tcpstate", "State transitions of TCP sockets, with the time in the old state", of_states,
     for_states},
    {"recv", "ebpf_recv", "Receives of TCP data, with the time that it waited; requests that took 500 ms", of_receives,
     for_receives},
    {"xmit", "ebpf_xmit", "Packets queued to devices", of_packets, for_packets},
    {"proc", "ebpf_proc", "Processes that fork, exec, exit, or are killed for want of memory", of_processes,
     for_processes},
};

/// Of a program that was installed, or lies in a build tree.
std::vector<std::filesystem::path> folders_beside_program() {
  const auto folder = own_program().parent_path();
  return {folder / "plugins", folder.parent_path() / SENTINEL_PLUGIN_DIR};
}

/// Nothing: the pipeline file is bad, and why was printed.
std::optional<std::vector<std::filesystem::path>> plugin_path(const TraceOptions& options) {
  if (!options.plugin_path.empty()) return options.plugin_path;
  std::error_code unknown;
  if (!std::filesystem::exists(options.file, unknown)) return folders_beside_program();
  auto loaded = config::load(options.file, config::process_environment());
  if (!loaded.ok()) {
    print(loaded.diagnostics);
    return std::nullopt;
  }
  return std::move(loaded.config.agent.plugin_path);
}

TraceSource::Settings settings(const TraceKind& kind, const TraceOptions& options) {
  TraceSource::Settings all;
  for (const auto& [key, value] : kind.settings) all[key] = {value};
  all["stacks"] = {options.stack ? "each" : "none"};
  for (const auto& [key, values] : options.filters) all[key] = values;
  for (auto& name : all["states"]) {  // they are printed as the kernel writes them, and read as the label has them
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  }
  if (all["states"].empty()) all.erase("states");
  return all;
}

/// Prints what a source hands over, until one of its ends.
class Tracer {
 public:
  Tracer(TraceSource& source, top::Signals& signals, const TraceOptions& options)
      : source_(source), signals_(signals), options_(options) {
    if (options.seconds) {
      due_ =
          Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*options.seconds));
    }
  }

  Result<void> run() {
    if (!options_.json) text_ = trace_heading();
    if (const auto written = write(); !written) return written;
    while (!ended_) {
      wait();
      // Also after the end was asked for: what has come until then.
      if (const auto shown = show(); !shown) return shown;
    }
    return {};
  }

  [[nodiscard]] std::uint64_t shown() const { return shown_; }

 private:
  /// For events, a signal, or the end of time.
  void wait() {
    const auto& awaited = source_.awaited();
    auto until = Clock::now() + std::chrono::nanoseconds(awaited.period_ns);
    if (due_) until = std::min(until, *due_);
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    std::array<pollfd, 2> fds = {{{signals_.fd(), POLLIN, 0}, {awaited.fd, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (signals_.next() || (due_ && Clock::now() >= *due_)) ended_ = true;
  }

  Result<void> show() {
    std::uint64_t events = 0;
    const auto done = source_.ready([&](const TracedEvent& event) {
      text_ += options_.json ? trace_json(event) : trace_text(event);
      ++events;
      if (options_.count != 0 && shown_ + events >= options_.count) ended_ = true;
      return options_.count == 0 || shown_ + events < options_.count;
    });
    if (!done) return done;
    if (const auto written = write(); !written) return written;
    if (!reader_gone_) shown_ += events;
    return {};
  }

  /// A reader that does not read holds it up, but not beyond a signal: then for a second.
  Result<void> write() {
    std::string_view rest = text_;
    while (!rest.empty() && !reader_gone_) {
      std::array<pollfd, 2> fds = {{{STDOUT_FILENO, POLLOUT, 0}, {ended_ ? -1 : signals_.fd(), POLLIN, 0}}};
      const int ready = ::poll(fds.data(), fds.size(), ended_ ? 1000 : -1);
      if (ready == 0) reader_gone_ = true;
      if (ready > 0 && fds[1].revents != 0 && signals_.next()) ended_ = true;
      if (ready <= 0 || fds[0].revents == 0) continue;
      // As much as what poll(2) calls writable takes without blocking.
      const auto wrote = ::write(STDOUT_FILENO, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
      if (wrote >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(wrote));
      } else if (errno == EPIPE || errno == EIO) {
        reader_gone_ = ended_ = true;
      } else if (errno != EINTR && errno != EAGAIN) {
        return Error{Errc::failed, "cannot write: " + std::generic_category().message(errno)};
      }
    }
    text_.clear();
    return {};
  }

  TraceSource& source_;
  top::Signals& signals_;
  const TraceOptions& options_;
  std::optional<Clock::time_point> due_;
  std::string text_;
  std::uint64_t shown_ = 0;
  bool ended_ = false;
  bool reader_gone_ = false;
};

/// "seen 34, filtered 24, shown 10, lost 0", and what else became of any.
std::string to_text(const TraceLedger& ledger, std::uint64_t shown) {
  const auto known = ledger.filtered + ledger.sampled_out + shown + ledger.lost;
  std::string text = "seen " + std::to_string(ledger.seen) + ", filtered " + std::to_string(ledger.filtered);
  if (ledger.sampled_out > 0) text += ", sampled out " + std::to_string(ledger.sampled_out);
  text += ", shown " + std::to_string(shown);
  if (ledger.seen > known) text += ", not shown " + std::to_string(ledger.seen - known);
  return text + ", lost " + std::to_string(ledger.lost);
}

Result<void> run(const TraceKind& kind, const TraceOptions& options, const std::filesystem::path& file) {
  // SIGPIPE too: a reader that goes is an end like any other.
  auto signals = top::Signals::take({SIGINT, SIGTERM, SIGHUP, SIGPIPE});
  if (!signals) return signals.error();
  auto source = TraceSource::open(kind.name, file, settings(kind, options));
  if (!source) return source.error();
  std::fprintf(stderr, "sentinel trace: %s by %s; Ctrl-C ends it\n", kind.name, kind.plugin);
  Tracer tracer(**source, *signals, options);
  if (const auto done = tracer.run(); !done) return done;
  const auto ledger = (*source)->ledger();
  if (!ledger) return ledger.error();
  std::fprintf(stderr, "sentinel trace: %s\n", to_text(*ledger, tracer.shown()).c_str());
  return {};
}

}  // namespace

std::span<const TraceKind> trace_kinds() {
  return kinds;
}

int trace(const TraceKind& kind, const TraceOptions& options) {
  const auto folders = plugin_path(options);
  if (!folders) return bad_file;
  telemetry::Log::configure(telemetry::LogLevel::warning, telemetry::LogFormat::text);
  const auto file = plugin::find(kind.plugin, *folders);
  const auto done = file ? run(kind, options, *file) : Result<void>(file.error());
  if (done) return good;
  std::fprintf(stderr, "sentinel trace: %s\n", done.error().message.c_str());
  return failed;
}

}  // namespace sentinel::app
