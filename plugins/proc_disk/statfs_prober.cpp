#include "plugins/proc_disk/statfs_prober.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace {

using Clock = std::chrono::steady_clock;
using State = StatfsAnswer::State;

constexpr int most_hanging_in_a_probe = 4;

/// What the child writes for a target; smaller than PIPE_BUF, so it arrives whole.
struct Message {
  std::uint64_t index;
  StatfsAnswer answer;
};
static_assert(sizeof(Message) <= PIPE_BUF);

StatfsAnswer ask(int (*call)(const char*, struct ::statfs*), const char* path) {
  StatfsAnswer answer;
  struct ::statfs filesystem;
  if (call(path, &filesystem) != 0) {
    answer.state = State::failed;
    answer.error = errno;
    return answer;
  }
  const auto block = static_cast<std::uint64_t>(filesystem.f_frsize != 0 ? filesystem.f_frsize : filesystem.f_bsize);
  answer.state = State::answered;
  answer.size_bytes = filesystem.f_blocks * block;
  answer.free_bytes = filesystem.f_bfree * block;
  answer.available_bytes = filesystem.f_bavail * block;
  answer.files = filesystem.f_files;
  answer.files_free = filesystem.f_ffree;
  return answer;
}

/// A child that hangs for days must not keep the agent's sockets, files and pipes open.
void close_from(int lowest) {
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, static_cast<unsigned>(lowest), ~0U, 0U) == 0) return;
#endif
  constexpr int highest = 65536;
  for (int fd = lowest; fd < highest; ++fd) ::close(fd);
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
}

/// No handler of the agent's may run in the child between fork and close.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

StatfsProber::StatfsProber(std::chrono::milliseconds patience) : StatfsProber(patience, Calls()) {}

StatfsProber::StatfsProber(std::chrono::milliseconds patience, Calls calls) : patience_(patience), calls_(calls) {}

StatfsProber::~StatfsProber() {
  give_up();
}

void StatfsProber::probe(std::span<const StatfsTarget> targets, std::vector<StatfsAnswer>& answers) {
  reap();
  answers.assign(targets.size(), {});
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const bool hangs = std::any_of(stuck_.begin(), stuck_.end(), [&](const Stuck& stuck) {
      return stuck.target.mount_id == targets[i].mount_id && stuck.target.path == targets[i].path;
    });
    if (hangs) {
      answers[i].state = State::hanging;
    } else {
      order.push_back(i);
    }
  }
  std::span<const std::size_t> left = order;
  for (int hanging = 0; !left.empty() && hanging < most_hanging_in_a_probe && stuck_.size() < most_stuck;) {
    const Child child = start(targets, left);
    if (child.error != 0) {
      for (const auto index : left) answers[index] = {.state = State::failed, .error = child.error};
      return;
    }
    bool ended = false;
    left = left.subspan(listen(child, left, answers, ended));
    if (left.empty() || ended) {
      finish(child.pid);
      if (left.empty()) return;
      // Killed from outside, at this mount; the next child begins behind it.
      answers[left.front()] = {.state = State::failed, .error = ECHILD};
    } else {
      (void)calls_.kill(child.pid, SIGKILL);
      stuck_.push_back({child.pid, targets[left.front()]});
      answers[left.front()].state = State::hanging;
      ++hanging;
    }
    left = left.subspan(1);
  }
}

StatfsProber::Child StatfsProber::start(std::span<const StatfsTarget> targets, std::span<const std::size_t> order) {
  Child child;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    child.error = errno;
    return child;
  }
  child.answers = sentinel::procfs::UniqueFd(ends[0]);
  const sentinel::procfs::UniqueFd write_end(ends[1]);
  const SignalsBlocked blocked;
  child.pid = ::fork();
  if (child.pid == 0) answer_all(ends[1], targets, order);
  if (child.pid < 0) child.error = errno;
  return child;
}

void StatfsProber::answer_all(int out, std::span<const StatfsTarget> targets,
                              std::span<const std::size_t> order) const {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "sentinel-statfs");
  if (::dup2(out, STDIN_FILENO) < 0) ::_exit(1);
  close_from(STDIN_FILENO + 1);
  for (const auto index : order) {
    const Message message{index, ask(calls_.statfs, targets[index].path.c_str())};
    if (::write(STDIN_FILENO, &message, sizeof message) != sizeof message) ::_exit(1);
  }
  ::_exit(0);
}

std::size_t StatfsProber::listen(const Child& child, std::span<const std::size_t> order,
                                 std::vector<StatfsAnswer>& answers, bool& ended) const {
  std::size_t came = 0;
  auto deadline = Clock::now() + patience_;
  while (came < order.size()) {
    pollfd waiting{child.answers.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return came;
    Message message;
    const auto got = ::read(child.answers.get(), &message, sizeof message);
    if (got != sizeof message || message.index != order[came]) {
      ended = true;
      return came;
    }
    answers[message.index] = message.answer;
    ++came;
    deadline = Clock::now() + patience_;
  }
  return came;
}

/// The child has nothing left to do but to exit. Waiting for it keeps it from being a zombie until the next probe.
void StatfsProber::finish(pid_t pid) {
  const auto deadline = Clock::now() + patience_;
  do {
    if (::waitpid(pid, nullptr, WNOHANG) != 0) return;
    constexpr timespec nap{0, 200'000};
    ::nanosleep(&nap, nullptr);
  } while (Clock::now() < deadline);
  (void)calls_.kill(pid, SIGKILL);
  stuck_.push_back({pid, {}});
}

void StatfsProber::reap() {
  std::erase_if(stuck_, [](const Stuck& stuck) { return ::waitpid(stuck.pid, nullptr, WNOHANG) != 0; });
}

std::size_t StatfsProber::give_up() {
  reap();
  const auto left = stuck_.size();
  stuck_.clear();
  return left;
}
