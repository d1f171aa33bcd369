#include "sinks/webhook_snapshot/helper.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sinks/webhook_snapshot/helper_child.hpp"

namespace snapshot {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int most_lost = 4;

/// One helper's life: reads its frames until it ends, hangs, or time is up.
class Listening {
 public:
  Listening(int fd, std::vector<Answer>& answers, const std::function<void(std::size_t, std::string_view)>& take)
      : fd_(fd), answers_(answers), take_(take) {}

  enum class End { closed, silent, out_of_time };

  End listen(milliseconds patience, Clock::time_point deadline, const std::atomic<bool>& cancelled) {
    auto last_sign = Clock::now();
    for (;;) {
      const auto now = Clock::now();
      if (now >= deadline || cancelled.load()) return End::out_of_time;
      if (now - last_sign >= patience) return End::silent;
      const auto until = std::min({deadline, last_sign + patience, now + milliseconds(50)});
      pollfd waiting{fd_, POLLIN, 0};
      const auto left = std::chrono::ceil<milliseconds>(until - now).count();
      if (::poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
      const auto got = ::read(fd_, pending_ + used_, sizeof(pending_) - used_);
      if (got == 0) return End::closed;
      if (got < 0) {
        if (errno == EINTR || errno == EAGAIN) continue;
        return End::closed;
      }
      used_ += static_cast<std::size_t>(got);
      last_sign = Clock::now();
      take_frames();
    }
  }

  /// The question that was begun last and not ended.
  [[nodiscard]] std::size_t open_question() const { return open_; }
  static constexpr std::size_t none = SIZE_MAX;

 private:
  void take_frames() {
    std::size_t at = 0;
    while (used_ - at >= sizeof(Frame)) {
      Frame frame;
      std::memcpy(&frame, pending_ + at, sizeof(frame));
      const bool data = frame.kind == Frame::Kind::data;
      const std::size_t size = sizeof(frame) + (data ? frame.size : 0);
      if (used_ - at < size) break;
      if (frame.question < answers_.size()) take_frame(frame, pending_ + at + sizeof(frame));
      at += size;
    }
    std::memmove(pending_, pending_ + at, used_ - at);
    used_ -= at;
  }

  void take_frame(const Frame& frame, const char* bytes) {
    switch (frame.kind) {
      case Frame::Kind::begin:
        open_ = frame.question;
        break;
      case Frame::Kind::data:
        take_(frame.question, {bytes, frame.size});
        break;
      case Frame::Kind::end:
        answers_[frame.question] = {frame.size == 0 ? Answer::State::answered : Answer::State::failed,
                                    static_cast<int>(frame.size)};
        open_ = none;
        break;
    }
  }

  int fd_;
  std::vector<Answer>& answers_;
  const std::function<void(std::size_t, std::string_view)>& take_;
  std::size_t open_ = none;
  std::size_t used_ = 0;
  char pending_[16 * 1024];
};

}  // namespace

std::vector<Answer> ask(Children& children, const sentinel::procfs::Root& root, std::span<const Question> questions,
                        std::span<const std::uint64_t> inodes, milliseconds patience, Clock::time_point deadline,
                        const std::atomic<bool>& cancelled,
                        const std::function<void(std::size_t, std::string_view)>& take, std::string& problem) {
  std::vector<Answer> answers(questions.size());
  Work work{questions.data(), 0, questions.size(), inodes.data(), inodes.size()};
  for (int lost = 0; work.first < work.count && lost < most_lost && !cancelled.load(); ++lost) {
    auto child = children.start(&answer_questions, &work, root.fd());
    if (!child) {
      problem = child.error().message;
      break;
    }
    Listening listening(child->out.get(), answers, take);
    const auto end = listening.listen(patience, deadline, cancelled);
    children.end(child->pid);
    const auto open = listening.open_question();
    if (open != Listening::none) answers[open].state = Answer::State::hung;
    if (end != Listening::End::silent || open == Listening::none) break;
    work.first = open + 1;
  }
  return answers;
}

}  // namespace snapshot
