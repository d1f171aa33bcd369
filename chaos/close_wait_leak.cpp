// Sockets in CLOSE_WAIT: a client connects and closes, and the server, in the same process, never does, until the
// lifetime is over.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "chaos/sockets.hpp"
#include "chaos/tool.hpp"

namespace {

bool in_close_wait(const chaos::Fd& connection) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(connection.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state == TCP_CLOSE_WAIT;
}

/// The server's end of a connection whose client is gone.
chaos::Fd leak(const chaos::Fd& listener, const chaos::Loopback& at) {
  const chaos::Fd client = chaos::connect_to(at);
  if (!client) throw std::system_error(errno, std::generic_category(), "cannot connect");
  chaos::Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!server) throw std::system_error(errno, std::generic_category(), "cannot accept");
  return server;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::uint64_t most = 20'000;
  constexpr std::chrono::milliseconds between_looks(5);
  CLI::App app{"Leaks TCP sockets in CLOSE_WAIT on loopback", "close_wait_leak"};
  std::uint64_t count = 0;
  std::string lifetime_text;
  std::string address = "127.0.0.1";
  app.add_option("--count", count, "sockets, 1 to 20000")->required();
  app.add_option("--lifetime", lifetime_text, "how long they stay, such as 30s");
  app.add_option("--address", address, "loopback address, of IPv4 or IPv6")->capture_default_str();
  return chaos::run(app, argc, argv, [&](chaos::Stop& stop) {
    chaos::within("--count", count, 1, most);
    chaos::require_an_end({{"--lifetime", !lifetime_text.empty()}});
    const auto lifetime = chaos::parse_duration("--lifetime", lifetime_text);
    auto at = chaos::parse_loopback("--address", address);
    chaos::require_descriptors("--count", count);
    const auto listener = chaos::listen_at(at);
    chaos::say("close_wait_leak: will leave " + std::to_string(count) + " sockets in CLOSE_WAIT at " + address +
               " port " + std::to_string(chaos::port_of(at)) + " for " + chaos::text(lifetime) +
               "; Ctrl-C ends it earlier");
    const auto end = chaos::Clock::now() + lifetime;
    std::vector<chaos::Fd> leaked;
    while (leaked.size() < count && !stop.asked() && chaos::Clock::now() < end) leaked.push_back(leak(listener, at));
    // The client's FIN arrives a moment after it closed.
    while (!leaked.empty() && !in_close_wait(leaked.back()) && chaos::Clock::now() < end &&
           !stop.wait_until(chaos::Clock::now() + between_looks)) {
    }
    chaos::say("ready: " + std::to_string(leaked.size()) + " sockets in CLOSE_WAIT in process " +
               std::to_string(::getpid()));
    stop.wait_until(end);
    const auto closed = leaked.size();
    leaked.clear();
    chaos::say("done: closed " + std::to_string(closed) + " sockets");
  });
}
