#include "plugins/ebpf_xmit/senders.hpp"

#include <algorithm>
#include <cstring>
#include <sentinel/bpf/contexts.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <utility>
#include <vector>

using sentinel::bpf::Funnel;

xmit_count count_of(const Funnel& funnel, int map_fd, const void* key) {
  xmit_count sum = {};
  funnel.each_cpu(map_fd, key, sizeof(sum), [&](const std::byte* part) {
    xmit_count of_cpu;
    std::memcpy(&of_cpu, part, sizeof(of_cpu));
    sum.packets += of_cpu.packets;
    sum.bytes += of_cpu.bytes;
  });
  return sum;
}

namespace {

struct Process {
  xmit_process_key key = {};
  xmit_process sum = {};
};

Process process_of(const Funnel& funnel, int map_fd, const std::byte* key) {
  Process process;
  std::memcpy(&process.key, key, sizeof(process.key));
  funnel.each_cpu(map_fd, key, sizeof(xmit_process), [&](const std::byte* part) {
    xmit_process of_cpu;
    std::memcpy(&of_cpu, part, sizeof(of_cpu));
    process.sum.count.packets += of_cpu.count.packets;
    process.sum.count.bytes += of_cpu.count.bytes;
    if (of_cpu.comm[0] != '\0') std::memcpy(process.sum.comm, of_cpu.comm, sizeof(of_cpu.comm));
  });
  return process;
}

/// The first rows in order of bytes.
template <class T, class Bytes>
void keep_largest(std::vector<T>& all, Bytes&& bytes) {
  const auto kept = std::min(all.size(), Senders::most_rows);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(),
                    [&](const T& a, const T& b) { return bytes(a) > bytes(b); });
  all.resize(kept);
}

}  // namespace

void Senders::tell(const Funnel& funnel, std::uint64_t now_ns, sentinel::Rows& rows) {
  if (!funnel.started()) return;
  tell_processes(funnel, rows);
  tell_stacks(funnel, now_ns, rows);
}

void Senders::tell_processes(const Funnel& funnel, sentinel::Rows& rows) {
  const int map = funnel.map_fd("processes");
  std::vector<Process> all;
  Funnel::each_key(map, sizeof(xmit_process_key),
                   [&](const std::byte* key) { all.push_back(process_of(funnel, map, key)); });
  keep_largest(all, [](const Process& process) { return process.sum.count.bytes; });
  for (const auto& process : all) {
    const auto pid = std::to_string(process.key.pid);
    const auto packets = std::to_string(process.sum.count.packets);
    const auto bytes = std::to_string(process.sum.count.bytes);
    rows.add(
        "processes",
        {{"pid", pid}, {"comm", sentinel::bpf::comm_of(process.sum.comm)}, {"packets", packets}, {"bytes", bytes}});
  }
}

void Senders::tell_stacks(const Funnel& funnel, std::uint64_t now_ns, sentinel::Rows& rows) {
  const int map = funnel.map_fd("stack_counts");
  std::vector<std::pair<std::uint64_t, xmit_count>> all;
  Funnel::each_key(map, sizeof(std::uint64_t), [&](const std::byte* raw) {
    std::uint64_t key = 0;
    std::memcpy(&key, raw, sizeof(key));
    all.emplace_back(key, count_of(funnel, map, &key));
  });
  keep_largest(all, [](const auto& stack) { return stack.second.bytes; });
  for (const auto& [key, count] : all) {
    const auto packets = std::to_string(count.packets);
    const auto bytes = std::to_string(count.bytes);
    rows.add("stacks", {{"packets", packets}, {"bytes", bytes}, {"stack", text_of(funnel, key, now_ns)}});
  }
}

const std::string& Senders::text_of(const Funnel& funnel, std::uint64_t key, std::uint64_t now_ns) {
  std::string& text = texts_[key];
  if (!text.empty()) return text;
  if (!symbols_) {
    if (auto proc = sentinel::procfs::Root::open("/proc")) symbols_.emplace(std::move(*proc));
  }
  funnel_frames frames = {};
  if (!symbols_ || !Funnel::read_entry(funnel.map_fd("stacks"), &key, &frames)) return text;
  (void)symbols_->symbolize({frames.frames, std::min<std::size_t>(frames.count, FUNNEL_FRAMES)}, now_ns, text);
  return text;
}
