#include "sentinel/bpf/hooks.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "sentinel/bpf/attach.hpp"

namespace sentinel::bpf {
namespace {

std::string stub_of(std::string_view program) {
  return "stub_" + std::string(program);
}
std::string jump_of(std::string_view program) {
  return "jump_" + std::string(program);
}

procfs::UniqueFd copy_of(int fd) {
  return procfs::UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

bool uses(std::span<const Choice> choices, std::string_view program) {
  return std::any_of(choices.begin(), choices.end(), [&](const Choice& choice) {
    if (choice.candidate == nullptr) return false;
    const auto& programs = choice.candidate->programs;
    return std::find(programs.begin(), programs.end(), program) != programs.end();
  });
}

}  // namespace

Hooks::Hooks(std::span<const std::byte> elf, std::span<const Hook> hooks, std::string_view type)
    : elf_(elf), hooks_(hooks), type_(type) {}

bool Hooks::allowed(const Hook& hook, const Candidate& candidate) const {
  if (type_ == "auto" || candidate.type == type_) return true;
  return std::none_of(hook.candidates.begin(), hook.candidates.end(),
                      [&](const Candidate& other) { return other.type == type_; });
}

Result<Object> Hooks::open(std::span<const Choice> choices, bool stubs) const {
  auto object = Object::open(elf_);
  if (!object) return object;
  for (const Hook& hook : hooks_) {
    for (const Candidate& candidate : hook.candidates) {
      for (const auto program : candidate.programs) {
        if (!uses(choices, program) || !stubs) object->leave_out(jump_of(program));
        if (!uses(choices, program)) continue;
        if (auto enabled = object->enable(program); !enabled) return enabled.error();
        if (!stubs) continue;
        if (auto enabled = object->enable(stub_of(program)); !enabled) return enabled.error();
      }
    }
  }
  return object;
}

void Hooks::note(const Hook& hook, const Candidate& candidate, std::string_view stage, int error_number,
                 const Error& error) {
  refusals_.push_back({hook.name, candidate.type, stage, error_number, error.message});
}

/// Tried by itself, so that a refusal is this candidate's and no other's.
bool Hooks::works(const Hook& hook, const Candidate& candidate) {
  const Choice choice{hook.name, &candidate};
  auto object = open({&choice, 1}, true);
  if (!object) {
    note(hook, candidate, "load", ENOENT, object.error());
    return false;
  }
  if (auto loaded = object->load(); !loaded) {
    note(hook, candidate, "load", object->load_errno(), loaded.error());
    return false;
  }
  for (const auto program : candidate.programs) {
    const auto stub = stub_of(program);
    Refused refused;
    if (bpf::attach(object->program_fd(stub), object->section(stub), refused)) continue;
    note(hook, candidate, "attach", refused.error_number, refused.error);
    return false;
  }
  return true;
}

Error Hooks::none_works(const Hook& hook) const {
  Error error{Errc::unsupported, "this kernel has no hook '" + std::string(hook.name) + "' for it"};
  bool first = true;
  for (const Refusal& refusal : refusals_) {
    if (refusal.hook != hook.name) continue;
    if (std::exchange(first, false)) {
      error = {refusal.error_number == EPERM || refusal.error_number == EACCES ? Errc::permission : Errc::unsupported,
               std::string(refusal.type) + " " + std::string(refusal.stage) + ": " + refusal.message};
    } else {
      error.message += "; " + std::string(refusal.type) + " " + std::string(refusal.stage) + ": " +
                       std::strerror(refusal.error_number);
    }
  }
  return error;
}

Result<void> Hooks::choose_one_by_one() {
  choices_.clear();
  for (const Hook& hook : hooks_) {
    Choice choice{hook.name, nullptr};
    for (const Candidate& candidate : hook.candidates) {
      if (!allowed(hook, candidate) || !works(hook, candidate)) continue;
      choice.candidate = &candidate;
      break;
    }
    if (choice.candidate == nullptr && hook.required) return none_works(hook);
    choices_.push_back(choice);
  }
  return {};
}

Result<Object> Hooks::load(const Prepare& prepare) {
  const auto load_chosen = [&]() -> Result<Object> {
    auto object = open(choices_, !inherited_);
    if (!object) return object;
    if (auto prepared = prepare(*object); !prepared) return prepared.error();
    if (auto loaded = object->load(); !loaded) return loaded.error();
    return object;
  };
  if (inherited_) return load_chosen();

  // Mostly every hook's first candidate will do: one load.
  choices_.clear();
  for (const Hook& hook : hooks_) {
    const auto first = std::find_if(hook.candidates.begin(), hook.candidates.end(),
                                    [&](const Candidate& candidate) { return allowed(hook, candidate); });
    choices_.push_back({hook.name, first == hook.candidates.end() ? nullptr : &*first});
  }
  if (auto object = load_chosen(); object && attach(*object)) return object;
  attachments_.clear();
  if (auto chosen = choose_one_by_one(); !chosen) return chosen.error();
  auto object = load_chosen();
  if (!object) return object;
  if (auto attached = attach(*object); !attached) return attached.error();
  return object;
}

Result<void> Hooks::attach(const Object& object) {
  for (const Choice& choice : choices_) {
    if (choice.candidate == nullptr) continue;
    for (const auto program : choice.candidate->programs) {
      const auto stub = stub_of(program);
      Refused refused;
      Attachment made{std::string(program), bpf::attach(object.program_fd(stub), object.section(stub), refused),
                      copy_of(object.map_fd(jump_of(program))), copy_of(object.program_fd(stub))};
      if (!made.link) return refused.error;
      attachments_.push_back(std::move(made));
    }
  }
  return {};
}

Result<void> Hooks::take_over(std::vector<Attachment> attachments) {
  choices_.clear();
  for (const Hook& hook : hooks_) {
    Choice choice{hook.name, nullptr};
    for (const Candidate& candidate : hook.candidates) {
      const bool all = std::all_of(candidate.programs.begin(), candidate.programs.end(), [&](std::string_view program) {
        return std::any_of(attachments.begin(), attachments.end(),
                           [&](const Attachment& attachment) { return attachment.program == program; });
      });
      if (all && allowed(hook, candidate)) {
        choice.candidate = &candidate;
        break;
      }
    }
    if (choice.candidate == nullptr && hook.required) {
      return Error{Errc::invalid_argument, "the predecessor's hooks are none of this version's"};
    }
    choices_.push_back(choice);
  }
  std::erase_if(attachments, [&](const Attachment& attachment) { return !uses(choices_, attachment.program); });
  attachments_ = std::move(attachments);
  inherited_ = true;
  return {};
}

Result<void> Hooks::lead_to(const Object& object) const {
  for (const Attachment& attachment : attachments_) {
    const __u32 zero = 0;
    const int program = object.program_fd(attachment.program);
    if (bpf_map_update_elem(attachment.jump.get(), &zero, &program, BPF_ANY) != 0) {
      return bpf_error(errno, "lead hook " + attachment.program + " to its program");
    }
  }
  return {};
}

Result<void> Hooks::lead_nowhere() const {
  for (const Attachment& attachment : attachments_) {
    const __u32 zero = 0;
    if (bpf_map_delete_elem(attachment.jump.get(), &zero) != 0 && errno != ENOENT) {
      return bpf_error(errno, "take hook " + attachment.program + " from its program");
    }
  }
  return {};
}

std::uint64_t Hooks::missed() const {
  std::uint64_t missed = 0;
  for (const auto& attachment : attachments_) {
    bpf_prog_info info = {};
    __u32 size = sizeof(info);
    if (bpf_obj_get_info_by_fd(attachment.stub.get(), &info, &size) == 0) missed += info.recursion_misses;
  }
  return missed;
}

}  // namespace sentinel::bpf
