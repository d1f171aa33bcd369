#include "sentinel/bpf/kallsyms.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <iterator>

#include "core/bpf/symbol_table_builder.hpp"

namespace sentinel::bpf {
namespace {

// Asked for in vain that often, an address is no longer a reason to read the table again.
constexpr std::size_t most_unknown = 256;

void append_hex(std::string& out, std::uint64_t value) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  out.append("0x").append(digits.data(), end);
}

void append_frame(std::string& out, const std::optional<KernelLocation>& found, std::uint64_t address) {
  if (!found) return append_hex(out, address);
  out.append(found->name).append("+");
  append_hex(out, found->offset);
  if (!found->module.empty()) out.append(" [").append(found->module).append("]");
}

struct NamePattern {
  std::string_view text;
  bool prefix;
};

// Exact names and beginnings of names, as they stand in the stacks of Linux 5.8 to 6.18.
constexpr auto plumbing = std::to_array<NamePattern>({
    // The program, its trampoline, and what runs it or what it called to take the stack.
    {"bpf_prog_", true},
    {"bpf_trampoline_", true},
    {"bpf_dispatcher_", true},
    {"__bpf_", true},
    {"___bpf_prog_run", false},
    {"bpf_get_stack", true},
    {"bpf_perf_event_output", true},
    {"get_perf_callchain", false},
    {"stack_trace_save", true},
    {"arch_stack_walk", false},
    // Tracepoints: raw, typed (tp_btf), and by perf events.
    {"__traceiter_", true},
    {"__probestub_", true},
    {"bpf_trace_run", true},
    {"trace_call_bpf", true},
    {"perf_trace_", true},
    {"trace_event_raw_event_", true},
    {"perf_syscall_enter", false},
    {"perf_syscall_exit", false},
    // kprobes and what they patch in.
    {"kprobe_perf_func", false},
    {"kretprobe_perf_func", false},
    {"kprobe_dispatcher", false},
    {"kretprobe_dispatcher", false},
    {"kprobe_multi_link_", true},
    {"kprobe_ftrace_handler", false},
    {"kprobe_int3_handler", false},
    {"aggr_pre_handler", false},
    {"opt_pre_handler", false},
    {"optimized_callback", false},
    {"fprobe_", true},
    {"ftrace_trampoline", false},
    {"ftrace_regs_call", true},
    {"ftrace_caller", true},
    {"ftrace_call", true},
    {"ftrace_ops_", true},
    {"arch_ftrace_ops_list_func", false},
    {"do_int3", false},
    {"exc_int3", false},
    {"asm_exc_int3", false},
});

}  // namespace

bool is_bpf_plumbing(std::string_view name) noexcept {
  return std::ranges::any_of(plumbing, [&](const NamePattern& pattern) {
    return pattern.prefix ? name.starts_with(pattern.text) : name == pattern.text;
  });
}

std::optional<KernelLocation> SymbolTable::lookup(std::uint64_t address) const noexcept {
  const auto next = std::ranges::upper_bound(entries_, address, {}, &Entry::address);
  if (next == entries_.begin()) return std::nullopt;
  const Entry& entry = *std::prev(next);
  const std::uint64_t offset = address - entry.address;
  if (entry.length == 0 || offset >= longest_function_bytes) return std::nullopt;
  return KernelLocation{std::string_view(names_).substr(entry.name, entry.length), modules_[entry.module], offset};
}

std::size_t SymbolTable::memory_bytes() const noexcept {
  std::size_t bytes = entries_.capacity() * sizeof(Entry) + names_.capacity();
  for (const auto& module : modules_) bytes += sizeof(std::string) + module.capacity();
  return bytes;
}

Result<void> KernelSymbols::load(std::uint64_t now_ns) {
  looked_ns_ = now_ns;
  ++loads_;
  unknown_.clear();
  // A kernel without CONFIG_MODULES has no such file, and nothing that could come or go.
  const auto modules = proc_.read("modules", modules_text_);
  const std::string_view modules_text = modules ? *modules : std::string_view();
  modules_hash_ = std::hash<std::string_view>()(modules_text);

  auto table = [&]() -> Result<SymbolTable> {
    procfs::Buffer text(std::size_t{128} << 20);  // for as long as the parsing lasts, and no longer
    const auto read = proc_.read("kallsyms", text);
    if (!read) return read.error();
    return parse_kallsyms(*read, modules_text);
  }();
  if (!table) {
    error_ = table.error().in("names of kernel addresses");
    return *error_;
  }
  known_.clear();  // views into the table that goes
  table_ = std::move(*table);
  error_.reset();
  return {};
}

bool KernelSymbols::worth_reloading(std::uint64_t address, std::uint64_t now_ns) {
  if (!looked_ns_) return true;
  if (now_ns < *looked_ns_ + reload_interval_ns) return false;
  looked_ns_ = now_ns;
  const auto modules = proc_.read("modules", modules_text_);
  if (std::hash<std::string_view>()(modules ? *modules : std::string_view()) != modules_hash_) return true;
  return unknown_.size() < most_unknown && std::ranges::find(unknown_, address) == unknown_.end();
}

std::optional<KernelLocation> KernelSymbols::lookup(std::uint64_t address, std::uint64_t now_ns) {
  if (const auto known = known_.find(address); known != known_.end()) return known->second;
  auto found = table_.lookup(address);
  if (found) {
    if (known_.size() == most_known) known_.clear();
    known_.emplace(address, *found);
  }
  if (found || !worth_reloading(address, now_ns)) return found;
  auto unknown = std::move(unknown_);
  const auto loaded = load(now_ns);
  found = table_.lookup(address);
  if (!found) {
    unknown.push_back(address);
    unknown_ = std::move(unknown);
  }
  return found;
}

std::optional<KernelLocation> KernelSymbols::frame(std::span<const std::uint64_t> stack, std::size_t i,
                                                   std::uint64_t now_ns) {
  const std::uint64_t back = i == 0 || stack[i] == 0 ? 0 : 1;
  auto found = lookup(stack[i] - back, now_ns);
  if (found) found->offset += back;
  return found;
}

std::size_t KernelSymbols::leading_plumbing(std::span<const std::uint64_t> stack, std::uint64_t now_ns) {
  std::size_t leading = 0;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    const auto found = frame(stack, i, now_ns);
    if (!found) continue;
    if (!is_bpf_plumbing(found->name)) break;
    leading = i + 1;
  }
  return leading == stack.size() ? 0 : leading;
}

std::string_view KernelSymbols::symbolize(std::span<const std::uint64_t> stack, std::uint64_t now_ns,
                                          std::string& buffer, std::string_view separator) {
  buffer.clear();
  const auto first = leading_plumbing(stack, now_ns);
  for (auto i = first; i < stack.size(); ++i) {
    if (i > first) buffer.append(separator);
    append_frame(buffer, frame(stack, i, now_ns), stack[i]);
  }
  return buffer;
}

}  // namespace sentinel::bpf
