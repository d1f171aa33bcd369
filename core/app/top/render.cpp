#include "core/app/top/render.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/app/top/text.hpp"

namespace sentinel::top {
namespace {

using procfs::CpuTimes;
using procfs::ProcessState;
using procfs::TcpState;

// user to steal: guest time is in user and nice already.
constexpr std::size_t shown_modes = 8;
constexpr std::size_t most_cpu_rows = 4;

Style level(double value, double warning, double bad) {
  if (value >= bad) return Style::bad;
  return value >= warning ? Style::warning : Style::good;
}

Style percent_level(double percent) {
  return level(percent, 70, 90);
}

/// A part that could not be read.
void put_fault(Page& page, std::string_view title, const Error& error) {
  Line line = page.titled(title);
  page.put(Rank::always, std::move(line.add(error.message, Style::warning)));
}

/// Bar, percentage, and what it is of.
void put_share(Page& page, std::string_view title, double percent, std::string_view tail) {
  Line line = page.titled(title);
  const std::size_t width = std::clamp<std::size_t>(page.content_width() / 5, 10, 40);
  if (page.content_width() > 2 * width) line.add(page.bar(percent / 100, width, percent_level(percent))).add(" ");
  line.add(fmt::format("{:5.1f} %  ", percent), percent_level(percent)).add(tail);
  page.put(Rank::always, std::move(line));
}

/// A label and its value for a grid, which aligns both; plain lines align nothing.
Line labelled(const Page& page, std::string_view label, std::size_t label_width, std::string_view value,
              std::size_t value_width, Style label_style = Style::plain, Style value_style = Style::plain) {
  Line cell = page.line();
  cell.add(label, label_style);
  if (page.is_plain()) return cell.add(" ").add(value, value_style);
  return cell.pad_to(label_width + 1).add(fmt::format("{:>{}}", value, value_width), value_style);
}

/// Counts of 0 stand back.
Line count_cell(const Page& page, std::string_view label, std::uint64_t count, std::size_t digits,
                Style style = Style::plain) {
  constexpr std::size_t label_width = 11;
  return labelled(page, label, label_width, fmt::format("{}", count), digits, count == 0 ? Style::dim : Style::plain,
                  count == 0 ? Style::dim : style);
}

std::size_t digits_of(std::uint64_t largest) {
  return std::max<std::size_t>(std::to_string(largest).size(), 4);
}

void put_header(Page& page, const Facts& now) {
  Line line = page.line();
  line.add("sentinel top", Style::title);
  if (!now.host.empty()) line.add(page.separator()).add(now.host);
  if (!now.time_of_day.empty()) line.add(page.separator()).add(now.time_of_day);
  if (now.uptime_seconds) line.add(page.separator()).add("up ").add(duration_text(*now.uptime_seconds));
  const std::string& hint = page.screen().hint;
  if (line.columns() + columns(hint) + 2 <= page.screen().width) {
    line.pad_to(page.screen().width - columns(hint)).add(hint, Style::dim);
  }
  page.put(Rank::always, std::move(line));
  page.blank();
}

struct CpuShare {
  std::uint32_t cpu;
  double percent;
};

std::array<double, shown_modes> mode_percents(const CpuTimes& before, const CpuTimes& after) {
  std::array<double, shown_modes> percents{};
  double all = 0;
  for (std::size_t i = 0; i < shown_modes; ++i) {
    // idle and iowait may step backwards
    if (after.jiffies[i] > before.jiffies[i]) percents[i] = static_cast<double>(after.jiffies[i] - before.jiffies[i]);
    all += percents[i];
  }
  for (auto& percent : percents) percent = all > 0 ? 100 * percent / all : 0;
  return percents;
}

/// The CPUs whose usage is known: one that just came online is not, when there are earlier readings.
std::vector<CpuShare> cpu_shares(const procfs::Stat& now, const procfs::Stat* before) {
  std::vector<CpuShare> shares;
  for (const auto& cpu : now.cpus) {
    CpuTimes start;
    if (before != nullptr) {
      const auto found =
          std::lower_bound(before->cpus.begin(), before->cpus.end(), cpu.cpu,
                           [](const procfs::CpuStat& a, std::uint32_t number) { return a.cpu < number; });
      if (found == before->cpus.end() || found->cpu != cpu.cpu) continue;
      start = found->times;
    }
    if (const auto ratio = procfs::cpu_usage_ratio(start, cpu.times)) shares.push_back({cpu.cpu, 100 * *ratio});
  }
  return shares;
}

Line cpu_cell(const Page& page, const CpuShare& share, std::size_t digits) {
  constexpr std::size_t bar_width = 7;
  if (page.is_plain()) return page.line().add(fmt::format("cpu{} {:.1f} %", share.cpu, share.percent));
  Line cell = page.line();
  cell.add(fmt::format("{:>{}} ", share.cpu, digits), Style::dim);
  cell.add(page.bar(share.percent / 100, bar_width, percent_level(share.percent)));
  return cell.add(fmt::format(" {:4.0f} %", share.percent));
}

/// A bar for each CPU, or for the busiest when they are too many.
void put_cpus(Page& page, const procfs::Stat& now, const procfs::Stat* before) {
  auto shares = cpu_shares(now, before);
  if (now.cpus.size() < 2 || shares.empty()) return;
  const std::size_t digits = std::to_string(now.cpus.back().cpu).size();
  const std::size_t per_row =
      page.is_plain() ? 8 : page.cells_per_row(cpu_cell(page, shares.front(), digits).columns());
  const bool too_many = shares.size() > per_row * (page.is_plain() ? 2 : most_cpu_rows);
  if (too_many) {
    std::stable_sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.percent > b.percent; });
    shares.resize(per_row);
  }
  std::vector<Line> cells;
  for (const auto& share : shares) cells.push_back(cpu_cell(page, share, digits));
  page.grid(Rank::each_cpu, too_many ? "  busiest" : "  each", cells);
}

void put_modes(Page& page, const CpuTimes& start, const CpuTimes& end) {
  const auto percents = mode_percents(start, end);
  std::vector<Line> cells;
  for (std::size_t i = 0; i < std::min(shown_modes, end.modes); ++i) {
    const auto name = procfs::cpu_mode_names[i];
    const auto style = percents[i] < 0.05 ? Style::dim : Style::plain;
    cells.push_back(labelled(page, name, 7, fmt::format("{:.1f} %", percents[i]), 7, style, style));
  }
  page.grid(Rank::cpu_modes, "", cells);
}

void put_cpu(Page& page, const Facts& now, const Facts* before) {
  if (!now.stat) return put_fault(page, "CPU", now.stat.error());
  const procfs::Stat& stat = *now.stat;
  const procfs::Stat* earlier = before != nullptr && before->stat ? &*before->stat : nullptr;
  const CpuTimes start = earlier != nullptr ? earlier->total : CpuTimes();
  const auto ratio = procfs::cpu_usage_ratio(start, stat.total);
  if (!ratio) return put_fault(page, "CPU", ratio.error());
  std::string tail = fmt::format("{} CPU{}", stat.cpus.size(), stat.cpus.size() == 1 ? "" : "s");
  if (earlier == nullptr) {
    tail.append(page.separator()).append("since boot");
  } else if (const auto seconds = std::chrono::duration<double>(now.taken_at - before->taken_at).count(); seconds > 0) {
    const auto rate = [&](std::uint64_t from, std::uint64_t to) {
      return to > from ? static_cast<double>(to - from) / seconds : 0.0;
    };
    tail += fmt::format("{}{:.0f} switches/s{}{:.0f} forks/s", page.separator(),
                        rate(earlier->context_switches, stat.context_switches), page.separator(),
                        rate(earlier->forks, stat.forks));
  }
  put_share(page, "CPU", 100 * *ratio, tail);
  put_modes(page, start, stat.total);
  put_cpus(page, stat, earlier);
}

double percent_of(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(all);
}

void put_memory_detail(Page& page, const procfs::MemInfo& meminfo) {
  struct Detail {
    std::string_view label;
    std::string_view field;
  };
  constexpr auto details = std::to_array<Detail>({{"free", "MemFree"},
                                                  {"buffers", "Buffers"},
                                                  {"cached", "Cached"},
                                                  {"shared", "Shmem"},
                                                  {"slab", "Slab"},
                                                  {"dirty", "Dirty"}});
  std::vector<Line> cells;
  for (const auto& detail : details) {
    const auto bytes = meminfo.bytes(detail.field);
    if (!bytes) continue;
    cells.push_back(labelled(page, detail.label, 7, bytes_text(*bytes), 10));
  }
  page.grid(Rank::memory_detail, "", cells);
}

void put_memory(Page& page, const Facts& now) {
  if (!now.meminfo) return put_fault(page, "Memory", now.meminfo.error());
  const auto total = now.meminfo->total_bytes();
  const auto available = now.meminfo->available_bytes();
  if (total && available) {
    const std::uint64_t used = *total - std::min(*total, *available);
    put_share(page, "Memory", percent_of(used, *total),
              fmt::format("{} of {}{}{} available", bytes_text(used), bytes_text(*total), page.separator(),
                          bytes_text(*available)));
  } else if (total) {
    // Without the kernel's own estimate of what is available, a share would be made up.
    Line line = page.titled("Memory");
    page.put(Rank::always, std::move(line.add(bytes_text(*total)).add(" in total")));
  }
  put_memory_detail(page, *now.meminfo);
  const auto swap_total = now.meminfo->bytes("SwapTotal");
  const auto swap_free = now.meminfo->bytes("SwapFree");
  if (!swap_total || !swap_free) return;
  if (*swap_total == 0) {
    Line line = page.titled("Swap");
    return page.put(Rank::always, std::move(line.add("none", Style::dim)));
  }
  const std::uint64_t used = *swap_total - std::min(*swap_total, *swap_free);
  put_share(page, "Swap", percent_of(used, *swap_total),
            fmt::format("{} of {}", bytes_text(used), bytes_text(*swap_total)));
}

void put_load(Page& page, const Facts& now) {
  if (!now.loadavg) return put_fault(page, "Load", now.loadavg.error());
  const auto cpus = now.stat ? now.stat->cpus.size() : 0;
  Line line = page.titled("Load");
  for (const double load : {now.loadavg->load1, now.loadavg->load5, now.loadavg->load15}) {
    const Style style = cpus == 0 ? Style::plain : level(load / static_cast<double>(cpus), 1, 2);
    line.add(fmt::format("{:.2f}", load), style).add(" ");
  }
  line.add(" 1, 5, 15 min", Style::dim);
  if (cpus != 0) line.add(fmt::format("{}{} CPU{}", page.separator(), cpus, cpus == 1 ? "" : "s"));
  line.add(fmt::format("{}{} of {} runnable", page.separator(), now.loadavg->running_threads, now.loadavg->threads));
  if (now.stat && now.stat->procs_blocked != 0) {
    line.add(fmt::format("{}{} blocked", page.separator(), now.stat->procs_blocked), Style::warning);
  }
  page.put(Rank::always, std::move(line));
}

void add_pressure(Line& line, const procfs::PressureLine& stalled) {
  for (const double percent : {stalled.avg10, stalled.avg60, stalled.avg300}) {
    line.add(fmt::format("{:7.2f}", percent), percent < 0.005 ? Style::dim : level(percent, 10, 40));
  }
}

void put_pressure(Page& page, const Facts& now) {
  constexpr std::size_t some_at = Page::gutter + 10;
  constexpr std::string_view windows = "   10 s   60 s  300 s";
  constexpr std::size_t full_at = some_at + 4 + windows.size() + 2;
  std::vector<Line> lines;
  for (std::size_t i = 0; i < pressure_names.size(); ++i) {
    const auto& pressure = now.pressure[i];
    if (!pressure && is_absent(pressure.error())) continue;
    Line line = page.titled("");
    line.add(pressure_names[i]).pad_to(some_at);
    if (pressure) {
      add_pressure(line.pad_to(some_at + 4), pressure->some);
      if (pressure->full) add_pressure(line.pad_to(full_at + 4), *pressure->full);
    } else {
      line.add(pressure.error().message, Style::warning);
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) return;
  Line caption = page.titled("Pressure");
  caption.add("% stalled", Style::dim).pad_to(some_at).add("some", Style::dim).add(windows, Style::dim);
  caption.pad_to(full_at).add("full", Style::dim).add(windows, Style::dim);
  page.put(Rank::pressure, std::move(caption));
  for (auto& line : lines) page.put(Rank::pressure, std::move(line));
}

void put_tcp(Page& page, const Facts& now) {
  if (!now.tcp) return put_fault(page, "TCP", now.tcp.error());
  constexpr auto shown =
      std::to_array<TcpState>({TcpState::established, TcpState::listen, TcpState::time_wait, TcpState::close_wait,
                               TcpState::syn_sent, TcpState::syn_recv, TcpState::fin_wait1, TcpState::fin_wait2,
                               TcpState::last_ack, TcpState::closing, TcpState::close, TcpState::unknown});
  const auto sum = [](const procfs::TcpStateCounts& counts) {
    std::uint64_t sockets = counts.malformed_lines;
    for (const auto count : counts.sockets) sockets += count;
    return sockets;
  };
  procfs::TcpStateCounts counts = now.tcp->ipv4;
  if (now.tcp->ipv6) counts += *now.tcp->ipv6;
  counts.sockets[static_cast<std::size_t>(TcpState::syn_recv)] += counts[TcpState::new_syn_recv];
  counts.sockets[static_cast<std::size_t>(TcpState::new_syn_recv)] = 0;
  counts.sockets[static_cast<std::size_t>(TcpState::unknown)] += counts.malformed_lines;
  counts.malformed_lines = 0;

  const auto all = sum(counts);
  Line line = page.titled("TCP");
  line.add(fmt::format("{} socket{}", all, all == 1 ? "" : "s")).add(page.separator());
  line.add(fmt::format("IPv4 {}", sum(now.tcp->ipv4)));
  if (now.tcp->ipv6) line.add(page.separator()).add(fmt::format("IPv6 {}", sum(*now.tcp->ipv6)));
  page.put(Rank::always, std::move(line));

  const auto digits = digits_of(*std::max_element(counts.sockets.begin(), counts.sockets.end()));
  std::vector<Line> cells;
  for (const auto state : shown) {
    if (state == TcpState::unknown && counts[state] == 0) continue;
    cells.push_back(count_cell(page, procfs::tcp_state_names[static_cast<std::size_t>(state)], counts[state], digits));
  }
  page.grid(Rank::tcp_states, "", cells);
}

struct StateLabel {
  ProcessState state;
  std::string_view label;
  bool always;  // the others show only when there are any
};

constexpr auto state_labels = std::to_array<StateLabel>({{ProcessState::running, "running", true},
                                                         {ProcessState::interruptible_sleep, "sleeping", true},
                                                         {ProcessState::uninterruptible_disk_sleep, "disk sleep", true},
                                                         {ProcessState::idle, "idle", true},
                                                         {ProcessState::zombie, "zombie", true},
                                                         {ProcessState::stopped, "stopped", true},
                                                         {ProcessState::tracing_stop, "traced", true},
                                                         {ProcessState::dead, "dead", false},
                                                         {ProcessState::wakekill, "wakekill", false},
                                                         {ProcessState::waking, "waking", false},
                                                         {ProcessState::parked, "parked", false},
                                                         {ProcessState::unknown, "unknown", false}});

void put_zombie_parents(Page& page, const ProcessFacts& processes) {
  const auto& parents = processes.zombie_parents;
  for (std::size_t i = 0; i < parents.size(); ++i) {
    Line line = page.titled(i == 0 ? "Zombies" : "");
    line.add(fmt::format("{}", parents[i].zombies), Style::bad).add(" not reaped by ");
    if (!parents[i].comm.empty()) line.add(parents[i].comm).add(" ");
    line.add(fmt::format("(pid {})", parents[i].pid));
    if (i + 1 == parents.size() && processes.more_zombie_parents != 0) {
      line.add(fmt::format("{}and {} more parents", page.separator(), processes.more_zombie_parents), Style::dim);
    }
    page.put(Rank::zombie_parents, std::move(line));
  }
}

void put_processes(Page& page, const Facts& now) {
  if (!now.processes) return put_fault(page, "Processes", now.processes.error());
  const ProcessFacts& processes = *now.processes;
  Line line = page.titled("Processes");
  line.add(fmt::format("{}{}{} threads", processes.walked.read, page.separator(), processes.threads));
  if (const auto unread = processes.walked.denied + processes.walked.malformed; unread != 0) {
    line.add(fmt::format("{}{} more could not be read", page.separator(), unread), Style::warning);
  }
  page.put(Rank::always, std::move(line));
  const auto digits = digits_of(*std::max_element(processes.states.begin(), processes.states.end()));
  std::vector<Line> cells;
  for (const auto& [state, label, always] : state_labels) {
    const auto count = processes.states[static_cast<std::size_t>(state)];
    if (!always && count == 0) continue;
    const Style style = state == ProcessState::zombie                       ? Style::bad
                        : state == ProcessState::uninterruptible_disk_sleep ? Style::warning
                                                                            : Style::plain;
    cells.push_back(count_cell(page, label, count, digits, style));
  }
  page.grid(Rank::process_states, "", cells);
  put_zombie_parents(page, processes);
}

}  // namespace

std::string render(const Facts& now, const Facts* before, const Screen& screen) {
  Page page(screen);
  put_header(page, now);
  put_cpu(page, now, before);
  page.blank();
  put_memory(page, now);
  page.blank();
  put_load(page, now);
  put_pressure(page, now);
  page.blank();
  put_tcp(page, now);
  page.blank();
  put_processes(page, now);
  return page.text();
}

}  // namespace sentinel::top
