#include "sinks/webhook_snapshot/commands.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace snapshot {
namespace {

using Clock = std::chrono::steady_clock;
using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;
using std::chrono::milliseconds;

constexpr std::size_t most_output = std::size_t{256} << 10U;

struct Execution {
  const char* program;
  char* const* arguments;
  char* const* environment;
};

/// In the child: async-signal-safe calls alone.
void execute(void* context, int out) {
  const auto& execution = *static_cast<const Execution*>(context);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::close(out);
  if (nothing > STDERR_FILENO) ::close(nothing);
  if (::chdir("/") != 0) ::_exit(126);
  ::execve(execution.program, execution.arguments, execution.environment);
  ::_exit(127);
}

Result<void> verdict(int status) {
  if (WIFSIGNALED(status)) return Error{Errc::failed, "ended by signal " + std::to_string(WTERMSIG(status))};
  if (WEXITSTATUS(status) != 0)
    return Error{Errc::failed, "ended with exit code " + std::to_string(WEXITSTATUS(status))};
  return {};
}

}  // namespace

Result<Command> find_command(std::string_view text) {
  Command command;
  command.text = text;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0) command.arguments.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (command.arguments.empty()) return Error{Errc::invalid_argument, "a command is empty: name a program"};
  const auto& name = command.arguments.front();
  if (name.find('/') != std::string::npos) {
    if (name.front() != '/') return Error{Errc::invalid_argument, "\"" + name + "\" is no absolute path"};
    command.program = name;
    if (::access(name.c_str(), X_OK) == 0) return command;
    return Error{Errc::not_found, "there is no program " + name};
  }
  for (const auto* folder : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"}) {
    command.program = folder + name;
    if (::access(command.program.c_str(), X_OK) == 0) return command;
  }
  return Error{Errc::not_found, "there is no program \"" + name + "\" in /usr/bin, /bin, /usr/sbin, /sbin"};
}

Result<void> run_command(Children& children, const Command& command, milliseconds timeout,
                         const std::atomic<bool>& cancelled, File& out) {
  std::vector<char*> arguments;
  for (const auto& argument : command.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::array<char, 48> path = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin"};
  std::array<char, 16> language = {"LC_ALL=C"};
  std::array<char*, 3> environment = {path.data(), language.data(), nullptr};
  Execution execution{command.program.c_str(), arguments.data(), environment.data()};
  auto child = children.start(&execute, &execution, -1);
  if (!child) return child.error();

  const auto deadline = Clock::now() + timeout;
  std::array<char, 4096> part;
  std::size_t taken = 0;
  bool closed = false;
  int status = 0;
  for (;;) {
    const auto now = Clock::now();
    if (now >= deadline || cancelled.load()) {
      children.end(child->pid);
      return Error{Errc::timeout, "did not end within " + std::to_string(timeout.count()) + " ms and was killed"};
    }
    const auto wait = std::min(std::chrono::ceil<milliseconds>(deadline - now), milliseconds(closed ? 5 : 50));
    pollfd waiting{closed ? -1 : child->out.get(), POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(wait.count()));
    const auto got = closed ? 0 : ::read(child->out.get(), part.data(), part.size());
    if (got > 0) {
      const auto kept = std::min(static_cast<std::size_t>(got), most_output - taken);
      out.append({part.data(), kept});
      taken += kept;
      if (taken < most_output) continue;
      children.end(child->pid);
      return Error{Errc::exhausted, "printed more than 256 KiB and was killed"};
    }
    closed = closed || got == 0;
    // What it left behind may hold the pipe; the program's own end is what counts.
    if (!children.ended(child->pid, status)) continue;
    for (;;) {
      const auto more = closed ? 0 : ::read(child->out.get(), part.data(), part.size());
      if (more <= 0 || taken == most_output) break;
      const auto kept = std::min(static_cast<std::size_t>(more), most_output - taken);
      out.append({part.data(), kept});
      taken += kept;
    }
    return verdict(status);
  }
}

}  // namespace snapshot
