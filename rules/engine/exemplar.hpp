#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <sentinel/abi.h>

#include "rules/engine/alert.hpp"

namespace sentinel::rules {

/// Text of at most N bytes in place; longer text is cut between characters.
template <std::size_t N>
class ShortText {
 public:
  void assign(std::string_view text) {
    size_ = text.size();
    if (size_ > N) {
      size_ = N;
      while (size_ > 0 && (static_cast<unsigned char>(text[size_]) & 0xc0U) == 0x80U) --size_;
    }
    text.copy(bytes_.data(), size_);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, N> bytes_{};
  std::size_t size_ = 0;
};

/// The context of one event, copied without an allocation but for the first stack.
class Exemplar {
 public:
  void assign(const sentinel_record& record, std::uint64_t pane);
  [[nodiscard]] std::uint64_t pane() const { return pane_; }
  [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }
  [[nodiscard]] Context context() const;

 private:
  std::uint64_t pane_ = 0;
  std::uint64_t time_ns_ = 0;
  std::uint32_t pid_ = 0;
  std::uint32_t tid_ = 0;
  std::uint32_t ppid_ = 0;
  std::uint64_t start_time_ns_ = 0;
  std::uint64_t cgroup_id_ = 0;
  ShortText<64> comm_;
  ShortText<64> parent_comm_;
  ShortText<128> container_id_;
  std::vector<std::uint64_t> stack_;
};

/// The newest event of a group, and the newest of the pane before that one's: when a window is closed, events of the
/// next pane have come already.
class Exemplars {
 public:
  void add(const sentinel_record& record, std::uint64_t pane);
  /// The newest event of the window that ends with pane `end`, as far as it is kept; null when there is none.
  [[nodiscard]] const Exemplar* newest_until(std::uint64_t end) const;

 private:
  Exemplar newest_;
  Exemplar before_;
};

}  // namespace sentinel::rules
