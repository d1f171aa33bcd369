#include "tests/support/netns.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/support/process.hpp"

namespace sentinel::testing {

namespace {

using Side = NetworkNamespaces::Side;

Error failure(int error, std::string_view what) {
  const bool refused = error == EPERM || error == EACCES;
  std::string text(what);
  text += ": " + std::generic_category().message(error);
  if (refused) text += "; run it as root, or with CAP_SYS_ADMIN and CAP_NET_ADMIN";
  return {refused ? Errc::permission : Errc::failed, std::move(text)};
}

Result<procfs::UniqueFd> new_namespace() {
  int fd = -1;
  int error = 0;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0) fd = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0) error = errno;
  }).join();
  if (fd < 0) return failure(error, "cannot make a network namespace");
  return procfs::UniqueFd(fd);
}

/// A command to its end; what it printed.
Result<std::string> command(std::vector<std::string> words, std::string_view input = {}) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  auto ended = run(std::move(words), input);
  if (ended.exit_code == 0) return std::move(ended.out);
  if (ended.exit_code == 127) return Error{Errc::unsupported, "there is no such program: " + text};
  const bool unknown_kind = ended.err.find("Unknown device type") != std::string::npos;
  return Error{unknown_kind ? Errc::unsupported : Errc::failed, text + ": " + ended.err};
}

Result<std::string> ip(const std::string& lines) {
  return command({"ip", "-batch", "-"}, lines);
}

Result<std::string> set_up(Side side) {
  const std::string device = NetworkNamespaces::device(side);
  // Without duplicate address detection an address can be used at once.
  return ip(
      "link set lo up\n"
      "address add " +
      NetworkNamespaces::ipv4(side) + "/24 dev " + device + "\n" + "address add " + NetworkNamespaces::ipv6(side) +
      "/64 dev " + device + " nodad\n" + "link set " + device + " up\n");
}

constexpr const char* firewalls[] = {"iptables", "ip6tables"};

}  // namespace

Result<NetworkNamespaces> NetworkNamespaces::make() {
  NetworkNamespaces made;
  for (auto& each : made.namespaces_) {
    auto fresh = new_namespace();
    if (!fresh) return fresh.error();
    each = std::move(*fresh);
  }
  const std::string other =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(made.namespaces_[right].get());
  // Where both ends have the same index, the kernel takes up to a second to see that the link is up.
  const std::string pair =
      "link add name " + device(left) + " index 10 type veth peer name " + device(right) + " index 11 netns " + other;
  const auto joined = made.run_in(left, [&] { return ip(pair); });
  if (!joined) return joined.error();
  for (const Side side : {left, right}) {
    const auto up = made.run_in(side, [&] { return set_up(side); });
    if (!up) return up.error();
  }
  return made;
}

std::uint32_t NetworkNamespaces::id(Side side) const {
  struct stat status = {};
  if (::fstat(namespaces_[side].get(), &status) != 0) std::abort();
  return static_cast<std::uint32_t>(status.st_ino);
}

void NetworkNamespaces::enter(Side side, const std::function<void()>& call) const {
  std::thread([&] {
    if (::setns(namespaces_[side].get(), CLONE_NEWNET) != 0) std::abort();
    call();
  }).join();
}

Result<void> NetworkNamespaces::drop_segments(Side side, double probability) {
  return run_in(side, [&]() -> Result<void> {
    for (const char* firewall : firewalls) {
      const auto done = command({firewall, "--wait", "--append", "INPUT", "--protocol", "tcp", "--match", "statistic",
                                 "--mode", "random", "--probability", std::to_string(probability), "--jump", "DROP"});
      if (!done) return done.error();
    }
    return {};
  });
}

Result<std::uint64_t> NetworkNamespaces::dropped_segments(Side side) const {
  return run_in(side, [&]() -> Result<std::uint64_t> {
    std::uint64_t dropped = 0;
    for (const char* firewall : firewalls) {
      const auto rules = command({firewall, "--wait", "--list-rules", "INPUT", "--verbose"});
      if (!rules) return rules.error();
      // "-A INPUT -p tcp … -c 12 720 -j DROP": packets and bytes.
      constexpr std::string_view counter = " -c ";
      const auto rule = rules->find("-j DROP");
      const auto at = rules->rfind(counter, rule);
      if (rule == std::string::npos || at == std::string::npos) {
        return Error{Errc::no_data, std::string(firewall) + " has no rule that drops: call drop_segments() first"};
      }
      const char* begin = rules->data() + at + counter.size();
      std::uint64_t packets = 0;
      std::from_chars(begin, rules->data() + rules->size(), packets);
      dropped += packets;
    }
    return dropped;
  });
}

}  // namespace sentinel::testing
