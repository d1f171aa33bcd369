// The report's section about the host at that moment.
#include <algorithm>
#include <array>

#include "sinks/webhook_snapshot/report.hpp"
#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

using sentinel::procfs::Pressure;
using sentinel::procfs::tcp_state_names;

constexpr std::size_t most_rows = 10;
constexpr std::size_t most_socket_rows = 8;

std::string fixed(double number) {
  std::array<char, 32> text;
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.2f", number))};
}

void row(std::string& out, std::initializer_list<std::string_view> cells) {
  for (const auto cell : cells) out.append("| ").append(cell).append(" ");
  out += "|\n";
}

void heading(std::string& out, std::initializer_list<std::string_view> names, std::string_view alignment) {
  row(out, names);
  for (const char side : alignment) out += side == 'r' ? "|--:" : "|---";
  out += "|\n";
}

void write_load(const Scene& scene, std::string& out) {
  const auto cpus = static_cast<double>(std::max<std::size_t>(scene.stat.cpus.size(), 1));
  if (scene.load) {
    out.append("- **Load:** ")
        .append(fixed(scene.load->load1))
        .append(" ")
        .append(fixed(scene.load->load5))
        .append(" ")
        .append(fixed(scene.load->load15));
    out.append(" (1, 5, 15 minutes), ").append(fixed(scene.load->load1 / cpus)).append(" a CPU; ");
    out.append(std::to_string(scene.stat.procs_running))
        .append(" running, ")
        .append(std::to_string(scene.stat.procs_blocked))
        .append(" blocked on I/O\n");
  }
  if (scene.cpu_busy) {
    out.append("- **CPU:** ")
        .append(percent(*scene.cpu_busy, 1))
        .append(" busy, ")
        .append(percent(scene.cpu_iowait.value_or(0), 1))
        .append(" waiting for I/O, ");
    out.append(percent(scene.cpu_steal.value_or(0), 1))
        .append(" stolen, over ")
        .append(human_seconds(scene.processes->seconds_between()))
        .append("\n");
  }
}

void write_memory(const Scene& scene, std::string& out) {
  const auto total = scene.memory_bytes("MemTotal");
  if (total == 0) return;
  const auto available = scene.memory_bytes("MemAvailable");
  out.append("- **Memory:** ")
      .append(percent(static_cast<double>(total - std::min(available, total)), static_cast<double>(total)))
      .append(" used: ");
  out.append(human_bytes(available))
      .append(" of ")
      .append(human_bytes(total))
      .append(" available, ")
      .append(human_bytes(scene.memory_bytes("MemFree")))
      .append(" free");
  for (const auto& [field, name] : {std::pair<const char*, const char*>{"AnonPages", "anonymous"},
                                    {"Cached", "page cache"},
                                    {"Shmem", "shared"},
                                    {"Slab", "slab"},
                                    {"Dirty", "dirty"}}) {
    if (scene.memory_bytes(field) > 0)
      out.append(", ").append(human_bytes(scene.memory_bytes(field))).append(" ").append(name);
  }
  out += "\n";
  const auto swap = scene.memory_bytes("SwapTotal");
  if (swap == 0) {
    out += "- **Swap:** none\n";
  } else {
    const auto used = swap - std::min(scene.memory_bytes("SwapFree"), swap);
    out.append("- **Swap:** ").append(human_bytes(used)).append(" of ").append(human_bytes(swap)).append(" used\n");
  }
}

void write_pressure(const Scene& scene, std::string& out) {
  if (!scene.pressure_cpu && !scene.pressure_memory && !scene.pressure_io) return;
  out += "\nPressure: share of time that some, or all, tasks waited for a resource.\n\n";
  heading(out, {"resource", "some 10 s", "some 60 s", "some 5 min", "all 10 s", "all 60 s"}, "lrrrrr");
  const auto line = [&](const char* name, const std::optional<Pressure>& pressure) {
    if (!pressure) return;
    const auto of = [](double share) { return percent(share, 100); };
    row(out, {name, of(pressure->some.avg10), of(pressure->some.avg60), of(pressure->some.avg300),
              pressure->full ? of(pressure->full->avg10) : "–", pressure->full ? of(pressure->full->avg60) : "–"});
  };
  line("CPU", scene.pressure_cpu);
  line("memory", scene.pressure_memory);
  line("I/O", scene.pressure_io);
}

void write_process_rows(const Scene& scene, const std::vector<const Process*>& processes, std::string& out) {
  const auto total = static_cast<double>(scene.memory_bytes("MemTotal"));
  heading(out, {"pid", "process", "state", "CPU", "resident", "of memory", "threads", "parent", "command line"},
          "rllrrrrrl");
  for (const auto* process : processes) {
    row(out, {std::to_string(process->pid), code(process->name()), std::string(1, process->state),
              percent(scene.processes->cpus(*process), 1), human_bytes(process->rss_bytes),
              percent(static_cast<double>(process->rss_bytes), total), std::to_string(process->threads),
              std::to_string(process->ppid), code(scene.cmdline_of(process->pid), 100)});
  }
}

void write_processes(const Scene& scene, std::string& out) {
  out += "\n### Processes\n\n";
  std::array<std::uint64_t, 256> by_letter{};
  for (const auto& process : scene.processes->all()) ++by_letter[static_cast<unsigned char>(process.state)];
  out.append(std::to_string(scene.processes->all().size() + scene.processes->beyond())).append(" in all:");
  bool first = true;
  for (const auto& [letter, name] : {std::pair<char, const char*>{'R', "running"},
                                     {'S', "sleeping"},
                                     {'D', "waiting uninterruptibly (D)"},
                                     {'Z', "zombies"},
                                     {'T', "stopped"},
                                     {'I', "idle kernel threads"}}) {
    const auto count = by_letter[static_cast<unsigned char>(letter)];
    if (count > 0)
      out.append(std::exchange(first, false) ? " " : ", ").append(std::to_string(count)).append(" ").append(name);
  }
  out.append(". The whole tree: [processes.tsv](evidence/processes.tsv).\n");
  const auto largest = scene.processes->top(most_rows, [](const Process& p) { return p.rss_bytes; });
  if (!largest.empty()) {
    out += "\nBy resident memory:\n\n";
    write_process_rows(scene, largest, out);
  }
  const auto busiest = scene.processes->top(most_rows, [](const Process& p) { return p.ticks_between(); });
  if (!busiest.empty()) {
    out.append("\nBy CPU over ").append(human_seconds(scene.processes->seconds_between())).append(" (in ticks of ");
    out.append(human_seconds(1.0 / static_cast<double>(scene.processes->ticks_a_second())))
        .append(", so small shares are coarse):\n\n");
    write_process_rows(scene, busiest, out);
  }
  const auto programs = scene.processes->programs(5, false);
  if (programs.empty()) return;
  out += "\nProcesses of one name together (pages that they share are counted in each):\n\n";
  heading(out, {"process", "count", "resident", "CPU"}, "lrrr");
  for (const auto& program : programs) {
    row(out, {code(program.name), std::to_string(program.count), human_bytes(program.rss_bytes),
              percent(scene.processes->cpus(program.ticks_between), 1)});
  }
}

std::string states_text(const StateCounts& states) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] > 0) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return states[a] > states[b]; });
  std::string text;
  for (const auto i : order)
    text.append(text.empty() ? "" : ", ").append(std::to_string(states[i])).append(" ").append(tcp_state_names[i]);
  return text.empty() ? "none" : text;
}

void write_sockets(const Scene& scene, std::string& out) {
  out += "\n### TCP sockets\n\n";
  if (!scene.sockets_known) {
    out += "They could not be read, see below.\n";
    return;
  }
  const auto& table = *scene.sockets;
  out.append(std::to_string(table.total()))
      .append(": ")
      .append(states_text(table.by_state()))
      .append(". All: [sockets.tsv](evidence/sockets.tsv).\n");
  const auto listeners = table.listeners().first(std::min(table.listeners().size(), most_socket_rows));
  if (!listeners.empty()) {
    out += "\nListeners, those with the most sockets first:\n\n";
    heading(out, {"listener", "sockets", "states", "waiting for accept", "uid"}, "lrlrr");
    for (const auto& listener : listeners) {
      row(out,
          {code(end_text(listener.local, listener.ipv6)), std::to_string(listener.total),
           states_text(listener.by_state),
           std::to_string(listener.waiting) + (listener.backlog > 0 ? " of " + std::to_string(listener.backlog) : ""),
           std::to_string(listener.uid)});
    }
  }
  const auto peers = table.peers().first(std::min(table.peers().size(), most_socket_rows));
  if (!peers.empty()) {
    out += "\nPeers, those with the most sockets first:\n\n";
    heading(out, {"peer", "direction", "sockets", "states"}, "llrl");
    for (const auto& peer : peers) {
      row(out,
          {code(peer.outgoing ? end_text({peer.address, peer.port}, peer.ipv6) : address_text(peer.address, peer.ipv6)),
           peer.outgoing ? "called by this host" : "calls port " + std::to_string(peer.port),
           std::to_string(peer.total), states_text(peer.by_state)});
    }
  }
  if (scene.owners.empty()) return;
  out += "\nWho holds them:\n\n";
  heading(out, {"pid", "process", "sockets"}, "rlr");
  for (const auto& owner : scene.owners) {
    if (&owner - scene.owners.data() >= static_cast<std::ptrdiff_t>(most_socket_rows)) break;
    const auto* process = scene.processes->find(owner.pid);
    row(out,
        {std::to_string(owner.pid), code(process == nullptr ? "?" : process->name()), std::to_string(owner.sockets)});
  }
}

void write_descriptors(const Scene& scene, std::string& out) {
  if (scene.open_fds.empty()) return;
  out += "\n### Open descriptors\n\n";
  heading(out, {"pid", "process", "open", "command line"}, "rlrl");
  for (const auto& [pid, count] : scene.open_fds) {
    const auto* process = scene.processes->find(pid);
    row(out, {std::to_string(pid), code(process == nullptr ? "?" : process->name()), std::to_string(count),
              code(scene.cmdline_of(pid), 100)});
  }
}

void write_disks(const Scene& scene, std::string& out) {
  if (scene.mounts.empty()) return;
  out += "\n### File systems\n\n";
  heading(out, {"mounted at", "type", "from", "used", "left", "files used"}, "lllrrr");
  for (const auto& mount : scene.mounts) {
    const bool known = mount.answer.state == Answer::State::answered;
    const auto& space = mount.space;
    const auto used = static_cast<double>(space.total_bytes - std::min(space.free_bytes, space.total_bytes));
    const auto usable = used + static_cast<double>(space.available_bytes);
    row(out, {code(mount.path) + (mount.read_only ? " (read-only)" : ""), code(mount.type), code(mount.source, 60),
              known                                       ? percent(used, usable)
              : mount.answer.state == Answer::State::hung ? "**does not answer**"
                                                          : "?",
              known ? human_bytes(space.available_bytes) : "?",
              known ? percent(static_cast<double>(space.inodes - std::min(space.free_inodes, space.inodes)),
                              static_cast<double>(space.inodes))
                    : "?"});
  }
}

void write_kernel_log(const Scene& scene, std::string& out) {
  out += "\n### Kernel log\n\n";
  const bool taken = std::any_of(scene.items.begin(), scene.items.end(), [](const Item& item) {
    return item.name == "kernel log" && item.state != Item::State::failed && item.state != Item::State::absent;
  });
  if (!taken) {
    out += "It could not be read, see below.\n";
    return;
  }
  if (scene.kernel_lines.empty()) {
    out += "No errors and nothing telling in its last 64 KiB: [kernel.log](evidence/kernel.log).\n";
    return;
  }
  out += "What tells of faults, with the time before this snapshot; all: [kernel.log](evidence/kernel.log).\n\n```\n";
  for (const auto& line : scene.kernel_lines) {
    const double ago = scene.uptime_seconds - static_cast<double>(line.boot_us) / 1e6;
    auto text = clean(line.text, 240);
    std::replace(text.begin(), text.end(), '`', '\'');
    out.append("-").append(human_seconds(std::max(ago, 0.0))).append("  ").append(text).append("\n");
  }
  out += "```\n";
}

}  // namespace

void write_host(const Scene& scene, std::string& out) {
  out += "\n## What the host looked like\n\n";
  write_load(scene, out);
  write_memory(scene, out);
  for (const auto& [name, count] : scene.counters)
    out.append("- **").append(name).append(":** ").append(std::to_string(count)).append(" since boot\n");
  write_pressure(scene, out);
  write_processes(scene, out);
  write_descriptors(scene, out);
  write_sockets(scene, out);
  write_disks(scene, out);
  write_kernel_log(scene, out);
}

}  // namespace snapshot
