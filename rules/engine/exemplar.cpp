#include "rules/engine/exemplar.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "rules/engine/field.hpp"

namespace sentinel::rules {
namespace {

constexpr std::size_t usual_stack = 64;
constexpr std::size_t deepest_stack = 256;

/// At most `longest` bytes of a text, and no part of a character.
std::string_view cut(const sentinel_string& from, std::size_t longest) {
  const std::string_view text = text_of(from);
  std::size_t size = text.size();
  if (size > longest) {
    size = longest;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) --size;
  }
  return text.substr(0, size);
}

/// Copies it to `to`; returns how many bytes that were.
std::uint8_t copy(const sentinel_string& from, std::size_t longest, char* to) {
  const std::string_view text = cut(from, longest);
  text.copy(to, text.size());
  return static_cast<std::uint8_t>(text.size());
}

}  // namespace

void Exemplar::assign(const sentinel_record& record, std::uint64_t pane) {
  const sentinel_context& context = *record.context;
  pane_ = pane;
  time_ns_ = record.time_ns;
  pid_ = context.pid;
  tid_ = context.tid;
  ppid_ = context.ppid;
  start_time_ns_ = context.start_time_ns;
  cgroup_id_ = context.cgroup_id;
  char* end = texts_.data();
  end += comm_size_ = copy(context.comm, longest_comm, end);
  end += parent_comm_size_ = copy(context.parent_comm, longest_comm, end);
  container_id_size_ = copy(context.container_id, longest_container_id, end);
  const auto frames = std::min<std::size_t>(context.stack_count, deepest_stack);
  if (frames > stack_.capacity()) stack_.reserve(std::max(frames, usual_stack));
  stack_.assign(context.stack, context.stack + frames);

  long_texts_.assign(cut(context.exe, longest_exe));
  exe_size_ = static_cast<std::uint16_t>(long_texts_.size());
  long_texts_.append(cut(context.pod, longest_pod));
  pod_size_ = static_cast<std::uint16_t>(long_texts_.size() - exe_size_);
  has_symbols_ = context.symbols != nullptr;
  for (std::size_t i = 0; has_symbols_ && i < frames; ++i) {
    long_texts_.append(cut(context.symbols[i], longest_symbol)).push_back('\0');
  }
}

Context Exemplar::context() const {
  const char* comm = texts_.data();
  const char* parent_comm = comm + comm_size_;
  const char* container_id = parent_comm + parent_comm_size_;
  const std::string_view texts = long_texts_;
  std::vector<std::string> symbols;
  if (has_symbols_) {
    auto rest = texts.substr(std::size_t{exe_size_} + pod_size_);
    for (; !rest.empty(); rest.remove_prefix(symbols.back().size() + 1))
      symbols.emplace_back(rest.substr(0, rest.find('\0')));
  }
  return {pid_,
          tid_,
          ppid_,
          start_time_ns_,
          cgroup_id_,
          std::string(comm, comm_size_),
          std::string(parent_comm, parent_comm_size_),
          std::string(container_id, container_id_size_),
          stack_,
          std::string(texts.substr(0, exe_size_)),
          std::string(texts.substr(exe_size_, pod_size_)),
          std::move(symbols)};
}

void Exemplars::add(const sentinel_record& record, std::uint64_t pane) {
  if (record.context == nullptr) return;
  if (pane > newest_.pane()) std::swap(newest_, before_);
  Exemplar& kept = pane >= newest_.pane() ? newest_ : before_;
  if (&kept == &before_ && pane != before_.pane()) return;
  // One without a stack tells less than one with it, as the sum of many events does.
  if (pane == kept.pane() && kept.has_stack() && record.context->stack_count == 0) return;
  kept.assign(record, pane);
}

const Exemplar* Exemplars::newest_until(std::uint64_t end) const {
  if (newest_.pane() != 0 && newest_.pane() <= end) return &newest_;
  return before_.pane() != 0 && before_.pane() <= end ? &before_ : nullptr;
}

}  // namespace sentinel::rules
