#pragma once

#include <cstddef>
#include <functional>
#include <sentinel/bpf/object.hpp>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::bpf {

/// One way to get at what a hook tells: the programs of the object that do so together. Each has a stub (FUNNEL_STUB).
struct Candidate {
  std::string_view type;  ///< "tp_btf", "fentry", "raw_tp", "tracepoint", "kprobe"
  std::vector<std::string_view> programs;
};

/// Something that happens in the kernel, and the ways to be told, best first.
struct Hook {
  std::string_view name;  ///< "state", "accept"
  bool required = true;
  std::vector<Candidate> candidates;
};

/// A candidate that this kernel or this process's capabilities ruled out.
struct Refusal {
  std::string_view hook;
  std::string_view type;
  std::string_view stage;  ///< "load" or "attach"
  int error_number = 0;
  std::string message;
};

/// Which candidate serves a hook.
struct Choice {
  std::string_view hook;
  const Candidate* candidate = nullptr;  ///< null: none, the hook is optional
};

/// A stub that is attached: the program behind it can be replaced without a gap.
struct Attachment {
  std::string program;
  procfs::UniqueFd link;
  procfs::UniqueFd jump;  ///< the array through which the stub calls
  procfs::UniqueFd stub;  ///< the stub itself, for its statistics
};

/// Loads an object with, for each hook, the first candidate that this kernel loads **and** attaches, and keeps it
/// attached. Which is found out by doing it; libbpf's feature probes are no guide. Not thread-safe.
class Hooks {
 public:
  using Prepare = std::function<Result<void>(Object&)>;

  /// `hooks` and the names in it must outlive this. `type` other than "auto" leaves candidates of that type alone (and
  /// those of hooks that have none of it, as they are).
  Hooks(std::span<const std::byte> elf, std::span<const Hook> hooks, std::string_view type);

  /// Chooses, loads, and attaches the stubs, which call nothing before lead_to(). `prepare` is called with each object
  /// before it is loaded. Errors: those of the first candidate of a required hook, and what became of the others.
  Result<Object> load(const Prepare& prepare);

  /// Takes over the attachments of a predecessor, whose candidates load() then loads, without stubs of their own.
  /// Errors: invalid_argument when they serve no candidate of a required hook.
  Result<void> take_over(std::vector<Attachment> attachments);
  /// Leads the stubs to the programs of `object`, which are those that run from now on.
  Result<void> lead_to(const Object& object) const;
  /// Leaves the hooks in place, without a program.
  Result<void> lead_nowhere() const;
  /// Lets go of all hooks: nothing runs any more, unless a successor holds them too.
  void detach() { attachments_.clear(); }

  [[nodiscard]] const std::vector<Choice>& choices() const { return choices_; }
  [[nodiscard]] const std::vector<Refusal>& refusals() const { return refusals_; }
  [[nodiscard]] const std::vector<Attachment>& attachments() const { return attachments_; }
  /// Events that the kernel ran no program for, because one was running on that CPU (bpf_prog_info.recursion_misses).
  [[nodiscard]] std::uint64_t missed() const;

 private:
  [[nodiscard]] bool allowed(const Hook& hook, const Candidate& candidate) const;
  Result<Object> open(std::span<const Choice> choices, bool stubs) const;
  bool works(const Hook& hook, const Candidate& candidate);
  Result<void> choose_one_by_one();
  Result<void> attach(const Object& object);
  void note(const Hook& hook, const Candidate& candidate, std::string_view stage, int error_number, const Error& error);
  Error none_works(const Hook& hook) const;

  std::span<const std::byte> elf_;
  std::span<const Hook> hooks_;
  std::string type_;
  std::vector<Choice> choices_;
  std::vector<Refusal> refusals_;
  std::vector<Attachment> attachments_;
  bool inherited_ = false;
};

}  // namespace sentinel::bpf
