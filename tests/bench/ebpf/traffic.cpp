// Traffic on loopback by which the cost of watching is measured: short connections, or messages to and fro. A client
// and its server are two threads that share a CPU, so that neither waits for another CPU to wake up, which would take
// longer than what is measured.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;
using sentinel::procfs::UniqueFd;
using Clock = std::chrono::steady_clock;

/// A step that takes longer has gone wrong, and ends the run.
constexpr timeval patience_of_a_step = {10, 0};
constexpr std::size_t message_bytes = 64;

Error failure(const char* what, int error = errno) {
  return {Errc::failed, std::string(what) + ": " + std::generic_category().message(error)};
}

/// What one pair does before it ends: whichever of count and time is reached first.
struct Bounds {
  std::uint64_t count = 0;
  Clock::time_point end;
  std::optional<std::chrono::nanoseconds> between;  ///< operations; without it one follows at once on the other
};

/// The operations of a pair, evenly if so told. What it fell behind it catches up.
class Turns {
 public:
  explicit Turns(const Bounds& bounds) : bounds_(bounds), due_(Clock::now()) {}

  /// Whether there is to be one more; waits until it is due.
  bool next() {
    if (done_ == bounds_.count || Clock::now() >= bounds_.end) return false;
    if (bounds_.between) {
      std::this_thread::sleep_until(due_);
      due_ += *bounds_.between;
    }
    ++done_;
    return true;
  }
  [[nodiscard]] std::uint64_t done() const { return done_; }

 private:
  const Bounds& bounds_;
  Clock::time_point due_;
  std::uint64_t done_ = 0;
};

Result<UniqueFd> make_socket() {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return failure("cannot make a socket");
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience_of_a_step, sizeof(patience_of_a_step)) != 0) {
    return failure("cannot set SO_RCVTIMEO");
  }
  return socket;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// The server's side of a pair. What is accepted closes with a reset, so that no TIME_WAIT uses up the ports.
class Listener {
 public:
  static Result<Listener> open(std::uint16_t port) {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return failure("cannot make a socket");
    const int on = 1;
    const linger reset = {1, 0};
    sockaddr_in address = loopback(port);
    socklen_t size = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) != 0 ||
        ::bind(socket.get(), raw, size) != 0 || ::listen(socket.get(), SOMAXCONN) != 0 ||
        ::getsockname(socket.get(), raw, &size) != 0) {
      return failure("cannot listen on 127.0.0.1");
    }
    return Listener(std::move(socket), ntohs(address.sin_port));
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// -1 once it was shut.
  [[nodiscard]] UniqueFd accept() const { return UniqueFd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
  /// From any thread: ends accept().
  void shut() const { ::shutdown(socket_.get(), SHUT_RDWR); }

 private:
  Listener(UniqueFd socket, std::uint16_t port) : socket_(std::move(socket)), port_(port) {}

  UniqueFd socket_;
  std::uint16_t port_;
};

Result<UniqueFd> connect_to(std::uint16_t port) {
  auto client = make_socket();
  if (!client) return client;
  const sockaddr_in address = loopback(port);
  if (::connect(client->get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failure("cannot connect");
  }
  return client;
}

Result<void> send_message(int fd) {
  static constexpr std::array<char, message_bytes> message = {};
  if (::send(fd, message.data(), message.size(), MSG_NOSIGNAL) == message_bytes) return {};
  return failure("cannot send");
}

/// False at the end of the stream.
Result<bool> receive_message(int fd) {
  std::array<char, message_bytes> message;
  const auto got = ::recv(fd, message.data(), message.size(), MSG_WAITALL);
  if (got == message_bytes) return true;
  if (got == 0) return false;
  return failure("cannot receive", got < 0 ? errno : EBADMSG);
}

/// Connects again and again, and waits each time for the server to reset: 6 transitions.
Result<std::uint64_t> connect_repeatedly(std::uint16_t port, const Bounds& bounds) {
  Turns turns(bounds);
  while (turns.next()) {
    const auto client = connect_to(port);
    if (!client) return client.error();
    char byte = 0;
    if (::recv(client->get(), &byte, 1, 0) >= 0 || errno != ECONNRESET) {
      return failure("the server did not reset the connection");
    }
  }
  return turns.done();
}

void reset_repeatedly(const Listener& listener) {
  while (listener.accept()) {
  }
}

Result<std::uint64_t> ping(std::uint16_t port, const Bounds& bounds) {
  const auto client = connect_to(port);
  if (!client) return client.error();
  const int on = 1;
  if (::setsockopt(client->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) return failure("cannot set NODELAY");
  Turns turns(bounds);
  while (turns.next()) {
    if (const auto sent = send_message(client->get()); !sent) return sent.error();
    const auto answer = receive_message(client->get());
    if (!answer) return answer.error();
    if (!*answer) return Error{Errc::failed, "the server ended the connection"};
  }
  return turns.done();
}

void pong(const Listener& listener) {
  const UniqueFd server = listener.accept();
  while (server) {
    const auto message = receive_message(server.get());
    if (!message || !*message || !send_message(server.get())) return;
  }
}

/// Those that this process may run on.
std::vector<int> allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
  }
  return cpus;
}

/// The calling thread, and those that it starts.
void stay_on(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ::sched_setaffinity(0, sizeof(one), &one);
}

/// One pair's whole life on its CPU.
Result<std::uint64_t> run_pair(const std::string& mode, const Listener& listener, int cpu, const Bounds& bounds) {
  stay_on(cpu);
  const bool connections = mode == "connections";
  std::thread server([&] { connections ? reset_repeatedly(listener) : pong(listener); });
  auto done = connections ? connect_repeatedly(listener.port(), bounds) : ping(listener.port(), bounds);
  listener.shut();
  server.join();
  return done;
}

struct Options {
  std::string mode;
  double seconds = 0;
  std::uint64_t count = 1'000'000'000;
  double rate = 0;
  std::size_t parallel = 1;
  std::uint16_t port = 0;
};

/// Operations of all pairs.
Result<std::uint64_t> run(const Options& options) {
  const auto cpus = allowed_cpus();
  if (cpus.empty()) return failure("cannot ask which CPUs there are");
  const std::size_t pairs = options.parallel;
  std::vector<Listener> listeners;
  for (std::size_t i = 0; i < pairs; ++i) {
    auto listener = Listener::open(options.port);
    if (!listener) return listener.error();
    listeners.push_back(std::move(*listener));
  }
  Bounds bounds;
  bounds.end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  if (options.rate > 0) {
    bounds.between = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(static_cast<double>(pairs) / options.rate));
  }
  std::vector<Bounds> shares(pairs, bounds);
  std::vector<Result<std::uint64_t>> done(pairs, std::uint64_t{0});
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < pairs; ++i) {
    shares[i].count = options.count / pairs + (i < options.count % pairs ? 1 : 0);
    threads.emplace_back([&, i] { done[i] = run_pair(options.mode, listeners[i], cpus[i % cpus.size()], shares[i]); });
  }
  for (auto& thread : threads) thread.join();
  std::uint64_t all = 0;
  for (const auto& each : done) {
    if (!each) return each.error();
    all += *each;
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Traffic on loopback for `make bench-ebpf`: prints how many operations it did in how many seconds"};
  Options options;
  app.add_option("mode", options.mode, "connections: opened and reset; ping-pong: 64 bytes to and fro")
      ->required()
      ->check(CLI::IsMember({"connections", "ping-pong"}));
  app.add_option("--seconds", options.seconds, "at most")->required()->check(CLI::Range(0.01, 600.0));
  app.add_option("--count", options.count, "operations at most, of all pairs")->check(CLI::Range(1, 1'000'000'000));
  app.add_option("--rate", options.rate, "operations a second, of all pairs (default: as many as go)")
      ->check(CLI::Range(1.0, 1e6));
  auto* parallel =
      app.add_option("--parallel", options.parallel, "clients, each with its server, on a CPU of their own")
          ->capture_default_str()
          ->check(CLI::Range(1, 1024));
  app.add_option("--port", options.port, "where the only server listens (default: the kernel chooses)")
      ->excludes(parallel);
  CLI11_PARSE(app, argc, argv);

  const auto begin = Clock::now();
  const auto done = run(options);
  const std::chrono::duration<double> took = Clock::now() - begin;
  if (!done) {
    std::fprintf(stderr, "ebpf_traffic: %s\n", done.error().message.c_str());
    return 1;
  }
  std::printf("{\"operations\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(*done), took.count());
  return 0;
}
