#pragma once

#include <cstddef>
#include <cstdint>

#include "sinks/webhook_snapshot/helper.hpp"

namespace snapshot {

/// What goes through the helper's pipe: a frame, and `size` bytes after one of data.
struct Frame {
  enum class Kind : std::uint32_t { begin, data, end };
  Kind kind = Kind::begin;
  std::uint32_t question = 0;
  std::uint32_t size = 0;  ///< of an end: errno, 0 when it was answered
};

struct Work {
  const Question* questions;
  std::size_t first;
  std::size_t count;
  const std::uint64_t* inodes;
  std::size_t inode_count;
};

/// Answers questions `first` to the last of a Work, beneath the directory that descriptor 3 is. Runs in a process that
/// was forked from one with many threads: calls async-signal-safe functions alone (signal-safety(7)), allocates
/// nothing.
void answer_questions(void* work, int out);

}  // namespace snapshot
