#pragma once

#include <termios.h>

#include <chrono>
#include <optional>
#include <sentinel/result.hpp>
#include <string_view>

#include "core/app/top/page.hpp"

namespace sentinel::top {

enum class Written { all, interrupted, reader_gone };

/// Writes to a descriptor without being held by a reader that does not read: gives up as `interrupted` as soon as
/// `wake_fd` is readable (-1: never) or `limit` passes (negative: never), with any part written.
/// Errors: failed, with the system's reason.
Result<Written> write_all(int fd, std::string_view text, int wake_fd, std::chrono::milliseconds limit);

/// Whether `fd` is a terminal that understands escape codes (TERM is set and not "dumb").
[[nodiscard]] bool is_capable_terminal(int fd);

/// What the environment says of output: NO_COLOR (https://no-color.org), LC_ALL, LC_CTYPE and LANG. Without a size.
[[nodiscard]] Screen screen_from_environment();

/// Pictures in the alternate screen of a terminal, with the cursor hidden and, when the input is a terminal too, keys
/// read one by one without echo. The destructor puts everything back.
class Terminal {
 public:
  /// Both descriptors are borrowed.
  Terminal(int input_fd, int output_fd);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { leave(); }

  void enter();
  void leave() noexcept;

  /// Sets columns and rows as the terminal has them now (TIOCGWINSZ); 80 × 24 when it does not tell.
  void measure(Screen& screen) const;

  /// Shows the lines of `text` in place of what was there.
  Result<Written> show(std::string_view text, int wake_fd);

  /// The input, for poll(2); -1 when keys are not read from it.
  [[nodiscard]] int key_fd() const noexcept { return is_input_open_ ? input_fd_ : -1; }
  /// Whether the keys that were typed ask to quit. Never blocks when key_fd() is readable. An input that ended is not
  /// read again.
  [[nodiscard]] bool take_quit_key();

 private:
  int input_fd_;
  int output_fd_;
  bool is_input_open_;
  bool is_entered_ = false;
  std::optional<termios> input_before_;
};

}  // namespace sentinel::top
