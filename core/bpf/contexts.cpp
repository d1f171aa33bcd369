#include "sentinel/bpf/contexts.hpp"

#include <algorithm>
#include <cstring>
#include <sentinel/config.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <utility>

namespace sentinel::bpf {

std::string_view comm_of(const char (&comm)[FUNNEL_COMM]) {
  return {comm, strnlen(comm, sizeof(comm))};
}

/// At the first event, not before: a collector whose events nobody wants needs neither.
void Contexts::open() {
  if (std::exchange(opened_, true)) return;
  if (auto cache = ProcessCache::open({})) processes_.emplace(std::move(*cache));
  if (auto proc = procfs::Root::open("/proc")) symbols_.emplace(std::move(*proc));
}

Result<void> Contexts::prepare(std::uint64_t now_ns) {
  open();
  return symbols_ && symbols_->loads() == 0 ? symbols_->load(now_ns) : Result<void>();
}

void Contexts::note(const funnel_process& process, bool exec, std::string_view exe) {
  open();
  if (!processes_ || process.pid == 0) return;
  ProcessNote note;
  note.pid = static_cast<std::int32_t>(process.pid);
  note.start_ns = process.start_ns;
  note.ppid = static_cast<std::int32_t>(process.ppid);
  note.cgroup_id = process.cgroup_id;
  note.comm = comm_of(process.comm);
  note.parent_comm = comm_of(process.parent_comm);
  note.exe = exe;
  note.exec = exec;
  processes_->note(note);
}

Context Contexts::of(const funnel_process& process, std::span<const std::uint64_t> stack, std::uint64_t now_ns,
                     std::span<const std::uint64_t> behind) {
  note(process);
  Context context;
  context.pid = process.pid;
  context.tid = process.tid;
  context.ppid = process.ppid;
  context.start_time_ns = process.start_ns;
  context.cgroup_id = process.cgroup_id;
  context.comm = comm_of(process.comm);
  context.parent_comm = comm_of(process.parent_comm);
  const Process* known = processes_ && process.pid != 0
                             ? processes_->find(static_cast<std::int32_t>(process.pid), process.start_ns, now_ns)
                             : nullptr;
  if (known != nullptr) {
    context.exe = known->exe;
    context.container_id = known->container.id;
    if (!known->pod_name.empty()) {
      pod_ = known->pod_namespace + "/" + known->pod_name;
      context.pod = pod_;
    }
  }
  stack_.clear();
  frames_.clear();
  add_stack(stack, now_ns, names_);
  if (!behind.empty()) {
    stack_.push_back(0);
    frames_.push_back(to_abi("--"));
    add_stack(behind, now_ns, names_behind_);
  }
  context.stack = stack_;
  if (symbols_ && !symbols_->error()) context.symbols = frames_;  // bare addresses tell as much
  return context;
}

/// Behind those that are there, and their names as far as there are any.
void Contexts::add_stack(std::span<const std::uint64_t> stack, std::uint64_t now_ns, std::string& names) {
  const std::size_t first = frames_.size();
  if (!stack.empty() && symbols_) {
    const std::string_view text = symbols_->symbolize(stack, now_ns, names);
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      frames_.push_back(to_abi(text.substr(at, end - at)));
      at = end + 1;
    }
  }
  // Leading frames of BPF's own were left out.
  const std::size_t named = std::min(frames_.size() - first, stack.size());
  const auto kept = named == 0 ? stack : stack.last(named);
  stack_.insert(stack_.end(), kept.begin(), kept.end());
  frames_.resize(stack_.size(), sentinel_string{});
}

}  // namespace sentinel::bpf
