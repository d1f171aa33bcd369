#include "plugins/proc_zombie/process_walk.hpp"

#include <process_states.skel.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "plugins/proc_zombie/process_states.h"

namespace proc_zombie {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;
using sentinel::procfs::PidStat;
using sentinel::procfs::ProcessState;
using sentinel::procfs::Root;

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

std::span<const std::byte> program() {
  std::size_t size = 0;
  const void* bytes = process_states_bpf__elf_bytes(&size);
  return {static_cast<const std::byte*>(bytes), size};
}

/// Whether /proc was mounted in the reader's own pid namespace, the one that the iterator sees. NSpid of
/// self/status has a number for each namespace from the mount's down to the reader's (proc_pid_status(5)).
Result<void> check_pid_namespace(const std::string& procfs, sentinel::procfs::Buffer& buffer) {
  constexpr std::string_view key = "\nNSpid:\t";
  const auto root = Root::open(procfs);
  if (!root) return root.error();
  const auto text = root->read("self/status", buffer);
  if (!text) return text.error();
  const auto at = text->find(key);
  if (at == std::string_view::npos) return {};  // a kernel without pid namespaces
  const auto numbers = text->substr(at + key.size());
  if (numbers.substr(0, numbers.find('\n')).find('\t') == std::string_view::npos) return {};
  return Error{Errc::unsupported, procfs +
                                      " shows another pid namespace than the agent's, which is all that a BPF "
                                      "iterator sees"};
}

}  // namespace

ProcessWalk::ProcessWalk(std::string source, std::string procfs)
    : source_(std::move(source)),
      procfs_(std::move(procfs)),
      ticks_per_second_(static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK))) {}

Result<void> ProcessWalk::start(const sentinel::Host& host) {
  if (source_ == "procfs") {
    why_not_bpf_ = "`source: procfs` is configured";
    return {};
  }
  if (procfs_ != "/proc") {
    why_not_bpf_ = "it sees the agent's own pid namespace alone, and `procfs` names another folder than /proc";
    return {};
  }
  const auto loaded = load();
  if (loaded) return {};
  if (source_ == "bpf") return Error{loaded.error().code, loaded.error().message + "; or set `source: auto`"};
  why_not_bpf_ = loaded.error().message;
  told_ = true;
  host.info("counting processes without a BPF iterator: " + why_not_bpf_);
  return {};
}

Result<void> ProcessWalk::load() {
  if (auto same = check_pid_namespace(procfs_, buffer_); !same) return same;
  auto loaded = sentinel::bpf::Iterator::load(program(), "count_process_states");
  if (!loaded) return loaded.error();
  iterator_.emplace(std::move(*loaded));
  return {};
}

Result<Processes*> ProcessWalk::walk(const sentinel::Host& host) {
  if (iterator_) {
    const auto walked = walk_by_iterator();
    if (!walked && source_ == "bpf") return walked.error();
    if (walked) {
      serves_ = "bpf";
      why_not_bpf_.clear();
      return &found_;
    }
    why_not_bpf_ = walked.error().message;
    if (!std::exchange(told_, true)) host.info("counting processes without the BPF iterator: " + why_not_bpf_);
  }
  if (const auto walked = walk_files(); !walked) return walked.error();
  serves_ = "procfs";
  return &found_;
}

Result<void> ProcessWalk::walk_by_iterator() {
  const auto written = iterator_->walk();
  if (!written) return written.error();
  process_states states{};
  if (written->size() < sizeof(states) || (written->size() - sizeof(states)) % sizeof(zombie_record) != 0) {
    return Error{Errc::failed, "the BPF iterator over processes wrote " + std::to_string(written->size()) +
                                   " bytes, which are no records; set `source: procfs` to do without"};
  }
  const auto records = written->first(written->size() - sizeof(states));
  std::memcpy(&states, written->data() + records.size(), sizeof(states));
  found_.states.fill(0);
  for (std::size_t i = 0; i + 1 < sizeof(PROCESS_STATE_LETTERS); ++i) {
    const auto state = sentinel::procfs::process_state(PROCESS_STATE_LETTERS[i]);
    found_.states[static_cast<std::size_t>(state)] += states.processes[i];
  }
  found_.threads = states.threads;
  found_.counts = {};
  found_.zombies.clear();
  for (std::size_t at = 0; at < records.size(); at += sizeof(zombie_record)) {
    zombie_record record{};
    std::memcpy(&record, records.data() + at, sizeof(record));
    Zombie zombie{record.parent, record.pid, record.start_ns / ns_per_second,
                  record.start_ns / (ns_per_second / ticks_per_second_)};
    std::copy(std::begin(record.parent_comm), std::end(record.parent_comm), zombie.parent_comm.begin());
    found_.zombies.push_back(zombie);
  }
  return {};
}

Result<void> ProcessWalk::walk_files() {
  const auto root = Root::open(procfs_);
  if (!root) return root.error();
  found_.states.fill(0);
  found_.threads = 0;
  found_.zombies.clear();
  const auto walked = walker_.walk(*root, [this](const PidStat& stat) {
    ++found_.states[static_cast<std::size_t>(stat.state)];
    found_.threads += static_cast<std::uint64_t>(std::max<std::int64_t>(stat.threads, 0));
    if (stat.state != ProcessState::zombie) return;
    found_.zombies.push_back({stat.ppid, stat.pid, stat.start_time_ticks / ticks_per_second_, stat.start_time_ticks});
  });
  if (!walked) return walked.error();
  if (walked->seen == 0) {
    return Error{Errc::no_data, procfs_ + " lists no process; point `procfs` at a mounted proc(5)"};
  }
  found_.counts = *walked;
  return {};
}

std::string ProcessWalk::parent_comm(const Zombie& zombie) {
  if (serves_ == "bpf") return zombie.parent_comm.data();
  const auto root = Root::open(procfs_);
  if (!root) return {};
  const auto text = root->read(std::to_string(zombie.parent) + "/stat", buffer_);
  PidStat stat;
  return text && try_parse_pid_stat(*text, stat) ? std::string(stat.comm) : std::string();
}

void ProcessWalk::describe(sentinel::Rows& rows) const {
  if (serves_ == "bpf") return rows.add("sources", {{"source", "bpf"}, {"serves", "true"}, {"why_not", ""}});
  rows.add("sources", {{"source", "bpf"}, {"serves", "false"}, {"why_not", why_not_bpf_}});
  if (serves_ == "procfs") rows.add("sources", {{"source", "procfs"}, {"serves", "true"}, {"why_not", ""}});
}

}  // namespace proc_zombie
