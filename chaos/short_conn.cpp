// Short TCP connections on loopback, client and server in one process. The client closes first, so its end stays in
// TIME_WAIT for the kernel's 60 seconds: those sockets outlive the tool, and nothing but time removes them.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "chaos/sockets.hpp"
#include "chaos/tool.hpp"

namespace {

struct Shared {
  chaos::Loopback at;
  std::uint64_t most = 0;
  chaos::Clock::time_point end;
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> begun = 0;
  std::atomic<std::uint64_t> done = 0;
  std::atomic<std::uint64_t> failed = 0;
};

/// Takes connections and closes each behind its client. Ends when told, with a delay of one look at most.
void serve(const chaos::Fd& listener, const std::atomic<bool>& stop) {
  constexpr int look_ms = 50;
  while (!stop) {
    pollfd waiting{listener.get(), POLLIN, 0};
    if (::poll(&waiting, 1, look_ms) <= 0) continue;
    const chaos::Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char byte = 0;
    while (connection && ::read(connection.get(), &byte, 1) > 0) {
    }
  }
}

/// Connects, closes first, and stays until the server has closed too: only then is the client's end in TIME_WAIT, and
/// not in FIN_WAIT2, which the end of this process would reset.
bool connect_and_close(const chaos::Loopback& at) {
  constexpr int patience_ms = 10'000;
  const chaos::Fd connection = chaos::connect_to(at);
  if (!connection) return false;
  ::shutdown(connection.get(), SHUT_WR);
  pollfd closed{connection.get(), POLLIN, 0};
  char byte = 0;
  return ::poll(&closed, 1, patience_ms) == 1 && ::read(connection.get(), &byte, 1) == 0;
}

void connect_at(double per_second, Shared& shared) {
  chaos::Pace pace(per_second);
  for (;;) {
    std::this_thread::sleep_until(std::min(pace.next(), shared.end));
    if (shared.stop || chaos::Clock::now() >= shared.end || shared.begun.fetch_add(1) >= shared.most) return;
    ++(connect_and_close(shared.at) ? shared.done : shared.failed);
  }
}

/// Threads that are told to stop and joined, however the fault ends.
class Workers {
 public:
  explicit Workers(std::atomic<bool>& stop) : stop_(stop) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    stop_ = true;
    join();
  }
  template <class Work>
  void add(Work work) {
    threads_.emplace_back(std::move(work));
  }
  void join() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool>& stop_;
  std::vector<std::thread> threads_;
};

}  // namespace

int main(int argc, char** argv) {
  constexpr std::uint64_t most_rate = 50'000;
  constexpr std::uint64_t most_count = 10'000'000;
  constexpr std::uint64_t most_workers = 32;
  constexpr std::chrono::milliseconds look(20);
  CLI::App app{"Opens and closes TCP connections on loopback at a rate; builds up TIME_WAIT", "short_conn"};
  double rate = 500;
  std::uint64_t workers = 1;
  std::uint64_t count = 0;
  std::string duration_text;
  std::string address = "127.0.0.1";
  app.add_option("--rate", rate, "connections a second, of all workers, 1 to 50000")->capture_default_str();
  app.add_option("--workers", workers, "threads that connect, 1 to 32")->capture_default_str();
  auto* count_option = app.add_option("--count", count, "connections, 1 to 10000000");
  app.add_option("--duration", duration_text, "such as 30s; at most, and by default, 60m");
  app.add_option("--address", address, "loopback address, of IPv4 or IPv6")->capture_default_str();
  return chaos::run(app, argc, argv, [&](chaos::Stop& stop) {
    if (!(rate >= 1 && rate <= most_rate)) throw chaos::Refusal("--rate is not between 1 and 50000");
    chaos::within("--workers", workers, 1, most_workers);
    chaos::require_an_end({{"--duration", !duration_text.empty()}, {"--count", !count_option->empty()}});
    Shared shared;
    shared.most = count_option->empty() ? most_count : chaos::within("--count", count, 1, most_count);
    const auto duration = duration_text.empty() ? std::chrono::milliseconds(chaos::longest)
                                                : chaos::parse_duration("--duration", duration_text);
    shared.at = chaos::parse_loopback("--address", address);
    const auto listener = chaos::listen_at(shared.at);
    char rate_text[32];
    std::snprintf(rate_text, sizeof rate_text, "%g", rate);
    chaos::say("short_conn: will open " + std::string(rate_text) + " connections a second to " + address + " port " +
               std::to_string(chaos::port_of(shared.at)) + ", at most " + std::to_string(shared.most) +
               ", for at most " + chaos::text(duration) + "; Ctrl-C ends it earlier");
    const auto begin = chaos::Clock::now();
    shared.end = begin + duration;
    std::atomic<bool> server_stop = false;
    Workers server(server_stop);
    server.add([&] { serve(listener, server_stop); });
    Workers clients(shared.stop);
    for (std::uint64_t i = 0; i < workers; ++i) {
      clients.add([&] { connect_at(rate / static_cast<double>(workers), shared); });
    }
    bool told = false;
    const auto finished = [&] { return shared.done + shared.failed; };
    while (finished() < shared.most && chaos::Clock::now() < shared.end &&
           !stop.wait_until(std::min(chaos::Clock::now() + look, shared.end))) {
      if (told || chaos::Clock::now() < begin + std::chrono::seconds(1)) continue;
      told = true;
      chaos::say("ready: " + std::to_string(shared.done) + " connections so far");
    }
    shared.stop = true;
    clients.join();
    if (!told) chaos::say("ready: " + std::to_string(shared.done) + " connections");
    chaos::say("done: " + std::to_string(shared.done) + " connections closed by the client, " +
               std::to_string(shared.failed) + " failed; the kernel keeps TIME_WAIT for 60 s");
  });
}
