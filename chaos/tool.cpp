#include "chaos/tool.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace chaos {
namespace {

sigset_t ends() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

}  // namespace

Stop::Stop() {
  const sigset_t set = ends();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool Stop::wait_until(Clock::time_point time) {
  const sigset_t set = ends();
  while (!asked_) {
    const auto left = time == Clock::time_point::min() ? Clock::duration::zero()
                                                       : std::max(time - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    const timespec limit{seconds.count(), std::chrono::nanoseconds(left - seconds).count()};
    if (::sigtimedwait(&set, nullptr, &limit) > 0)
      asked_ = true;
    else if (errno == EAGAIN)
      return false;
  }
  return true;
}

Pace::Pace(double per_second) : between_(static_cast<std::int64_t>(1e9 / std::max(per_second, 1e-3))) {}

Clock::time_point Pace::next() {
  constexpr std::chrono::milliseconds forgiven(100);
  const auto due = std::max(due_, Clock::now() - forgiven);
  due_ = due + between_;
  return due;
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  (void)std::fflush(stdout);
}

std::string text(std::chrono::milliseconds duration) {
  char out[32];
  std::snprintf(out, sizeof out, "%g s", static_cast<double>(duration.count()) / 1e3);
  return out;
}

void die_with(int parent_pid) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent_pid) ::_exit(1);  // it was gone before the line above
}

void require_descriptors(const char* option, std::uint64_t needed) {
  constexpr std::uint64_t own = 32;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("cannot read the limit of open files");
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed + own) return;
  throw Refusal(std::string(option) + " needs " + std::to_string(needed) + " descriptors, and the limit is " +
                std::to_string(limit.rlim_cur) + ": raise it (ulimit -n) or ask for less");
}

int run(CLI::App& app, int argc, char** argv, const std::function<void(Stop&)>& fault) {
  constexpr int refused = 2;
  const auto fail = [&](const char* message, int code) {
    (void)std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), message);
    return code;
  };
  try {
    app.parse(argc, argv);
    Stop stop;
    fault(stop);
    return EXIT_SUCCESS;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == EXIT_SUCCESS ? EXIT_SUCCESS : refused;
  } catch (const Refusal& refusal) {
    return fail(refusal.what(), refused);
  } catch (const std::exception& error) {
    return fail(error.what(), EXIT_FAILURE);
  }
}

}  // namespace chaos
