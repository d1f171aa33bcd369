#include "core/app/top/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace sentinel::top {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view enter_codes = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view leave_codes = "\x1b[?25h\x1b[?1049l";

// A pipe that poll(2) calls writable takes 4 KiB without blocking (PIPE_BUF, pipe(7)); what a terminal takes is not
// promised, so it gets little at a time.
constexpr std::size_t pipe_chunk_bytes = 4096;
constexpr std::size_t terminal_chunk_bytes = 512;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  return value == nullptr ? std::string_view() : std::string_view(value);
}

bool is_utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(environment(name));
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

Result<Written> write_all(int fd, std::string_view text, int wake_fd, milliseconds limit) {
  const std::size_t chunk_bytes = isatty(fd) == 1 ? terminal_chunk_bytes : pipe_chunk_bytes;
  while (!text.empty()) {
    std::array<pollfd, 2> fds = {{{fd, POLLOUT, 0}, {wake_fd, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), limit.count() < 0 ? -1 : static_cast<int>(limit.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 || (ready > 0 && fds[1].revents != 0)) return Written::interrupted;
    const auto wrote = ::write(fd, text.data(), std::min(text.size(), chunk_bytes));
    if (wrote >= 0) {
      text.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno == EPIPE || errno == EIO) {
      return Written::reader_gone;  // EIO: a terminal that hung up
    } else if (errno != EINTR && errno != EAGAIN) {
      return Error{Errc::failed, "cannot write: " + std::generic_category().message(errno)};
    }
  }
  return Written::all;
}

bool is_capable_terminal(int fd) {
  const auto term = environment("TERM");
  return isatty(fd) == 1 && !term.empty() && term != "dumb";
}

Screen screen_from_environment() {
  Screen screen;
  screen.colour = environment("NO_COLOR").empty();
  screen.unicode = is_utf8_locale();
  return screen;
}

Terminal::Terminal(int input_fd, int output_fd)
    : input_fd_(input_fd), output_fd_(output_fd), is_input_open_(isatty(input_fd) == 1) {}

void Terminal::enter() {
  if (is_entered_) return;
  is_entered_ = true;
  termios settings{};
  if (is_input_open_ && tcgetattr(input_fd_, &settings) == 0) {
    input_before_ = settings;
    // ISIG stays, so that ^C and ^Z are signals.
    settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    tcsetattr(input_fd_, TCSANOW, &settings);
  }
  static_cast<void>(write_all(output_fd_, enter_codes, -1, milliseconds(1000)));
}

void Terminal::leave() noexcept {
  if (!is_entered_) return;
  is_entered_ = false;
  // A terminal that was stopped by ^S must not hold the exit.
  static_cast<void>(write_all(output_fd_, leave_codes, -1, milliseconds(1000)));
  // Neither must it hold this: TCSANOW does not wait for output.
  if (input_before_) tcsetattr(input_fd_, TCSANOW, &*input_before_);
  input_before_.reset();
}

void Terminal::measure(Screen& screen) const {
  winsize size{};
  const bool known = ioctl(output_fd_, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 && size.ws_row != 0;
  screen.width = known ? size.ws_col : 80;
  screen.height = known ? size.ws_row : 24;
}

Result<Written> Terminal::show(std::string_view text, int wake_fd) {
  // Each line is erased before it is written: to erase the rest after a line that fills its row would take its last
  // character. The last line has no newline, which would scroll a full screen.
  std::string frame = "\x1b[H";
  while (!text.empty()) {
    const auto end = text.find('\n');
    frame.append("\x1b[2K").append(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (!text.empty()) frame += "\r\n";
  }
  frame += "\x1b[0m";
  return write_all(output_fd_, frame + "\x1b[J", wake_fd, milliseconds(-1));
}

bool Terminal::take_quit_key() {
  std::array<char, 64> keys;
  const auto got = ::read(input_fd_, keys.data(), keys.size());
  if (got <= 0) {
    if (got == 0 || (errno != EINTR && errno != EAGAIN)) is_input_open_ = false;
    return false;
  }
  return std::any_of(keys.begin(), keys.begin() + got, [](char key) { return key == 'q' || key == 'Q'; });
}

}  // namespace sentinel::top
