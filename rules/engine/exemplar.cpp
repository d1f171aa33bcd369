#include "rules/engine/exemplar.hpp"

#include <algorithm>
#include <string_view>

#include "rules/engine/field.hpp"

namespace sentinel::rules {
namespace {

constexpr std::size_t usual_stack = 64;
constexpr std::size_t deepest_stack = 256;

/// Copies at most `longest` bytes to `to`, and no part of a character; returns how many.
std::uint8_t copy(const sentinel_string& from, std::size_t longest, char* to) {
  const std::string_view text = text_of(from);
  std::size_t size = text.size();
  if (size > longest) {
    size = longest;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80U) --size;
  }
  text.copy(to, size);
  return static_cast<std::uint8_t>(size);
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
}

Context Exemplar::context() const {
  const char* comm = texts_.data();
  const char* parent_comm = comm + comm_size_;
  const char* container_id = parent_comm + parent_comm_size_;
  return {pid_,
          tid_,
          ppid_,
          start_time_ns_,
          cgroup_id_,
          std::string(comm, comm_size_),
          std::string(parent_comm, parent_comm_size_),
          std::string(container_id, container_id_size_),
          stack_};
}

void Exemplars::add(const sentinel_record& record, std::uint64_t pane) {
  if (record.context == nullptr) return;
  if (pane > newest_.pane()) std::swap(newest_, before_);
  if (pane >= newest_.pane()) {
    newest_.assign(record, pane);
  } else if (pane == before_.pane()) {
    before_.assign(record, pane);
  }
}

const Exemplar* Exemplars::newest_until(std::uint64_t end) const {
  if (newest_.pane() != 0 && newest_.pane() <= end) return &newest_;
  return before_.pane() != 0 && before_.pane() <= end ? &before_ : nullptr;
}

}  // namespace sentinel::rules
