#include "sentinel/bpf/attach.hpp"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>

#include "sentinel/bpf/object.hpp"

namespace sentinel::bpf {
namespace {

using procfs::UniqueFd;

/// A small decimal number of a file of sysfs or tracefs; -1 and errno when it can't be read.
int number_in(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return -1;
  std::array<char, 32> text{};
  const auto size = read(file.get(), text.data(), text.size());
  int number = -1;
  if (size <= 0 || std::from_chars(text.data(), text.data() + size, number).ec != std::errc()) {
    errno = EINVAL;
    return -1;
  }
  return number;
}

UniqueFd attach_event(int program_fd, perf_event_attr& attributes) {
  attributes.size = sizeof(attributes);
  // On every CPU: a tracepoint or kprobe event calls its program wherever it fires, whatever CPU it was opened on.
  UniqueFd event(static_cast<int>(
      syscall(SYS_perf_event_open, &attributes, -1 /* any process */, 0 /* cpu */, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return {};
  UniqueFd link(bpf_link_create(program_fd, event.get(), BPF_PERF_EVENT, nullptr));
  if (!link) return {};
  if (ioctl(event.get(), PERF_EVENT_IOC_ENABLE, 0) != 0) return {};
  return link;  // which holds the event
}

UniqueFd attach_tracepoint(int program_fd, std::string_view name) {
  int id = -1;
  for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (id < 0) id = number_in(std::string(root) + "/events/" + std::string(name) + "/id");
  }
  if (id < 0) return {};
  perf_event_attr attributes = {};
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.config = static_cast<std::uint64_t>(id);
  return attach_event(program_fd, attributes);
}

UniqueFd attach_kprobe(int program_fd, std::string_view function, bool on_return) {
  const int type = number_in("/sys/bus/event_source/devices/kprobe/type");
  if (type < 0) return {};
  const std::string name(function);
  perf_event_attr attributes = {};
  attributes.type = static_cast<std::uint32_t>(type);
  attributes.config = on_return ? 1 : 0;  // .../kprobe/format/retprobe is bit 0
  attributes.config1 = reinterpret_cast<std::uint64_t>(name.c_str());
  return attach_event(program_fd, attributes);
}

}  // namespace

UniqueFd attach(int program_fd, std::string_view section, Refused& refused) {
  const auto slash = section.find('/');
  const auto kind = section.substr(0, slash);
  const auto target = slash == std::string_view::npos ? std::string_view() : section.substr(slash + 1);
  UniqueFd link;
  errno = 0;
  if (kind == "tp_btf" || kind == "fentry" || kind == "fexit") {
    link = UniqueFd(bpf_raw_tracepoint_open(nullptr, program_fd));
  } else if (kind == "raw_tp") {
    link = UniqueFd(bpf_raw_tracepoint_open(std::string(target).c_str(), program_fd));
  } else if (kind == "tracepoint") {
    link = attach_tracepoint(program_fd, target);
  } else if (kind == "kprobe" || kind == "kretprobe") {
    link = attach_kprobe(program_fd, target, kind == "kretprobe");
  } else {
    errno = EINVAL;
  }
  if (!link) {
    refused.error_number = errno;
    refused.error = bpf_error(refused.error_number, "attach to " + std::string(section));
  }
  return link;
}

}  // namespace sentinel::bpf
