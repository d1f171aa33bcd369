#include "sentinel/bpf/kallsyms.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/process.hpp"

namespace sentinel::bpf {
namespace {

using sentinel::testing::read_text;
using sentinel::testing::TempFolder;
using sentinel::testing::write_text;
using ::testing::HasSubstr;

constexpr std::uint64_t second = 1'000'000'000;
const std::string fixtures = SENTINEL_FIXTURES "/kallsyms/";

std::string text_of(const SymbolTable& table, std::uint64_t address) {
  const auto found = table.lookup(address);
  if (!found) return "?";
  std::string out(found->name);
  out += "+" + std::to_string(found->offset);
  if (!found->module.empty()) out += " [" + std::string(found->module) + "]";
  return out;
}

SymbolTable fixture_table() {
  auto table = parse_kallsyms(read_text(fixtures + "with_modules"), read_text(fixtures + "modules"));
  if (!table) throw std::runtime_error(table.error().message);
  return std::move(*table);
}

TEST(ParseKallsyms, BoundsEachSymbol) {
  const auto table = fixture_table();
  struct Case {
    std::uint64_t address;
    std::string expected;
  };
  const Case cases[] = {
      {0, "?"},
      {0x1000, "?"},
      {0xffffffff80ffffff, "?"},
      {0xffffffff81000020, "tcp_set_state+0"},
      {0xffffffff810001ff, "tcp_set_state+479"},
      {0xffffffff81000200, "tcp_done+0"},  // the first of two names
      {0xffffffff810003ff, "weak_one+127"},
      {0xffffffff81000400, "?"},             // _etext
      {0xffffffff81001040, "?"},             // data
      {0xffffffff82000000, "_sinittext+0"},  // where data begins too
      {0xffffffff820000ff, "_sinittext+255"},
      {0xffffffff82000100, "?"},  // _einittext
      {0xffffffffc02fffff, "?"},  // behind the trampoline, before the module
      {0xffffffffc0201010, "ftrace_trampoline+16 [__builtin__ftrace]"},
      {0xffffffffc03000ff, "nf_ct_get+255 [nf_conntrack]"},
      {0xffffffffc0307fff, "nf_ct_put+32511 [nf_conntrack]"},
      {0xffffffffc0308000, "?"},  // the module's data
      {0xffffffffc040bfff, "veth_xmit+49151 [veth]"},
      {0xffffffffc040c000, "?"},  // the module's end
      {0xffffffffc0500042, "bpf_prog_6deef7357e7b4530_count+66 [bpf]"},
      {0xffffffffc0501000, "bpf_trampoline_6442536467+0 [bpf]"},
      {0xffffffffc0540fff, "bpf_trampoline_6442536467+262143 [bpf]"},
      {0xffffffffc0541000, "?"},  // nothing else bounds the last
      {0xffffffffffffffff, "?"},
  };
  for (const auto& c : cases) EXPECT_EQ(text_of(table, c.address), c.expected) << std::hex << c.address;
}

TEST(ParseKallsyms, PaddingHasNoNameOfItsOwn) {
  const auto table = fixture_table();
  EXPECT_EQ(text_of(table, 0xffffffff81000018), "_text+24") << "of what lies before it";
  EXPECT_EQ(table.size(), 13U);
}

TEST(ParseKallsyms, HiddenAddressesAreAQuestionOfPermission) {
  const auto table = parse_kallsyms(read_text(fixtures + "hidden"));
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Errc::permission);
  EXPECT_THAT(table.error().message, HasSubstr("kernel.kptr_restrict"));
  EXPECT_THAT(table.error().message, HasSubstr("CAP_SYSLOG"));
}

TEST(ParseKallsyms, RefusesWhatTheKernelDoesNotPrint) {
  const std::string good = "ffffffff81000000 T f\n";
  for (const std::string text :
       {"", "\n", "x T f\n", "-1 T f\n", "1ffffffff81000000 T f\n", "ffffffff81000000\n", "ffffffff81000000 T\n",
        "ffffffff81000000 TT f\n", "ffffffff81000000 T f\t[mod\n", "ffffffff81000000 T f\t[]\n",
        "ffffffff81000000 T f extra\n", "ffffffff81000000 T cut", "ffffffff81000000 D data_only\n"}) {
    const auto table = parse_kallsyms(text);
    ASSERT_FALSE(table) << text;
    EXPECT_EQ(table.error().code, Errc::invalid_argument) << text;
  }
  for (const std::string text : {"mod\n", "mod 1 0 - Live\n", "mod x 0 - Live 0x1\n", "mod 1 0 - Live 1\n", "mod 1 0",
                                 "mod 18446744073709551615 0 - Live 0x2\n"}) {
    EXPECT_FALSE(parse_kallsyms(good, text)) << text;
  }
  EXPECT_TRUE(parse_kallsyms(good, "mod 16384 0 - Live 0x0000000000000000\n")) << "hidden: bounds nothing";
}

TEST(ParseKallsyms, NamesBecomePrintable) {
  const auto table = parse_kallsyms("ffffffffc0000000 t a\xff\x1b[31m\t[\x01mod]\n");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(text_of(*table, 0xffffffffc0000001), "a??[31m+1 [?mod]");
}

TEST(ParseKallsyms, IsBounded) {
  std::string text;
  for (std::size_t i = 0; i <= SymbolTable::most_symbols; ++i) text += "ffffffff81000000 T f\n";
  const auto table = parse_kallsyms(text);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Errc::exhausted);
}

class KernelSymbolsTest : public ::testing::Test {
 protected:
  KernelSymbolsTest() {
    write_text(tree / "kallsyms", read_text(fixtures + "with_modules"));
    write_text(tree / "modules", read_text(fixtures + "modules"));
  }
  KernelSymbols symbols() { return KernelSymbols(*procfs::Root::open(tree.path())); }

  TempFolder tree;
  std::string buffer;
};

TEST_F(KernelSymbolsTest, ReadsAtFirstUse) {
  auto all = symbols();
  EXPECT_EQ(all.loads(), 0U);
  EXPECT_EQ(all.lookup(0xffffffff81000020, 0)->name, "tcp_set_state");
  EXPECT_EQ(all.lookup(0xffffffff81000200, 0)->name, "tcp_done");
  EXPECT_EQ(all.loads(), 1U);
}

TEST_F(KernelSymbolsTest, AModuleThatComesIsFound) {
  auto all = symbols();
  const std::uint64_t address = 0xffffffffc0600010;
  EXPECT_FALSE(all.lookup(address, second));
  write_text(tree / "kallsyms", read_text(tree / "kallsyms") + "ffffffffc0600000 t late\t[late]\n");
  write_text(tree / "modules", read_text(tree / "modules") + "late 4096 0 - Live 0xffffffffc0600000\n");
  EXPECT_FALSE(all.lookup(address, 2 * second)) << "not sooner than reload_interval_ns";
  const auto later = second + KernelSymbols::reload_interval_ns;
  ASSERT_TRUE(all.lookup(address, later));
  EXPECT_EQ(all.lookup(address, later)->module, "late");
  EXPECT_EQ(all.loads(), 2U);
}

TEST_F(KernelSymbolsTest, AnAddressIsNoReasonTwice) {
  auto all = symbols();
  const auto interval = KernelSymbols::reload_interval_ns;
  EXPECT_FALSE(all.lookup(42, 0));
  EXPECT_EQ(all.loads(), 1U);
  for (int i = 1; i < 10; ++i) EXPECT_FALSE(all.lookup(42, i * interval));
  EXPECT_EQ(all.loads(), 1U) << "the table was read after it was asked for";
  EXPECT_FALSE(all.lookup(43, 20 * interval));
  EXPECT_EQ(all.loads(), 2U) << "a BPF program may have come";
  EXPECT_FALSE(all.lookup(42, 21 * interval));
  EXPECT_FALSE(all.lookup(43, 22 * interval));
  EXPECT_EQ(all.loads(), 2U);
}

TEST_F(KernelSymbolsTest, KeepsWhatItHasWhenReadingFails) {
  auto all = symbols();
  ASSERT_TRUE(all.load(0));
  write_text(tree / "kallsyms", read_text(fixtures + "hidden"));
  const auto again = all.load(second);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::permission);
  ASSERT_TRUE(all.error());
  EXPECT_TRUE(all.lookup(0xffffffff81000020, second));
}

TEST_F(KernelSymbolsTest, AKernelWithoutTheFileIsAnErrorThatSaysSo) {
  const TempFolder empty;
  KernelSymbols all(*procfs::Root::open(empty.path()));
  const auto loaded = all.load(0);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::not_found);
  EXPECT_EQ(all.symbolize(std::vector<std::uint64_t>{0xffffffff81000020}, 0, buffer), "0xffffffff81000020");
}

TEST_F(KernelSymbolsTest, DropsWhatBpfItselfAdds) {
  auto all = symbols();
  const std::vector<std::uint64_t> stack = {
      0xffffffffc0500042,  // bpf_prog_…
      0xffffffffc0900000,  // not known, before plumbing
      0xffffffff810002a0,  // __bpf_trace_inet_sock_set_state
      0xffffffff81000310,  // __traceiter_inet_sock_set_state
      0xffffffff81000032,  // tcp_set_state
      0xffffffffc0900000,  // not known, behind it
      0xffffffffc0300010,  // nf_ct_get
      0xffffffffc0500042,  // a program that is no leading frame
  };
  EXPECT_EQ(all.symbolize(stack, 0, buffer),
            "tcp_set_state+0x12\n0xffffffffc0900000\nnf_ct_get+0x10 [nf_conntrack]\n"
            "bpf_prog_6deef7357e7b4530_count+0x42 [bpf]");
  EXPECT_EQ(all.symbolize(stack, 0, buffer, ";").substr(0, 19), "tcp_set_state+0x12;");
}

TEST_F(KernelSymbolsTest, AStackOfPlumbingAloneStaysWhole) {
  auto all = symbols();
  EXPECT_EQ(all.symbolize(std::vector<std::uint64_t>{0xffffffff81000310, 0xffffffff81000320}, 0, buffer),
            "__traceiter_inet_sock_set_state+0x10\n__traceiter_inet_sock_set_state+0x20");
  EXPECT_EQ(all.symbolize({}, 0, buffer), "");
}

TEST_F(KernelSymbolsTest, ACallThatEndsAFunctionStaysInIt) {
  auto all = symbols();
  const std::vector<std::uint64_t> stack = {0xffffffff81000200, 0xffffffff81000200, 0};
  EXPECT_EQ(all.symbolize(stack, 0, buffer), "tcp_done+0x0\ntcp_set_state+0x1e0\n0x0");
}

TEST(BpfPlumbing, IsKnownByName) {
  for (const auto* name : {"bpf_prog_6deef7357e7b4530_count", "bpf_trampoline_6442536467", "__bpf_trace_tcp_probe",
                           "__bpf_prog_enter_recur", "bpf_get_stack", "bpf_get_stackid_raw_tp", "bpf_trace_run3",
                           "trace_call_bpf", "__traceiter_inet_sock_set_state", "perf_trace_sched_switch"}) {
    EXPECT_TRUE(is_bpf_plumbing(name)) << name;
  }
  for (const auto* name : {"", "tcp_set_state", "bpf_map_update_value", "sk_psock_bpf_run", "traceiter", "do_exit"}) {
    EXPECT_FALSE(is_bpf_plumbing(name)) << name;
  }
}

/// The machine's own, where it shows them.
TEST(ThisKernel, KnownSymbolsResolve) {
  if (::geteuid() != 0) GTEST_SKIP() << "kernel addresses are shown to root alone";
  KernelSymbols all(*procfs::Root::open("/proc"));
  const auto loaded = all.load(0);
  if (!loaded && loaded.error().code == Errc::permission) GTEST_SKIP() << loaded.error().message;
  if (!loaded && loaded.error().code == Errc::not_found) GTEST_SKIP() << loaded.error().message;
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_LT(all.table().memory_bytes(), std::size_t{4} << 20) << "for " << all.table().size() << " symbols";

  std::ifstream file("/proc/kallsyms");
  std::size_t checked = 0;
  std::uint64_t end = 0;
  for (std::string address, type, name, rest; file >> address >> type >> name && std::getline(file, rest);) {
    const std::uint64_t at = std::stoull(address, nullptr, 16);
    if (name == "_etext") end = at;
    for (const auto* known : {"tcp_set_state", "do_exit", "ksys_read", "netif_receive_skb"}) {
      if (name != known || !rest.empty()) continue;
      ++checked;
      const auto found = all.lookup(at + 1, 0);
      ASSERT_TRUE(found) << name;
      EXPECT_EQ(found->name, name);
      EXPECT_EQ(found->offset, 1U);
    }
  }
  EXPECT_GE(checked, 2U);
  if (end != 0) {
    EXPECT_TRUE(all.lookup(end - 1, 0));
    EXPECT_FALSE(all.lookup(end, 0)) << "no function is behind _etext";
    EXPECT_FALSE(all.lookup(end + 4096, 0));
  }
}

}  // namespace
}  // namespace sentinel::bpf
