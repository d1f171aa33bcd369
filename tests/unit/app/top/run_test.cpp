// run_top() as a process of its own, on a terminal (a pty) and on a pipe.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <sentinel/procfs/unique_fd.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using sentinel::procfs::UniqueFd;
using std::chrono::steady_clock;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr auto patience = std::chrono::seconds(30);
constexpr auto enter_codes = "\x1b[?1049h\x1b[?25l";
constexpr auto leave_codes = "\x1b[?25h\x1b[?1049l";
constexpr auto an_hour_ms = "3600000";

const std::string debian12 = std::string(SENTINEL_FIXTURES) + "/procfs/debian12";

using Words = std::vector<std::string>;

std::vector<char*> pointers(Words& words) {
  std::vector<char*> result;
  for (auto& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

/// The driver as a child, with what it wrote. Killed and reaped when it has not ended.
class Child {
 public:
  /// On a terminal of its own with 80 × 24 characters; `stopped`: as after ^S.
  static Child on_terminal(Words arguments, Words environment = {"TERM=xterm", "LANG=C.UTF-8"}, bool stopped = false) {
    const winsize size{24, 80, 0, 0};
    int master = -1;
    int slave = -1;
    EXPECT_EQ(openpty(&master, &slave, nullptr, nullptr, &size), 0);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    Child child;
    child.out_ = UniqueFd(master);
    const UniqueFd child_end(slave);
    // NOLINTBEGIN(concurrency-mt-unsafe): this program has one thread
    if (stopped) {
      EXPECT_EQ(tcflow(slave, TCOOFF), 0);
    }
    child.start(arguments, environment, [&] { login_tty(slave); });
    // NOLINTEND(concurrency-mt-unsafe)
    return child;
  }

  /// On a pipe; `full`: one that takes no byte more.
  static Child on_pipe(Words arguments, bool full = false) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    Child child;
    child.out_ = UniqueFd(ends[0]);
    const UniqueFd writer(ends[1]);
    if (full) {
      const int size = fcntl(writer.get(), F_GETPIPE_SZ);
      const std::string filling(static_cast<std::size_t>(size), '.');
      EXPECT_EQ(write(writer.get(), filling.data(), filling.size()), size);
    }
    Words environment = {"TERM=xterm", "LANG=C.UTF-8"};
    child.start(arguments, environment, [&] {
      dup2(writer.get(), STDOUT_FILENO);
      dup2(writer.get(), STDERR_FILENO);
    });
    return child;
  }

  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), out_(std::move(other.out_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int fd() const { return out_.get(); }
  void send(int signal_number) const { EXPECT_EQ(kill(pid_, signal_number), 0); }
  void type(const std::string& keys) const {
    EXPECT_EQ(write(fd(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  /// Sends SIGTERM as soon as the child handles it by itself, which it does before it reads or writes anything.
  void terminate_early() const {
    const auto due = steady_clock::now() + patience;
    constexpr auto bit = [](int number) { return std::uint64_t{1} << (number - 1); };
    while (steady_clock::now() < due) {
      std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
      for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("SigBlk:")) continue;
        // A sanitizer's start blocks all signals for a moment; the child blocks the few that it handles.
        const auto blocked = std::stoull(line.substr(7), nullptr, 16);
        if ((blocked & bit(SIGTERM)) != 0 && (blocked & bit(SIGUSR1)) == 0) return send(SIGTERM);
      }
      std::this_thread::yield();
    }
    ADD_FAILURE() << "never blocks SIGTERM";
  }
  void close_output() { out_ = UniqueFd(); }

  /// Reads until `text` came after the last expectation; what came, up to its end.
  std::string read_until(const std::string& text) {
    const auto due = steady_clock::now() + patience;
    std::size_t at = 0;
    while ((at = output_.find(text, seen_)) == std::string::npos) {
      if (!read_some(due)) {
        ADD_FAILURE() << "never wrote " << testing::PrintToString(text) << " in "
                      << testing::PrintToString(output_.substr(seen_));
        return {};
      }
    }
    const auto begin = std::exchange(seen_, at + text.size());
    return output_.substr(begin, seen_ - begin);
  }

  /// Everything it wrote, once it has ended or closed its output.
  const std::string& read_all() {
    const auto due = steady_clock::now() + patience;
    while (read_some(due)) {
    }
    return output_;
  }

  /// Waits for the end; the exit code, or 128 + the signal that killed it.
  int exit_code() {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
    if (poll(&ended, 1, static_cast<int>(limit)) != 1) {
      ADD_FAILURE() << "does not end";
      return -1;
    }
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  [[nodiscard]] termios settings() const {
    termios result{};
    EXPECT_EQ(tcgetattr(fd(), &result), 0);
    return result;
  }

 private:
  Child() = default;

  void start(Words& arguments, Words& environment, const std::function<void()>& redirect) {
    arguments.insert(arguments.begin(), SENTINEL_TOP_DRIVER);
    const auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    pid_ = fork();
    if (pid_ == 0) {
      redirect();
      execve(SENTINEL_TOP_DRIVER, argv.data(), envp.data());
      _exit(127);
    }
    EXPECT_GT(pid_, 0);
    pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    EXPECT_TRUE(pidfd_);
  }

  bool read_some(steady_clock::time_point due) {
    pollfd readable{fd(), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - steady_clock::now()).count();
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) != 1) return false;
    std::array<char, 4096> bytes;
    const auto got = read(fd(), bytes.data(), bytes.size());  // EIO: the terminal's last user has gone
    if (got <= 0) return false;
    output_.append(bytes.data(), static_cast<std::size_t>(got));
    return true;
  }

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd out_;
  std::string output_;
  std::size_t seen_ = 0;
};

TEST(TopOnAPipe, PrintsPlainBlocks) {
  auto child = Child::on_pipe({debian12, "100", "2"});
  const std::string& text = child.read_all();
  EXPECT_EQ(child.exit_code(), 0);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_THAT(text, StartsWith("sentinel top, "));
  EXPECT_THAT(text, EndsWith("\n\n"));
  const auto second = text.find("\n\nsentinel top, ");
  ASSERT_NE(second, std::string::npos);
  EXPECT_EQ(text.find("\n\nsentinel top, ", second + 1), std::string::npos);
}

TEST(TopOnAPipe, ReadsTheLiveHost) {
  auto child = Child::on_pipe({"/proc", "100", "1"});
  const std::string& text = child.read_all();
  EXPECT_EQ(child.exit_code(), 0);
  for (const auto* title : {"CPU ", "Memory ", "Load ", "TCP ", "Processes "}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + title));
  }
}

TEST(TopOnAPipe, MissingTreeIsAnError) {
  auto child = Child::on_pipe({"/no/such/proc", "100", "1"});
  EXPECT_THAT(child.read_all(), StartsWith("sentinel top: /no/such/proc: cannot open as a directory: "));
  EXPECT_EQ(child.exit_code(), 1);
}

TEST(TopOnAPipe, FolderThatIsNoProcIsAnError) {
  auto child = Child::on_pipe({SENTINEL_FIXTURES, "100", "1"});
  EXPECT_THAT(child.read_all(), HasSubstr("is no proc(5)"));
  EXPECT_EQ(child.exit_code(), 1);
}

TEST(TopOnAPipe, TooShortAnIntervalIsAnError) {
  auto child = Child::on_pipe({debian12, "99", "1"});
  EXPECT_EQ(child.read_all(), "sentinel top: the interval is 99 ms; give 100 ms or more\n");
  EXPECT_EQ(child.exit_code(), 1);
}

TEST(TopOnAPipe, SignalsEndIt) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    auto child = Child::on_pipe({debian12, an_hour_ms, "0"});
    child.read_until("\n\n");
    child.send(number);
    EXPECT_EQ(child.exit_code(), 0) << number;
  }
}

TEST(TopOnAPipe, ReaderThatDoesNotReadDoesNotHoldIt) {
  auto child = Child::on_pipe({debian12, an_hour_ms, "0"}, true);
  child.terminate_early();
  EXPECT_EQ(child.exit_code(), 0);
}

TEST(TopOnAPipe, ReaderThatLeavesEndsIt) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &before);
  auto child = Child::on_pipe({debian12, "100", "0"});
  sigaction(SIGPIPE, &before, nullptr);
  child.read_until("\n\n");
  child.close_output();
  EXPECT_EQ(child.exit_code(), 0);
}

TEST(TopOnATerminal, TakesTheScreenAndGivesItBackOnASignal) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    auto child = Child::on_terminal({debian12, an_hour_ms, "0"});
    EXPECT_THAT(child.read_until(enter_codes), Not(HasSubstr("CPU")));
    EXPECT_THAT(child.read_until("\x1b[J"), HasSubstr("\x1b[1mCPU\x1b[0m"));
    EXPECT_EQ(child.settings().c_lflag & (ICANON | ECHO), 0U);
    child.send(number);
    EXPECT_EQ(child.exit_code(), 0) << number;
    EXPECT_EQ(child.settings().c_lflag & (ICANON | ECHO), tcflag_t{ICANON | ECHO});
    EXPECT_THAT(child.read_all(), EndsWith(leave_codes));
  }
}

TEST(TopOnATerminal, RefreshesInPlace) {
  auto child = Child::on_terminal({"/proc", "100", "0"});
  child.read_until("\x1b[J");
  const auto second = child.read_until("\x1b[J");
  EXPECT_THAT(second, StartsWith("\x1b[H\x1b[2K"));
  EXPECT_THAT(second, Not(HasSubstr(enter_codes)));
  EXPECT_LT(std::count(second.begin(), second.end(), '\n'), 24);
  child.send(SIGTERM);
  EXPECT_EQ(child.exit_code(), 0);
}

TEST(TopOnATerminal, QEndsIt) {
  auto child = Child::on_terminal({debian12, an_hour_ms, "0"});
  child.read_until("\x1b[J");
  child.type("xyz\x1b[A");
  child.type("q");
  EXPECT_EQ(child.exit_code(), 0);
  EXPECT_THAT(child.read_all(), EndsWith(leave_codes));
}

TEST(TopOnATerminal, InterruptKeyEndsIt) {
  auto child = Child::on_terminal({debian12, an_hour_ms, "0"});
  child.read_until("\x1b[J");
  child.type("\x03");
  EXPECT_EQ(child.exit_code(), 0);
  EXPECT_THAT(child.read_all(), EndsWith(leave_codes));
}

TEST(TopOnATerminal, FollowsTheSize) {
  auto child = Child::on_terminal({debian12, an_hour_ms, "0"});
  child.read_until("\x1b[J");
  const winsize small{5, 30, 0, 0};
  ASSERT_EQ(ioctl(child.fd(), TIOCSWINSZ, &small), 0);
  const auto frame = child.read_until("\x1b[J");
  EXPECT_EQ(std::count(frame.begin(), frame.end(), '\n'), 4);
  child.type("q");
  EXPECT_EQ(child.exit_code(), 0);
}

TEST(TopOnATerminal, StopKeyGivesTheScreenBackUntilItGoesOn) {
  auto child = Child::on_terminal({debian12, an_hour_ms, "0"});
  child.read_until("\x1b[J");
  child.type("\x1a");
  child.read_until(leave_codes);
  int status = 0;
  ASSERT_EQ(waitpid(child.pid(), &status, WUNTRACED), child.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  EXPECT_EQ(child.settings().c_lflag & (ICANON | ECHO), tcflag_t{ICANON | ECHO});
  child.send(SIGCONT);
  child.read_until(enter_codes);
  EXPECT_THAT(child.read_until("\x1b[J"), HasSubstr("CPU"));
  child.type("q");
  EXPECT_EQ(child.exit_code(), 0);
}

TEST(TopOnATerminal, StoppedOutputDoesNotHoldIt) {
  auto child = Child::on_terminal({debian12, an_hour_ms, "0"}, {"TERM=xterm"}, true);
  child.terminate_early();
  EXPECT_EQ(child.exit_code(), 0);
  EXPECT_EQ(child.settings().c_lflag & (ICANON | ECHO), tcflag_t{ICANON | ECHO});
}

TEST(TopOnATerminal, LeavesTheLastOfCountedPicturesBehind) {
  auto child = Child::on_terminal({debian12, "100", "1"});
  child.read_until(leave_codes);
  const auto& text = child.read_all();
  EXPECT_EQ(child.exit_code(), 0);
  EXPECT_THAT(text.substr(text.rfind(leave_codes)), HasSubstr("Processes"));
  EXPECT_THAT(text, EndsWith("\n"));
}

TEST(TopOnATerminal, NoColorIsRespected) {
  auto child = Child::on_terminal({debian12, an_hour_ms, "0"}, {"TERM=xterm", "LANG=C.UTF-8", "NO_COLOR=1"});
  child.read_until(enter_codes);
  const auto frame = child.read_until("\x1b[J");
  EXPECT_THAT(frame, Not(testing::ContainsRegex("\x1b\\[[1-9;]*m")));
  EXPECT_THAT(frame, HasSubstr("█"));
  child.send(SIGTERM);
  EXPECT_EQ(child.exit_code(), 0);
}

TEST(TopOnATerminal, OtherLocalesGetAscii) {
  for (const Words& environment : {Words{"TERM=xterm"}, Words{"TERM=xterm", "LANG=C.UTF-8", "LC_ALL=C"}}) {
    auto child = Child::on_terminal({debian12, an_hour_ms, "0"}, environment);
    const auto frame = child.read_until("\x1b[J");
    EXPECT_TRUE(std::none_of(frame.begin(), frame.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7e; }));
    EXPECT_THAT(frame, HasSubstr("##"));
    child.send(SIGTERM);
    EXPECT_EQ(child.exit_code(), 0);
  }
}

TEST(TopOnATerminal, DumbOnesGetPlainLines) {
  for (const Words& environment : {Words{"TERM=dumb"}, Words{}}) {
    auto child = Child::on_terminal({debian12, "100", "1"}, environment);
    const auto& text = child.read_all();
    EXPECT_EQ(child.exit_code(), 0);
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, StartsWith("sentinel top, "));
  }
}

}  // namespace
