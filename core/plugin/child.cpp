#include "core/plugin/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/plugin/fd.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace {

constexpr std::size_t most_output = 4U << 20U;
constexpr std::size_t error_tail = 4096;

using Clock = std::chrono::steady_clock;

Error cannot(std::string_view what, int error) {
  return {Errc::failed, "cannot " + std::string(what) + ": " + std::generic_category().message(error)};
}

struct Pipe {
  Fd read;
  Fd write;
};

/// The reading end does not block: after the child's end, what is left is taken without waiting for its children.
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return cannot("make a pipe", errno);
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) return cannot("set up a pipe", errno);
  return pipe;
}

/// Releases what posix_spawn was told with.
struct SpawnPlan {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

/// A file in memory that holds the text, to be read from its beginning.
Result<Fd> text_file(std::string_view text) {
  Fd file(::memfd_create("sentinel-input", MFD_CLOEXEC));
  if (!file) return cannot("make a file in memory", errno);
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t put = ::write(file.get(), text.data() + written, text.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return cannot("write a file in memory", errno);
    written += static_cast<std::size_t>(put);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return cannot("rewind a file in memory", errno);
  return file;
}

Result<pid_t> spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments, int in, int out,
                    int err) {
  SpawnPlan plan;
  ::posix_spawn_file_actions_adddup2(&plan.actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&plan.actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&plan.actions, err, STDERR_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&plan.actions, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &none);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> raw;
  raw.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, program.c_str(), &plan.actions, &plan.attributes, raw.data(), environ);
  if (failed != 0) return cannot("run " + program.string(), failed);
  return pid;
}

/// Reads what is there. False at the end of the file.
bool drain(const Fd& fd, std::string& into) {
  std::array<char, 16384> block;
  for (;;) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got > 0) {
      into.append(block.data(), static_cast<std::size_t>(got));
      if (into.size() > most_output) return true;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && errno == EAGAIN;
  }
}

void keep_tail(std::string& text) {
  if (text.size() > error_tail) text.erase(0, text.size() - error_tail);
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

/// Follows the child until it ends, its time is over or it says too much.
void follow(const Fd& process, Pipe& out, Pipe& err, Clock::time_point deadline, ChildEnd& end) {
  for (;;) {
    std::array<pollfd, 3> waiting = {
        {{process.get(), POLLIN, 0}, {out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
    const int ready = ::poll(waiting.data(), waiting.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0 && !drain(out.read, end.output)) out.read.close();
    if (waiting[2].revents != 0 && !drain(err.read, end.error_tail)) err.read.close();
    keep_tail(end.error_tail);
    if (end.output.size() > most_output) {
      end.overflowed = true;
      return;
    }
    if (waiting[0].revents != 0) return;
    if (Clock::now() >= deadline) {
      end.timed_out = true;
      return;
    }
  }
}

std::string_view last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto begin = text.rfind('\n');
  return begin == text.npos ? text : text.substr(begin + 1);
}

}  // namespace

Result<ChildEnd> run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           std::chrono::milliseconds deadline, std::string_view input) {
  const auto until = Clock::now() + deadline;
  const auto in = text_file(input);
  if (!in) return in.error();
  auto out = make_pipe();
  if (!out) return out.error();
  auto err = make_pipe();
  if (!err) return err.error();
  const auto pid = spawn(program, arguments, in->get(), out->write.get(), err->write.get());
  if (!pid) return pid.error();
  out->write.close();
  err->write.close();
  ChildEnd end;
  // Not by glibc's function: the header of 2.36 declares it for C alone.
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  const int no_descriptor = process ? 0 : errno;
  if (process) follow(process, *out, *err, until, end);
  // The child leads its session: this reaches what it started too. It is not reaped yet, so its id is still its own.
  ::kill(-*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0) {
    if (errno != EINTR) return cannot("wait for " + program.string(), errno);
  }
  if (!process) return cannot("watch " + program.string(), no_descriptor);
  if (out->read) drain(out->read, end.output);
  if (err->read) drain(err->read, end.error_tail);
  keep_tail(end.error_tail);
  if (WIFSIGNALED(status) && !end.timed_out && !end.overflowed) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  return end;
}

std::string_view next_line(std::string_view& said) {
  const auto end = said.find('\n');
  if (end == said.npos) return {};
  const auto line = said.substr(0, end);
  said.remove_prefix(end + 1);
  return line;
}

Error unfinished(const ChildEnd& child, std::string_view doing, std::chrono::milliseconds deadline) {
  std::string message;
  Errc code = Errc::failed;
  if (child.timed_out) {
    code = Errc::timeout;
    message = "it did not return within " + std::to_string(deadline.count()) + " ms";
  } else if (child.overflowed) {
    message = "it made the child process answer without end";
  } else if (child.signal != 0) {
    const char* name = ::sigabbrev_np(child.signal);
    message = "it crashed with SIG" + (name == nullptr ? std::to_string(child.signal) : std::string(name));
  } else {
    message = "it ended its process with code " + std::to_string(child.exit_code);
  }
  message += " " + std::string(doing);
  if (const auto line = clean_text(last_line(child.error_tail), 256); !line.empty()) message += ": " + line;
  return {code, std::move(message)};
}

}  // namespace sentinel::plugin
