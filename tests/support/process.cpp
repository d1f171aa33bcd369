#include "tests/support/process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace sentinel::testing {

namespace fs = std::filesystem;

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds between_looks(10);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(between_looks);
  }
  return true;
}

std::string read_text(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

void write_text(const fs::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!out.flush()) std::abort();
}

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "sentinel-test.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Process::Process(std::vector<std::string> command, std::string_view input) {
  write_text(folder_ / "in", input);
  const std::string in = folder_ / "in";
  const std::string out = folder_ / "out";
  const std::string err = folder_ / "err";
  std::vector<char*> arguments;
  for (auto& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) std::abort();
  if (pid_ > 0) return;
  // Only what signal-safety(7) allows, since the test may have threads.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto redirect = [](const std::string& file, int flags, int target) {
    const int fd = ::open(file.c_str(), flags, 0600);
    if (fd < 0 || ::dup2(fd, target) < 0) ::_exit(126);
    ::close(fd);
  };
  redirect(in, O_RDONLY, STDIN_FILENO);
  redirect(out, O_WRONLY | O_CREAT | O_APPEND, STDOUT_FILENO);
  redirect(err, O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Process::~Process() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Process::running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = status;
  return false;
}

std::string Process::out() const {
  return read_text(folder_ / "out");
}

std::string Process::err() const {
  return read_text(folder_ / "err");
}

void Process::send(int signal) const {
  if (!status_) ::kill(pid_, signal);
}

std::optional<Ended> Process::wait(std::chrono::milliseconds limit) {
  if (!eventually([&] { return !running(); }, limit)) return std::nullopt;
  Ended ended{-1, 0, out(), err()};
  if (WIFEXITED(*status_)) ended.exit_code = WEXITSTATUS(*status_);
  if (WIFSIGNALED(*status_)) ended.signal = WTERMSIG(*status_);
  return ended;
}

Ended run(std::vector<std::string> command, std::string_view input) {
  Process process(std::move(command), input);
  if (auto ended = process.wait()) return *ended;
  return {-1, SIGKILL, process.out(), process.err()};
}

}  // namespace sentinel::testing
