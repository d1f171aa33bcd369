// Processes that are forked and end at once, at a rate. Each is reaped before the next is made, so that only the rate
// of forks stands out, and nothing piles up.
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <system_error>

#include "chaos/tool.hpp"

int main(int argc, char** argv) {
  constexpr std::uint64_t most_rate = 10'000;
  constexpr std::uint64_t most_count = 10'000'000;
  CLI::App app{"Forks processes that end at once, at a rate", "fork_storm"};
  std::uint64_t rate = 0;
  std::uint64_t count = 0;
  std::string duration_text;
  app.add_option("--rate", rate, "forks a second, 1 to 10000")->required();
  auto* count_option = app.add_option("--count", count, "forks, 1 to 10000000");
  app.add_option("--duration", duration_text, "such as 30s; at most, and by default, 60m");
  return chaos::run(app, argc, argv, [&](chaos::Stop& stop) {
    chaos::within("--rate", rate, 1, most_rate);
    chaos::require_an_end({{"--duration", !duration_text.empty()}, {"--count", !count_option->empty()}});
    const auto most = count_option->empty() ? most_count : chaos::within("--count", count, 1, most_count);
    const auto duration = duration_text.empty() ? std::chrono::milliseconds(chaos::longest)
                                                : chaos::parse_duration("--duration", duration_text);
    chaos::say("fork_storm: will fork " + std::to_string(rate) + " times a second, at most " + std::to_string(most) +
               " times, for at most " + chaos::text(duration) + "; Ctrl-C ends it earlier");
    const auto begin = chaos::Clock::now();
    const auto end = begin + duration;
    const pid_t own = ::getpid();
    chaos::Pace pace(static_cast<double>(rate));
    std::uint64_t made = 0;
    bool told = false;
    while (made < most && chaos::Clock::now() < end && !stop.wait_until(std::min(pace.next(), end))) {
      const pid_t pid = ::fork();
      if (pid < 0) throw std::system_error(errno, std::generic_category(), "cannot fork");
      if (pid == 0) {
        chaos::die_with(own);
        ::_exit(0);
      }
      ::waitpid(pid, nullptr, 0);
      ++made;
      if (told || (made < rate && chaos::Clock::now() < begin + std::chrono::seconds(1))) continue;
      told = true;
      chaos::say("ready: " + std::to_string(made) + " forks so far, of parent " + std::to_string(own));
    }
    chaos::say("done: forked " + std::to_string(made) + " processes, and reaped them");
  });
}
