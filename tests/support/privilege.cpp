#include "tests/support/privilege.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <system_error>

#include "tests/support/netns.hpp"

namespace sentinel::testing {

namespace {

/// Loads `return 0;` as a raw tracepoint's program, which needs what every tracing program does. 0 or errno.
int try_to_load() {
  const bpf_insn program[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
  attributes.insns = reinterpret_cast<std::uintptr_t>(program);
  attributes.insn_cnt = sizeof(program) / sizeof(program[0]);
  attributes.license = reinterpret_cast<std::uintptr_t>("GPL");
  const auto fd = static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

}  // namespace

std::optional<std::string> why_no_bpf() {
  if (const int error = try_to_load(); error != 0) {
    return "the kernel loads no eBPF program: " + std::generic_category().message(error) +
           "; run the test as root, or with CAP_BPF and CAP_PERFMON";
  }
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return "/sys/kernel/btf/vmlinux: " + std::generic_category().message(errno) +
           "; use a kernel with CONFIG_DEBUG_INFO_BTF, and mount /sys";
  }
  return std::nullopt;
}

std::optional<std::string> why_no_network_namespaces() {
  const auto made = NetworkNamespaces::make();
  return made ? std::nullopt : std::optional(made.error().message);
}

std::optional<std::string> why_no_kernel_symbols() {
  std::ifstream file("/proc/kallsyms");
  std::string address;
  // Those who may not know them read zeros.
  if (file >> address && address.find_first_not_of('0') != std::string::npos) return std::nullopt;
  return "/proc/kallsyms has no addresses; run the test as root, or with CAP_SYSLOG";
}

}  // namespace sentinel::testing
