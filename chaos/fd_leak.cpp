// Descriptors that are opened and not closed, until the lifetime is over. With --limit the process lowers its own soft
// limit, so that it stands near it with few descriptors.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "chaos/sockets.hpp"
#include "chaos/tool.hpp"

namespace {

void lower_limit(std::uint64_t limit) {
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0) throw std::runtime_error("cannot read the limit of open files");
  now.rlim_cur = limit;
  if (::setrlimit(RLIMIT_NOFILE, &now) != 0) {
    throw chaos::Refusal("--limit is " + std::to_string(limit) + ", more than the hard limit of " +
                         std::to_string(now.rlim_max));
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::uint64_t most = 1'000'000;
  constexpr std::uint64_t own = 8;
  CLI::App app{"Leaks file descriptors: opens /dev/null and does not close it", "fd_leak"};
  std::uint64_t count = 0;
  std::uint64_t limit = 0;
  double rate = 0;
  std::string lifetime_text;
  app.add_option("--count", count, "descriptors, 1 to 1000000")->required();
  auto* rate_option = app.add_option("--rate", rate, "descriptors a second; without it all at once");
  auto* limit_option = app.add_option("--limit", limit, "soft limit of open files of this very process");
  app.add_option("--lifetime", lifetime_text, "how long they stay open, such as 30s");
  return chaos::run(app, argc, argv, [&](chaos::Stop& stop) {
    chaos::within("--count", count, 1, most);
    chaos::require_an_end({{"--lifetime", !lifetime_text.empty()}});
    const auto lifetime = chaos::parse_duration("--lifetime", lifetime_text);
    if (!rate_option->empty() && !(rate >= 0.1 && rate <= 1e6))
      throw chaos::Refusal("--rate is not between 0.1 and 1e6");
    if (limit_option->empty()) {
      chaos::require_descriptors("--count", count);
    } else {
      chaos::within("--limit", limit, count + own, most + own);
      lower_limit(limit);
    }
    chaos::say("fd_leak: will open " + std::to_string(count) + " descriptors and close them after " +
               chaos::text(lifetime) + "; Ctrl-C ends it earlier");
    const auto end = chaos::Clock::now() + lifetime;
    chaos::Pace pace(rate);
    std::vector<chaos::Fd> leaked;
    const auto due = [&] {
      return rate_option->empty() ? chaos::Clock::time_point::min() : std::min(pace.next(), end);
    };
    while (leaked.size() < count && chaos::Clock::now() < end && !stop.wait_until(due())) {
      chaos::Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fd) throw std::system_error(errno, std::generic_category(), "cannot open /dev/null once more");
      leaked.push_back(std::move(fd));
    }
    chaos::say("ready: " + std::to_string(leaked.size()) + " descriptors open in process " +
               std::to_string(::getpid()));
    stop.wait_until(end);
    const auto closed = leaked.size();
    leaked.clear();
    chaos::say("done: closed " + std::to_string(closed) + " descriptors");
  });
}
