#pragma once

#include <cstddef>
#include <vector>

namespace sentinel::procfs {

/// Memory that whole-file reads reuse: it grows to the largest file that it has held, then reads allocate nothing.
/// One buffer serves one thread at a time, and one text: the next read into it ends the view that the last one gave.
class Buffer {
 public:
  static constexpr std::size_t default_limit_bytes = std::size_t{256} << 20;

  /// A file of `limit_bytes` or more is refused.
  explicit Buffer(std::size_t limit_bytes = default_limit_bytes) : limit_bytes_(limit_bytes) {}

  [[nodiscard]] std::size_t limit_bytes() const noexcept { return limit_bytes_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return bytes_.size(); }
  [[nodiscard]] char* data() noexcept { return bytes_.data(); }

  /// Doubles the capacity, at least to one page, at most to the limit; false when it stands at the limit already.
  bool grow();

 private:
  std::vector<char> bytes_;
  std::size_t limit_bytes_;
};

}  // namespace sentinel::procfs
