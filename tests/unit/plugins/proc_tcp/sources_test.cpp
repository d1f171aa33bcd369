// The same sockets in the same states from each source, in network namespaces of the test's own, where nothing else
// comes and goes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <vector>

#include <sentinel/procfs/unique_fd.hpp>

#include "tests/support/capabilities.hpp"
#include "tests/support/netns.hpp"
#include "tests/support/privilege.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

using namespace std::chrono_literals;
using sentinel::procfs::UniqueFd;
using sentinel::testing::NetworkNamespaces;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// An address of IPv4 or IPv6; "::ffff:…" is IPv4 in a socket of IPv6.
struct Address {
  explicit Address(const std::string& text, std::uint16_t port = 0) {
    if (text.find(':') == std::string::npos) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      ::inet_pton(AF_INET, text.c_str(), &v4->sin_addr);
    } else {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      ::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr);
      size = sizeof(*v6);
    }
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

UniqueFd stream(const Address& address, int flags = 0) {
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) fail("socket");
  return fd;
}

UniqueFd listen_at(const Address& address) {
  auto fd = stream(address);
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), 128) != 0) fail("listen");
  return fd;
}

struct Pair {
  UniqueFd client;
  UniqueFd server;
};

Pair connect_to(const UniqueFd& listener) {
  Address name("::");
  socklen_t size = sizeof(name.storage);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name.storage), &size);
  Pair pair{stream(name), {}};
  if (::connect(pair.client.get(), name.get(), size) != 0) fail("connect");
  pair.server = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!pair.server) fail("accept");
  return pair;
}

/// Waits for the other end's FIN.
void read_end(const UniqueFd& fd) {
  char byte = 0;
  if (::read(fd.get(), &byte, 1) != 0) fail("read to the end");
}

constexpr int established_pairs = 30;
constexpr int pairs_a_shape = 10;
constexpr int half_open = 5;

/// Sockets of every shape over one listener of a family.
class Shapes {
 public:
  explicit Shapes(const std::string& address) : listener_(listen_at(Address(address))) {
    for (int i = 0; i < established_pairs; ++i) pairs_.push_back(connect_to(listener_));
    for (int i = 0; i < pairs_a_shape; ++i) {
      // FIN_WAIT2, and CLOSE_WAIT at the other end.
      auto& half_closed = pairs_.emplace_back(connect_to(listener_));
      ::shutdown(half_closed.client.get(), SHUT_WR);
      read_end(half_closed.server);
      // The same, but the client's socket has nobody left: FIN_WAIT2 in a mini-socket of TIME_WAIT.
      auto& orphan = pairs_.emplace_back(connect_to(listener_));
      orphan.client = {};
      read_end(orphan.server);
      auto ended = connect_to(listener_);
      ended.client = {};
      read_end(ended.server);
    }
    idle_ = stream(Address(address));  // neither listening nor connected: in no list
    if (::bind(idle_.get(), Address(address).get(), Address(address).size) != 0) fail("bind");
  }

 private:
  UniqueFd listener_;
  UniqueFd idle_;
  std::vector<Pair> pairs_;
};

std::string connections(const std::string& state) {
  return "sentinel_tcp_connections{state=\"" + state + "\"}";
}

rig::Values states(const sentinel::store::Store& store) {
  auto all = rig::values(store);
  std::erase_if(all, [](const auto& series) {
    return !series.first.starts_with("sentinel_tcp_connections") || series.second == 0;
  });
  return all;
}

rig::Values collect(const rig::ConfigValues& config) {
  sentinel::store::Store store{std::size_t{1} << 20U};
  rig::Plugin plugin(store, "proc_tcp", config);
  if (const auto done = plugin.collect(1s); !done) throw std::runtime_error(done.error().message);
  return states(store);
}

/// By each source, all of the namespace that the thread is in; /proc/net would be the process'.
std::vector<rig::Values> collect_by_each_source() {
  return {collect({{"source", "bpf"}}), collect({{"source", "netlink"}}), collect({{"source", "auto"}}),
          collect({{"source", "procfs"}, {"procfs", "/proc/thread-self"}})};
}

TEST(ProcTcpSourcesTest, each_counts_the_same_sockets_of_every_shape) {
  SENTINEL_REQUIRE_BPF();
  SENTINEL_REQUIRE_NETWORK_NAMESPACES();
  auto network = NetworkNamespaces::make();
  ASSERT_TRUE(network) << network.error().message;

  std::vector<Shapes> shapes;
  std::vector<UniqueFd> listeners;
  network->run_in(NetworkNamespaces::right, [&] {
    for (const auto* address : {"127.0.0.1", "::1", "::ffff:127.0.0.1"}) shapes.emplace_back(address);
    listeners.push_back(listen_at(Address(NetworkNamespaces::ipv4(NetworkNamespaces::right), 8888)));
    listeners.push_back(listen_at(Address(NetworkNamespaces::ipv6(NetworkNamespaces::right), 8888)));
  });
  // The answer to each SYN is lost: SYN_SENT on this side, a request that waits on the other.
  const auto dropping = network->drop_segments(NetworkNamespaces::left, 1);
  ASSERT_TRUE(dropping) << dropping.error().message;
  std::vector<UniqueFd> clients;
  network->run_in(NetworkNamespaces::left, [&] {
    for (int i = 0; i < half_open; ++i) {
      for (const auto& text :
           {NetworkNamespaces::ipv4(NetworkNamespaces::right), NetworkNamespaces::ipv6(NetworkNamespaces::right),
            "::ffff:" + NetworkNamespaces::ipv4(NetworkNamespaces::right)}) {
        const Address to(text, 8888);
        clients.push_back(stream(to, SOCK_NONBLOCK));
        if (::connect(clients.back().get(), to.get(), to.size) != 0 && errno != EINPROGRESS) fail("connect");
      }
    }
  });

  const rig::Values right = {{connections("established"), 3 * 2 * established_pairs},
                             {connections("fin_wait2"), 3 * 2 * pairs_a_shape},
                             {connections("close_wait"), 3 * 2 * pairs_a_shape},
                             {connections("time_wait"), 3 * pairs_a_shape},
                             {connections("listen"), 3 + 2},
                             {connections("syn_recv"), 3 * half_open}};
  const rig::Values left = {{connections("syn_sent"), 3 * half_open}};
  // The last packets may be on their way yet.
  const auto expect = [&](NetworkNamespaces::Side side, const rig::Values& expected) {
    std::vector<rig::Values> got;
    EXPECT_TRUE(sentinel::testing::eventually(
        [&] {
          got = network->run_in(side, collect_by_each_source);
          return got == std::vector<rig::Values>(got.size(), expected);
        },
        20s));
    EXPECT_THAT(got, ElementsAre(expected, expected, expected, expected)) << "bpf, netlink, auto, procfs";
  };
  expect(NetworkNamespaces::right, right);
  expect(NetworkNamespaces::left, left);
}

TEST(ProcTcpSourcesTest, the_status_names_the_one_that_serves) {
  SENTINEL_REQUIRE_BPF();
  const auto sources = [](const std::string& source) {
    sentinel::store::Store store{std::size_t{1} << 20U};
    rig::Plugin plugin(store, "proc_tcp", {{"source", source}});
    EXPECT_TRUE(plugin.collect(1s));
    EXPECT_THAT(plugin.log(), IsEmpty());
    return plugin.details("sources");
  };
  const auto serves = [](const std::string& name) {
    return rig::Row{{"source", name}, {"serves", "true"}, {"why_not", ""}};
  };
  const auto ruled_out = [](const std::string& name, const std::string& why) {
    return rig::Row{{"source", name}, {"serves", "false"}, {"why_not", why}};
  };
  EXPECT_THAT(sources("bpf"), ElementsAre(serves("bpf")));
  EXPECT_THAT(sources("netlink"), ElementsAre(ruled_out("bpf", "`source: netlink` is configured"), serves("netlink")));
  EXPECT_THAT(sources("procfs"), ElementsAre(ruled_out("bpf", "`source: procfs` is configured"),
                                             ruled_out("netlink", "`source: procfs` is configured"), serves("procfs")));
  // Which of the two is cheaper depends on the machine; a reason is given only against one.
  const auto chosen = sources("auto");
  ASSERT_FALSE(chosen.empty());
  if (chosen.size() == 1) {
    EXPECT_EQ(chosen[0], serves("bpf"));
  } else {
    EXPECT_THAT(chosen[0].at("why_not"), HasSubstr("of CPU time and netlink"));
    EXPECT_EQ(chosen[1], serves("netlink"));
  }
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(ProcTcpSourcesTest, leaves_nothing_behind_in_many_lives) {
  SENTINEL_REQUIRE_BPF();
  (void)collect({{"source", "bpf"}});
  const auto before = open_descriptors();
  for (int life = 0; life < 50; ++life) (void)collect({{"source", "bpf"}});
  EXPECT_EQ(open_descriptors(), before);
  const auto maps = sentinel::testing::read_text("/proc/self/maps");
  EXPECT_THAT(maps, Not(HasSubstr("sentinel-test."))) << "a private copy of the plugin";
  EXPECT_THAT(maps, Not(HasSubstr("libbpf.so")));
}

TEST(ProcTcpSourcesTest, of_another_namespace_only_the_files_tell) {
  const rig::TemporaryFolder folder;
  folder.write("net/tcp", "  sl  local_address rem_address   st\n");
  sentinel::store::Store store{std::size_t{1} << 20U};
  rig::Plugin plugin(store, "proc_tcp", {{"procfs", folder.path()}});
  ASSERT_TRUE(plugin.collect(1s));
  const auto rows = plugin.details("sources");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_THAT(rows[0].at("why_not"), HasSubstr("the agent's own network namespace alone"));
  EXPECT_THAT(rows[1].at("why_not"), HasSubstr("the agent's own network namespace alone"));
  EXPECT_EQ(rows[2].at("source"), "procfs");
  EXPECT_THAT(plugin.log(), IsEmpty());
  EXPECT_THROW(rig::Plugin(store, "proc_tcp", {{"source", "bpf"}, {"procfs", folder.path()}}, "b"), std::runtime_error);
  EXPECT_THROW(rig::Plugin(store, "proc_tcp", {{"source", "bpf"}, {"pid", "1"}}, "c"), std::runtime_error);
}

TEST(ProcTcpSourcesTest, without_the_privilege_auto_says_so_once_and_does_without) {
  sentinel::testing::without_capabilities([] {
    sentinel::store::Store store{std::size_t{1} << 20U};
    rig::Plugin plugin(store, "proc_tcp", {});
    ASSERT_TRUE(plugin.collect(1s));
    ASSERT_TRUE(plugin.collect(2s));
    EXPECT_THAT(plugin.log(), ElementsAre(HasSubstr("without a BPF iterator")));
    const auto rows = plugin.details("sources");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].at("source"), "bpf");
    EXPECT_EQ(rows[0].at("serves"), "false");
    EXPECT_THAT(rows[0].at("why_not"), HasSubstr("it takes"));
    EXPECT_EQ(rows[1].at("source"), "netlink");
    EXPECT_EQ(rows[1].at("serves"), "true");
  });
}

TEST(ProcTcpSourcesTest, without_the_privilege_bpf_alone_fails_and_says_what_to_do) {
  SENTINEL_REQUIRE_BPF();
  sentinel::testing::without_capabilities([] {
    sentinel::store::Store store{std::size_t{1} << 20U};
    rig::Plugin plugin(store, "proc_tcp", {{"source", "bpf"}});  // as `sentinel check` makes it
    try {
      (void)plugin.collect(1s);
      FAIL() << "it started";
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("it takes CAP_BPF and CAP_PERFMON"));
      EXPECT_THAT(error.what(), HasSubstr("set `source: auto`"));
    }
  });
}

}  // namespace
