#include "sentinel/bpf/iterator.hpp"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "sentinel/bpf/object.hpp"

namespace sentinel::bpf {
namespace {

/// The kernel fills a buffer of eight pages for each read, whatever is asked for (kernel/bpf/bpf_iter.c).
constexpr std::size_t read_bytes = 32 * 1024;

/// Of those that load, some can do without: they are told what it takes, not to give up.
Error refused(Error error, int error_number) {
  if (error_number != EPERM && error_number != EACCES) return error;
  return {Errc::permission, "cannot load a BPF iterator: " + std::generic_category().message(error_number) +
                                "; it takes CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)"};
}

}  // namespace

Result<Iterator> Iterator::load(std::span<const std::byte> elf, std::string_view program) {
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return Error{Errc::unsupported,
                 "cannot read /sys/kernel/btf/vmlinux, without which no BPF iterator loads; it takes a kernel with "
                 "CONFIG_DEBUG_INFO_BTF=y and a mounted /sys"};
  }
  auto object = Object::open(elf);
  if (!object) return object.error();
  if (auto enabled = object->enable(program); !enabled) return enabled.error();
  if (auto loaded = object->load(); !loaded) return refused(loaded.error(), object->load_errno());
  // From here on the link holds the program, and that its maps.
  procfs::UniqueFd link(bpf_link_create(object->program_fd(program), 0, BPF_TRACE_ITER, nullptr));
  if (!link) return refused(bpf_error(errno, "attach the BPF iterator"), errno);
  return Iterator(std::move(link));
}

Result<std::span<const std::byte>> Iterator::walk() {
  const procfs::UniqueFd cursor(bpf_iter_create(link_.get()));
  if (!cursor) return bpf_error(errno, "begin the BPF iterator's walk");
  std::size_t size = 0;
  for (;;) {
    if (written_.size() < size + read_bytes) written_.resize(size + read_bytes);
    const auto got = ::read(cursor.get(), written_.data() + size, read_bytes);
    if (got == 0) return std::span<const std::byte>(written_).first(size);
    // EAGAIN: a million objects and not a byte written; the walk goes on where it was.
    if (got < 0 && errno != EINTR && errno != EAGAIN) return bpf_error(errno, "go on with the BPF iterator's walk");
    if (got > 0) size += static_cast<std::size_t>(got);
  }
}

}  // namespace sentinel::bpf
