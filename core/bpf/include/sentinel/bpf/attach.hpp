#pragma once

#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::bpf {

/// A failure with the errno that caused it.
struct Refused {
  int error_number = 0;
  Error error;
};

/// Attaches a loaded program to the hook that its section names: tp_btf/, fentry/, fexit/, raw_tp/,
/// tracepoint/<group>/, kprobe/, kretprobe/. One descriptor owns the whole attachment, whatever the kind, so that it
/// can be handed on: the hook is let go when its last copy is closed. A descriptor of -1 and `refused` on failure.
procfs::UniqueFd attach(int program_fd, std::string_view section, Refused& refused);

}  // namespace sentinel::bpf
