// Children that end and are not waited for, until the lifetime is over. The parent stays and is the culprit.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "chaos/tool.hpp"

namespace {

/// Reaps what it made, however the fault ends.
class Zombies {
 public:
  Zombies() = default;
  Zombies(const Zombies&) = delete;
  Zombies& operator=(const Zombies&) = delete;
  ~Zombies() { reap(); }

  void make() {
    const pid_t pid = ::fork();
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "cannot fork");
    if (pid == 0) ::_exit(0);
    pids_.push_back(pid);
    siginfo_t ended{};
    // Looks without reaping: when this returns, it is a zombie.
    ::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT);
  }
  [[nodiscard]] std::size_t count() const { return pids_.size(); }
  std::size_t reap() {
    std::size_t reaped = 0;
    for (const pid_t pid : pids_) reaped += ::waitpid(pid, nullptr, 0) == pid ? 1 : 0;
    pids_.clear();
    return reaped;
  }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace

int main(int argc, char** argv) {
  constexpr std::uint64_t most = 10'000;
  CLI::App app{"Leaves zombies: children that ended and are not reaped", "zombie_maker"};
  std::uint64_t count = 0;
  std::string lifetime_text;
  app.add_option("--count", count, "zombies, 1 to 10000")->required();
  app.add_option("--lifetime", lifetime_text, "how long they stay, such as 30s");
  return chaos::run(app, argc, argv, [&](chaos::Stop& stop) {
    chaos::within("--count", count, 1, most);
    chaos::require_an_end({{"--lifetime", !lifetime_text.empty()}});
    const auto lifetime = chaos::parse_duration("--lifetime", lifetime_text);
    chaos::say("zombie_maker: will leave " + std::to_string(count) + " zombies for " + chaos::text(lifetime) +
               "; Ctrl-C ends it earlier");
    const auto end = chaos::Clock::now() + lifetime;
    Zombies zombies;
    while (zombies.count() < count && !stop.asked() && chaos::Clock::now() < end) zombies.make();
    chaos::say("ready: " + std::to_string(zombies.count()) + " zombies of parent " + std::to_string(::getpid()));
    stop.wait_until(end);
    chaos::say("done: reaped " + std::to_string(zombies.reap()) + " zombies");
  });
}
