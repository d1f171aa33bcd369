// What Debian's stock kernels let an eBPF program be attached to, with which privilege, and how often they call it for
// connections of a known shape. The collectors' choice of hooks and the counts that their tests demand rest on this.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/tcp_traffic.hpp"

namespace sentinel::testing {
namespace {

using procfs::UniqueFd;

constexpr const char* tracepoint = "inet_sock_set_state";
constexpr const char* function = "tcp_set_state";

struct Hook {
  const char* name;  ///< as SENTINEL_BPF_HOOKS has it
  bpf_prog_type type;
  bpf_attach_type attach_type;
  /// Of a function, not of the tracepoint inside it.
  bool on_function;
  /// With CAP_BPF and CAP_PERFMON alone. Debian's perf_event_paranoid of 3 keeps all of perf_event_open(2) for more.
  bool attaches_unprivileged;
};

std::ostream& operator<<(std::ostream& out, const Hook& hook) {
  return out << hook.name;
}

constexpr std::array<Hook, 5> all_hooks = {{
    {"tp_btf", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, false, true},
    {"fentry", BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, true, true},
    {"raw_tp", BPF_PROG_TYPE_RAW_TRACEPOINT, bpf_attach_type{}, false, true},
    {"tracepoint", BPF_PROG_TYPE_TRACEPOINT, bpf_attach_type{}, false, false},
    {"kprobe", BPF_PROG_TYPE_KPROBE, bpf_attach_type{}, true, false},
}};

/// The one that the environment asks for; without it all.
std::vector<Hook> hooks() {
  const char* only = std::getenv("SENTINEL_BPF_HOOKS");  // NOLINT(concurrency-mt-unsafe): before any thread
  std::vector<Hook> chosen;
  for (const Hook& each : all_hooks) {
    if (only == nullptr || std::string_view(only) == each.name) chosen.push_back(each);
  }
  return chosen;
}

std::string text_of(int error) {
  return std::generic_category().message(error);
}

bool is_root() {
  return ::geteuid() == 0;
}

/// `return 0;`
UniqueFd load(const Hook& hook) {
  constexpr std::array<bpf_insn, 2> program = {
      {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  bpf_prog_load_opts options = {};
  options.sz = sizeof(options);
  options.expected_attach_type = hook.attach_type;
  if (hook.type == BPF_PROG_TYPE_TRACING) {
    const int id = libbpf_find_vmlinux_btf_id(hook.on_function ? function : tracepoint, hook.attach_type);
    EXPECT_GT(id, 0) << "the kernel's types name no target for " << hook.name;
    options.attach_btf_id = static_cast<std::uint32_t>(id);
  }
  return UniqueFd(::bpf_prog_load(hook.type, "returns_zero", "GPL", program.data(), program.size(), &options));
}

/// A descriptor that keeps the program attached, or errno.
struct Attached {
  UniqueFd link;
  int error = 0;
};

Attached attached(int fd) {
  return fd < 0 ? Attached{{}, errno} : Attached{UniqueFd(fd), 0};
}

/// One event of one CPU is enough: the kernel calls its program on all of them.
Attached attach_by_perf(int program, perf_event_attr attributes) {
  attributes.size = sizeof(attributes);
  Attached made =
      attached(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (made.link && (::ioctl(made.link.get(), PERF_EVENT_IOC_SET_BPF, program) != 0 ||
                    ::ioctl(made.link.get(), PERF_EVENT_IOC_ENABLE, 0) != 0)) {
    made.error = errno;
  }
  return made;
}

/// A number that the kernel shows in a file.
std::uint64_t number_in(const std::string& file) {
  const std::string text = read_text(file);
  EXPECT_FALSE(text.empty()) << file;
  return std::strtoull(text.c_str(), nullptr, 10);
}

Attached attach(const Hook& hook, int program) {
  perf_event_attr attributes = {};
  switch (hook.type) {
    case BPF_PROG_TYPE_TRACING:
      return attached(::bpf_raw_tracepoint_open(nullptr, program));
    case BPF_PROG_TYPE_RAW_TRACEPOINT:
      return attached(::bpf_raw_tracepoint_open(tracepoint, program));
    case BPF_PROG_TYPE_TRACEPOINT: {
      const std::string id = std::string("/sys/kernel/tracing/events/sock/") + tracepoint + "/id";
      if (::access(id.c_str(), R_OK) != 0) return {{}, errno};
      attributes.type = PERF_TYPE_TRACEPOINT;
      attributes.config = number_in(id);
      return attach_by_perf(program, attributes);
    }
    default:
      attributes.type = static_cast<std::uint32_t>(number_in("/sys/bus/event_source/devices/kprobe/type"));
      attributes.kprobe_func = reinterpret_cast<std::uintptr_t>(function);
      return attach_by_perf(program, attributes);
  }
}

/// How often the kernel has called a program, while somebody has bpf_enable_stats() open.
std::uint64_t calls_of(int program) {
  bpf_prog_info info = {};
  std::uint32_t size = sizeof(info);
  EXPECT_EQ(::bpf_obj_get_info_by_fd(program, &info, &size), 0) << text_of(errno);
  return info.run_cnt;
}

class KernelTest : public ::testing::TestWithParam<Hook> {};

INSTANTIATE_TEST_SUITE_P(hooks, KernelTest, ::testing::ValuesIn(hooks()),
                         [](const ::testing::TestParamInfo<Hook>& each) { return std::string(each.param.name); });

TEST_P(KernelTest, loads_a_program) {
  const UniqueFd program = load(GetParam());
  EXPECT_TRUE(program) << text_of(errno);
}

TEST_P(KernelTest, attaches_a_program_to_whoever_may) {
  const UniqueFd program = load(GetParam());
  ASSERT_TRUE(program) << text_of(errno);
  const Attached made = attach(GetParam(), program.get());
  if (is_root() || GetParam().attaches_unprivileged) {
    EXPECT_EQ(made.error, 0) << text_of(made.error);
  } else {
    EXPECT_TRUE(made.error == EACCES || made.error == EPERM) << text_of(made.error);
  }
}

TEST_P(KernelTest, calls_the_program_for_every_transition) {
  const UniqueFd stats(::bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!is_root()) {
    // Why the collectors time themselves there.
    EXPECT_FALSE(stats);
    return;
  }
  ASSERT_TRUE(stats) << text_of(errno);
  const Hook& hook = GetParam();
  const UniqueFd program = load(hook);
  ASSERT_TRUE(program) << text_of(errno);
  const Attached made = attach(hook, program.get());
  ASSERT_EQ(made.error, 0) << text_of(made.error);

  std::uint64_t before = calls_of(program.get());
  // tcp_set_state() isn't what puts a socket into LISTEN, nor a server's new one into SYN_RECV.
  const auto expect_calls = [&](std::uint64_t transitions, std::uint64_t past_the_function, const char* what) {
    const std::uint64_t now = calls_of(program.get());
    EXPECT_EQ(now - before, transitions - (hook.on_function ? past_the_function : 0)) << what;
    before = now;
  };
  constexpr std::uint64_t count = 20;
  for (const TcpFamily family : {TcpFamily::ipv4, TcpFamily::ipv6, TcpFamily::v4_mapped}) {
    const auto listeners = open_and_close_listeners({.family = family}, count);
    ASSERT_TRUE(listeners) << listeners.error().message;
    expect_calls(*listeners, count, "listeners");
    for (const auto& [shape, what] :
         {std::pair(TcpShape::graceful, "graceful"), std::pair(TcpShape::half_closed, "half-closed"),
          std::pair(TcpShape::reset, "reset")}) {
      const auto port = TcpPort::listen({.family = family});
      ASSERT_TRUE(port) << port.error().message;
      expect_calls(1, 1, "one listener");
      const auto done = make_traffic(*port, {.shape = shape, .count = count, .bytes = 100});
      ASSERT_TRUE(done) << done.error().message;
      expect_calls(done->transitions, count, what);
      before += 1;  // the listener's end
    }
    const auto port = TcpPort::refuse({.family = family});
    ASSERT_TRUE(port) << port.error().message;
    const auto done = make_traffic(*port, {.shape = TcpShape::refused, .count = count});
    ASSERT_TRUE(done) << done.error().message;
    expect_calls(done->transitions, 0, "refused");
  }
}

}  // namespace
}  // namespace sentinel::testing
