#include "rules/engine/exemplar.hpp"

#include <algorithm>

#include "rules/engine/field.hpp"

namespace sentinel::rules {
namespace {

constexpr std::size_t usual_stack = 64;
constexpr std::size_t deepest_stack = 256;

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
  comm_.assign(text_of(context.comm));
  parent_comm_.assign(text_of(context.parent_comm));
  container_id_.assign(text_of(context.container_id));
  const auto frames = std::min<std::size_t>(context.stack_count, deepest_stack);
  if (frames > stack_.capacity()) stack_.reserve(std::max(frames, usual_stack));
  stack_.assign(context.stack, context.stack + frames);
}

Context Exemplar::context() const {
  return {pid_,
          tid_,
          ppid_,
          start_time_ns_,
          cgroup_id_,
          std::string(comm_.view()),
          std::string(parent_comm_.view()),
          std::string(container_id_.view()),
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
