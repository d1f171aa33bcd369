#include "sentinel/bpf/object.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace sentinel::bpf {
namespace {

constexpr std::size_t log_bytes = 64 * 1024;

/// The lines in which the verifier says why: the last but its statistics.
std::string_view reason_of(std::string_view log) {
  if (const auto statistics = log.rfind("processed "); statistics != std::string_view::npos) {
    log = log.substr(0, statistics);
  }
  while (!log.empty() && log.back() == '\n') log.remove_suffix(1);
  const auto line = log.rfind('\n');
  return line == std::string_view::npos ? log : log.substr(line + 1);
}

}  // namespace

Error bpf_error(int error_number, std::string_view what) {
  std::string text = "cannot " + std::string(what) + ": " + std::strerror(error_number);
  switch (error_number) {
    case EPERM:
    case EACCES:
      return {Errc::permission, text +
                                    "; give the agent CAP_BPF and CAP_PERFMON (and CAP_SYS_ADMIN before Linux 5.8), or "
                                    "leave this collector out"};
    case ENOSYS:
    case EOPNOTSUPP:
    case ENOENT:
    case ESRCH:
      return {Errc::unsupported, text + "; this kernel lacks it"};
    case ENOMEM:
      return {Errc::exhausted, text + "; free memory, or raise the memory limit of the agent's cgroup"};
    default:
      return {Errc::failed, std::move(text)};
  }
}

void Object::Close::operator()(bpf_object* object) const {
  bpf_object__close(object);
}

Result<Object> Object::open(std::span<const std::byte> elf) {
  // libbpf would write to stderr. No function of a plugin's may stay behind as its callback; none at all may.
  libbpf_set_print(nullptr);
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return Error{Errc::unsupported,
                 "this kernel has no BTF (/sys/kernel/btf/vmlinux): eBPF collectors need one that was built with "
                 "CONFIG_DEBUG_INFO_BTF=y, Linux 5.17 or newer; or leave this collector out"};
  }
  auto log = std::make_unique<std::string>(log_bytes, '\0');
  bpf_object_open_opts options = {};
  options.sz = sizeof(options);
  options.kernel_log_buf = log->data();
  options.kernel_log_size = log->size();
  options.kernel_log_level = 0;  // on failure alone
  bpf_object* opened = bpf_object__open_mem(elf.data(), elf.size(), &options);
  if (opened == nullptr) return bpf_error(errno, "open the BPF object");
  Object object(opened);
  object.log_ = std::move(log);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, opened) bpf_program__set_autoload(program, false);
  return object;
}

bpf_map* Object::map(std::string_view name) const {
  return bpf_object__find_map_by_name(object_.get(), std::string(name).c_str());
}

bpf_program* Object::program(std::string_view name) const {
  return bpf_object__find_program_by_name(object_.get(), std::string(name).c_str());
}

Result<void> Object::enable(std::string_view name) {
  bpf_program* found = program(name);
  if (found == nullptr) return Error{Errc::not_found, "the BPF object has no program '" + std::string(name) + "'"};
  bpf_program__set_autoload(found, true);
  return {};
}

void Object::leave_out(std::string_view name) {
  if (bpf_map* found = map(name)) bpf_map__set_autocreate(found, false);
}

Result<void> Object::reuse(std::string_view name, int fd) {
  bpf_map* found = map(name);
  if (found == nullptr) return Error{Errc::not_found, "the BPF object has no map '" + std::string(name) + "'"};
  bpf_map_info info = {};
  __u32 size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return bpf_error(errno, "look at the map to take over");
  if (info.type != bpf_map__type(found) || info.key_size != bpf_map__key_size(found) ||
      info.value_size != bpf_map__value_size(found)) {
    return Error{Errc::invalid_argument, "map '" + std::string(name) + "' has another layout in this version"};
  }
  if (bpf_map__reuse_fd(found, fd) != 0) return bpf_error(errno, "take over map '" + std::string(name) + "'");
  return {};
}

Result<void> Object::set_entries(std::string_view name, std::uint32_t entries) {
  bpf_map* found = map(name);
  if (found == nullptr) return Error{Errc::not_found, "the BPF object has no map '" + std::string(name) + "'"};
  if (bpf_map__set_max_entries(found, entries) != 0) return bpf_error(errno, "size map '" + std::string(name) + "'");
  return {};
}

Result<void> Object::load() {
  if (bpf_object__load(object_.get()) == 0) return {};
  load_errno_ = errno;
  Error error = bpf_error(load_errno_, "load the BPF program");
  const std::string_view reason = reason_of(log_->c_str());
  if (!reason.empty()) error.message += " (verifier: " + std::string(reason.substr(0, 300)) + ")";
  return error;
}

int Object::map_fd(std::string_view name) const {
  const bpf_map* found = map(name);
  return found == nullptr ? -1 : bpf_map__fd(found);
}

int Object::program_fd(std::string_view name) const {
  const bpf_program* found = program(name);
  return found == nullptr ? -1 : bpf_program__fd(found);
}

std::string_view Object::section(std::string_view name) const {
  const bpf_program* found = program(name);
  return found == nullptr ? std::string_view() : bpf_program__section_name(found);
}

}  // namespace sentinel::bpf
