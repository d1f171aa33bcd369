#include "core/app/top/top.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>

#include "core/app/top/facts.hpp"
#include "core/app/top/render.hpp"
#include "core/app/top/signals.hpp"
#include "core/app/top/terminal.hpp"
#include "core/app/top/text.hpp"

namespace sentinel::top {
namespace {

using Clock = std::chrono::steady_clock;

int fail(const Error& error) {
  const std::string line = "sentinel top: " + printable(error.message, false) + "\n";
  static_cast<void>(std::fputs(line.c_str(), stderr));
  return 1;
}

/// What ends a wait.
enum class Event { tick, redraw, stop };

class View {
 public:
  View(const TopOptions& options, FactsReader reader, Signals signals)
      : options_(options),
        reader_(std::move(reader)),
        signals_(std::move(signals)),
        screen_(screen_from_environment()),
        terminal_(STDIN_FILENO, STDOUT_FILENO) {}

  Result<void> run() {
    // Read once before the screen is taken, so that a broken tree is told on an untouched terminal.
    auto now = reader_.read(std::chrono::system_clock::now());
    if (!now) return now.error();
    is_live_ = is_capable_terminal(STDOUT_FILENO);
    if (!is_live_) screen_ = {};
    if (is_live_) terminal_.enter();

    std::optional<Facts> before;
    auto due = Clock::now();
    for (std::uint64_t shown = 1;; ++shown) {
      due = std::max(due + options_.interval, Clock::now());
      Event event = Event::redraw;
      while (event == Event::redraw) {
        const auto written = show(*now, before ? &*before : nullptr);
        if (!written) return written.error();
        if (*written == Written::reader_gone) return {};
        if (*written == Written::all && shown == options_.count) return finish(*now, before ? &*before : nullptr);
        event = wait(due);
      }
      if (event == Event::stop) return {};
      before = *std::move(now);
      now = reader_.read(std::chrono::system_clock::now());
      if (!now) return now.error();
    }
  }

 private:
  Result<Written> show(const Facts& now, const Facts* before) {
    if (is_live_) {
      terminal_.measure(screen_);
      screen_.hint = "every " + interval_text(options_.interval) + (screen_.unicode ? " · " : ", ") + "q quits";
      return terminal_.show(render(now, before, screen_), signals_.fd());
    }
    return write_all(STDOUT_FILENO, render(now, before, screen_) + "\n", signals_.fd(), std::chrono::milliseconds(-1));
  }

  /// The alternate screen goes with all that was on it, so the last of a counted number of pictures is left behind.
  Result<void> finish(const Facts& now, const Facts* before) {
    if (!is_live_) return {};
    terminal_.leave();
    screen_.height = 0;
    screen_.hint.clear();
    const auto written =
        write_all(STDOUT_FILENO, render(now, before, screen_), signals_.fd(), std::chrono::milliseconds(-1));
    if (!written) return written.error();
    return {};
  }

  Event wait(Clock::time_point due) {
    for (;;) {
      std::array<pollfd, 2> fds = {{{signals_.fd(), POLLIN, 0}, {is_live_ ? terminal_.key_fd() : -1, POLLIN, 0}}};
      // Rounded up: to wake too early would be to wake twice.
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
      const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
      if (ready == 0 && Clock::now() >= due) return Event::tick;
      if (ready <= 0) continue;
      if (fds[1].revents != 0 && terminal_.take_quit_key()) return Event::stop;
      if (fds[0].revents == 0) continue;
      if (const auto event = take_signals()) return *event;
    }
  }

  std::optional<Event> take_signals() {
    std::optional<Event> event;
    while (const auto number = signals_.next()) {
      if (*number == SIGTSTP && is_live_) {
        terminal_.leave();
        raise(SIGSTOP);
        terminal_.enter();
        event = Event::redraw;
      } else if (*number == SIGWINCH) {
        event = Event::redraw;
      } else {
        return Event::stop;
      }
    }
    return event;
  }

  TopOptions options_;
  FactsReader reader_;
  Signals signals_;
  Screen screen_;
  Terminal terminal_;  // after signals_: it must be put back while they are still held
  bool is_live_ = false;
};

}  // namespace

int run_top(const TopOptions& options) {
  if (options.interval < shortest_interval) {
    return fail({Errc::invalid_argument, "the interval is " + interval_text(options.interval) + "; give " +
                                             interval_text(shortest_interval) + " or more"});
  }
  auto reader = FactsReader::open(options.procfs);
  if (!reader) return fail(reader.error());
  // Plain lines leave ^Z and the window's size to their defaults.
  auto signals = is_capable_terminal(STDOUT_FILENO) ? Signals::take({SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH})
                                                    : Signals::take({SIGINT, SIGTERM, SIGHUP});
  if (!signals) return fail(signals.error());
  Result<void> done;
  {
    View view(options, *std::move(reader), *std::move(signals));
    done = view.run();
  }
  return done ? 0 : fail(done.error());
}

}  // namespace sentinel::top
