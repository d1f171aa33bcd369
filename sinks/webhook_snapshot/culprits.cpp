#include <algorithm>

#include "sinks/webhook_snapshot/scene.hpp"
#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

using sentinel::procfs::tcp_state_names;
using sentinel::procfs::TcpState;

constexpr std::size_t most_culprits = 5;
/// A process with less than this part of what the first has explains nothing.
constexpr std::uint64_t negligible = 5;

std::string comm_of(const Scene& scene, std::int32_t pid) {
  const auto* process = scene.processes->find(pid);
  return process == nullptr ? "?" : clean(process->name());
}

/// The metric whose rules ask for the process that was ended.
constexpr std::string_view oom_kills = "sentinel_oom_kills_total";

std::string count_of(std::uint64_t number, std::string_view what) {
  return std::to_string(number) + " " + std::string(what) + (number == 1 ? "" : "s");
}

void add(Scene& scene, std::int32_t pid, std::string name, std::string why, bool blamed = false) {
  for (auto& known : scene.culprits) {
    if (pid == 0 || known.pid != pid) continue;
    known.why += "; " + why;
    return;
  }
  if (scene.culprits.size() < most_culprits) scene.culprits.push_back({pid, std::move(name), std::move(why), blamed});
}

void blame_event(Scene& scene) {
  if (!scene.alert->context || scene.alert->context->pid == 0) return;
  const auto& context = *scene.alert->context;
  std::string why = "named by the event that tripped the rule";
  if (context.ppid != 0) why += ", child of " + clean(context.parent_comm) + " (" + std::to_string(context.ppid) + ")";
  add(scene, static_cast<std::int32_t>(context.pid), clean(context.comm), why, true);
}

void by_memory(Scene& scene) {
  const auto total = static_cast<double>(scene.memory_bytes("MemTotal"));
  const auto kill = last_oom_kill(scene.kernel_lines);
  if (kill.pid != 0) {
    const double ago = scene.uptime_seconds - static_cast<double>(kill.boot_us) / 1e6;
    const auto text =
        clean(kill.comm) + " (" + std::to_string(kill.pid) + "), " + human_seconds(std::max(ago, 0.0)) + " ago";
    scene.remarks.push_back("The OOM killer ended " + text + ".");
    // Whoever is largest now is not who used up what there was when the kernel had to choose.
    if (scene.alert->metric == oom_kills) {
      add(scene, kill.pid, clean(kill.comm), "ended by the OOM killer " + human_seconds(std::max(ago, 0.0)) + " ago",
          true);
    }
  }
  const auto top = scene.processes->top(3, [](const Process& p) { return p.rss_bytes; });
  for (const auto* process : top) {
    const auto rss = process->rss_bytes;
    if (rss * negligible < top.front()->rss_bytes) break;
    add(scene, process->pid, clean(process->name()),
        human_bytes(rss) + " resident, " + percent(static_cast<double>(rss), total) + " of memory");
  }
  const auto programs = scene.processes->programs(1, false);
  const auto* largest = scene.culprits.empty() ? nullptr : scene.processes->find(scene.culprits.front().pid);
  if (!programs.empty() && (largest == nullptr || programs[0].rss_bytes > largest->rss_bytes)) {
    scene.remarks.push_back(std::to_string(programs[0].count) + " processes named " + clean(programs[0].name) +
                            " together: " + human_bytes(programs[0].rss_bytes) +
                            " resident (shared pages counted in each), " +
                            percent(static_cast<double>(programs[0].rss_bytes), total) + " of memory.");
  }
  for (const auto& [field, meaning] : {std::pair<const char*, const char*>{"Shmem", "tmpfs and shared memory"},
                                       {"SUnreclaim", "the kernel's own objects (slab)"},
                                       {"Unevictable", "locked memory"}}) {
    const auto bytes = static_cast<double>(scene.memory_bytes(field));
    if (total > 0 && bytes > 0.15 * total) {
      scene.remarks.push_back(human_bytes(static_cast<std::uint64_t>(bytes)) + ", " + percent(bytes, total) +
                              " of memory, is " + meaning + ".");
    }
  }
}

void by_cpu(Scene& scene) {
  auto& processes = *scene.processes;
  const auto top = processes.top(3, [](const Process& p) { return p.ticks_between(); });
  for (const auto* process : top) {
    if (process->ticks_between() * negligible < top.front()->ticks_between()) break;
    add(scene, process->pid, clean(process->name()),
        percent(processes.cpus(*process), 1) + " of one CPU over " + human_seconds(processes.seconds_between()));
  }
  const auto programs = processes.programs(1, true);
  const auto* busiest = scene.culprits.empty() ? nullptr : processes.find(scene.culprits.front().pid);
  if (!programs.empty() && (busiest == nullptr || programs[0].ticks_between > busiest->ticks_between())) {
    scene.remarks.push_back(std::to_string(programs[0].count) + " processes named " + clean(programs[0].name) +
                            " together: " + percent(processes.cpus(programs[0].ticks_between), 1) + " of one CPU.");
  }
  if (scene.cpu_steal && *scene.cpu_steal > 0.05) {
    scene.remarks.push_back("The hypervisor took " + percent(*scene.cpu_steal, 1) + " of the CPUs' time (steal).");
  }
}

void waiting_for_disk(Scene& scene) {
  std::uint64_t waiting = 0;
  std::string some;
  for (const auto& process : scene.processes->all()) {
    if (process.state != 'D') continue;
    if (++waiting > most_culprits) continue;
    some += (some.empty() ? "" : ", ") + clean(process.name()) + " (" + std::to_string(process.pid) + ")";
    add(scene, process.pid, clean(process.name()), "waits without interruption (state D), which counts into the load");
  }
  if (waiting > 0) {
    scene.remarks.push_back(std::to_string(waiting) + (waiting == 1 ? " process waits" : " processes wait") +
                            " without interruption (state D, mostly for a disk or a network file system): " + some +
                            (waiting > most_culprits ? " …" : "") + ".");
  }
}

struct Children {
  std::int32_t parent;
  std::uint64_t count;
};

/// Parents by the number of children for which `wanted` holds, most first.
template <class Wanted>
std::vector<Children> parents_of(const Scene& scene, Wanted wanted) {
  std::vector<Children> parents;
  for (const auto& process : scene.processes->all()) {
    if (!wanted(process)) continue;
    const auto at =
        std::find_if(parents.begin(), parents.end(), [&](const Children& c) { return c.parent == process.ppid; });
    if (at != parents.end()) {
      ++at->count;
    } else if (parents.size() < 1024) {
      parents.push_back({process.ppid, 1});
    }
  }
  std::sort(parents.begin(), parents.end(), [](const Children& a, const Children& b) {
    return a.count != b.count ? a.count > b.count : a.parent < b.parent;
  });
  return parents;
}

void by_zombies(Scene& scene) {
  for (const auto& parent : parents_of(scene, [](const Process& p) { return p.state == 'Z'; })) {
    add(scene, parent.parent, comm_of(scene, parent.parent),
        "does not wait for " + std::to_string(parent.count) + (parent.count == 1 ? " dead child" : " dead children"));
  }
}

void by_forks(Scene& scene) {
  constexpr double young_seconds = 10;
  const auto second = static_cast<double>(scene.processes->ticks_a_second());
  const auto now = static_cast<double>(scene.boot_ns) / 1e9;
  const auto is_young = [&](const Process& p) {
    return now - static_cast<double>(p.start_ticks) / second < young_seconds;
  };
  for (const auto& parent : parents_of(scene, is_young)) {
    if (parent.parent == 2 || parent.parent == 0) continue;
    add(scene, parent.parent, comm_of(scene, parent.parent),
        std::to_string(parent.count) + (parent.count == 1 ? " child" : " children") +
            " started in the last 10 s and still there");
  }
}

void by_descriptors(Scene& scene) {
  for (std::size_t i = 0; i < scene.open_fds.size() && i < 3; ++i) {
    const auto& [pid, count] = scene.open_fds[i];
    add(scene, pid, comm_of(scene, pid), count_of(count, "open descriptor"));
  }
}

std::string state_name(TcpState state) {
  std::string name(tcp_state_names[static_cast<std::size_t>(state)]);
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

void by_sockets(Scene& scene) {
  const auto state = tcp_state_of(*scene.alert);
  const bool any = state == TcpState::unknown;
  const auto of = [&](const auto& row) { return any ? row.total : row.by_state[static_cast<std::size_t>(state)]; };
  const auto what = any ? std::string("connections") : "sockets in " + state_name(state);
  for (const auto& owner : scene.owners) {
    add(scene, owner.pid, comm_of(scene, owner.pid),
        "holds " + std::to_string(owner.sockets) + " " + (any ? std::string("established sockets") : what));
  }
  if (!scene.sockets_known) return;
  const Listener* listener = nullptr;
  for (const auto& row : scene.sockets->listeners()) {
    if (of(row) > 0 && (listener == nullptr || of(row) > of(*listener))) listener = &row;
  }
  const Peer* peer = nullptr;
  const Peer* server = nullptr;
  for (const auto& row : scene.sockets->peers()) {
    auto*& best = row.outgoing ? server : peer;
    if (of(row) > 0 && (best == nullptr || of(row) > of(*best))) best = &row;
  }
  const auto add_row = [&](const auto& row, const std::string& name, const std::string& role) {
    add(scene, 0, name, std::to_string(of(row)) + " " + what + " " + role);
  };
  // Who has most comes first: either this host's own service, or the one that it calls.
  const bool calls = server != nullptr && (listener == nullptr || of(*server) > of(*listener));
  const auto add_server = [&] {
    if (server != nullptr)
      add_row(*server, "calls to " + end_text({server->address, server->port}, server->ipv6), "from this host");
  };
  if (calls) add_server();
  if (listener != nullptr)
    add_row(*listener, "listener " + end_text(listener->local, listener->ipv6), "came through it");
  if (peer != nullptr)
    add_row(*peer, "peer " + address_text(peer->address, peer->ipv6),
            "with this host's port " + std::to_string(peer->port));
  if (!calls) add_server();
  for (const auto& row : scene.sockets->listeners()) {
    if (row.backlog > 0 && row.waiting >= row.backlog) {
      scene.remarks.push_back("The accept queue of " + end_text(row.local, row.ipv6) +
                              " is full: " + std::to_string(row.waiting) + " of " + std::to_string(row.backlog) + ".");
    }
  }
}

void by_disk(Scene& scene) {
  std::vector<const MountFacts*> full;
  for (const auto& mount : scene.mounts) {
    if (mount.answer.state == Answer::State::hung) {
      scene.remarks.push_back("The file system at " + clean(mount.path) + " does not answer.");
    }
    if (mount.answer.state == Answer::State::answered && mount.space.total_bytes > 0) full.push_back(&mount);
  }
  const auto used = [](const MountFacts* mount) {
    return 1 - static_cast<double>(mount->space.available_bytes) / static_cast<double>(mount->space.total_bytes);
  };
  std::stable_sort(full.begin(), full.end(), [&](const auto* a, const auto* b) { return used(a) > used(b); });
  for (std::size_t i = 0; i < full.size() && i < 2; ++i) {
    add(scene, 0, "file system " + clean(full[i]->path),
        percent(used(full[i]), 1) + " full, " + human_bytes(full[i]->space.available_bytes) + " of " +
            human_bytes(full[i]->space.total_bytes) + " left");
  }
  waiting_for_disk(scene);
}

void by_anything(Scene& scene) {
  for (const auto* process : scene.processes->top(1, [](const Process& p) { return p.ticks_between(); })) {
    add(scene, process->pid, clean(process->name()),
        "busiest: " + percent(scene.processes->cpus(*process), 1) + " of one CPU");
  }
  for (const auto* process : scene.processes->top(1, [](const Process& p) { return p.rss_bytes; })) {
    add(scene, process->pid, clean(process->name()), "largest: " + human_bytes(process->rss_bytes) + " resident");
  }
}

std::string sentence(const Culprit& culprit) {
  auto text = culprit.name;
  if (culprit.pid != 0) text += " (pid " + std::to_string(culprit.pid) + ")";
  return text + ": " + culprit.why;
}

}  // namespace

std::uint64_t Scene::memory_bytes(std::string_view field) const {
  return memory.bytes(field) ? *memory.bytes(field) : 0;
}

std::string Scene::cmdline_of(std::int32_t pid) const {
  for (const auto& suspect : suspects) {
    if (suspect.pid == pid && !suspect.cmdline.empty()) return suspect.cmdline;
  }
  for (const auto& [known, text] : cmdlines) {
    if (known == pid) return text;
  }
  return {};
}

bool Scene::about_this_host() const {
  const auto theirs = value_of(alert->labels, "instance");
  const auto ours = value_of(agent_labels, "instance");
  return ours.empty() || names_this_host(theirs, ours);
}

void find_culprits(Scene& scene) {
  scene.culprits.clear();
  scene.remarks.clear();
  blame_event(scene);
  switch (scene.subject) {
    case Subject::memory:
      by_memory(scene);
      break;
    case Subject::cpu:
      by_cpu(scene);
      break;
    case Subject::load:
      by_cpu(scene);
      waiting_for_disk(scene);
      break;
    case Subject::zombies:
      by_zombies(scene);
      break;
    case Subject::tcp:
      by_sockets(scene);
      break;
    case Subject::descriptors:
      by_descriptors(scene);
      break;
    case Subject::forks:
      by_forks(scene);
      break;
    case Subject::disk:
      by_disk(scene);
      break;
    case Subject::network:
    case Subject::other:
      break;
  }
  if (scene.culprits.empty()) by_anything(scene);
  scene.culprit = scene.culprits.empty() ? "" : sentence(scene.culprits.front());
}

std::vector<std::int32_t> suspects_of(const Scene& scene, std::size_t most) {
  std::vector<std::int32_t> pids;
  const auto add_pid = [&](std::int32_t pid) {
    if (pid > 0 && pids.size() < most && std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
  };
  for (const auto& culprit : scene.culprits) add_pid(culprit.pid);
  return pids;
}

}  // namespace snapshot
