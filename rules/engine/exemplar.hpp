#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sentinel/abi.h>

#include "rules/engine/alert.hpp"

namespace sentinel::rules {

/// The context of one event, copied without an allocation but for the first stack and the first long texts. Packed, for
/// each event of a group writes it: texts lie one behind the other, each cut between characters where it is longer than
/// any that a kernel or a container engine gives.
class Exemplar {
 public:
  void assign(const sentinel_record& record, std::uint64_t pane);
  [[nodiscard]] std::uint64_t pane() const { return pane_; }
  [[nodiscard]] std::uint64_t time_ns() const { return time_ns_; }
  [[nodiscard]] bool has_stack() const { return !stack_.empty(); }
  [[nodiscard]] Context context() const;

 private:
  static constexpr std::size_t longest_comm = 48;
  static constexpr std::size_t longest_container_id = 80;
  static constexpr std::size_t longest_exe = 512;
  static constexpr std::size_t longest_pod = 320;
  static constexpr std::size_t longest_symbol = 160;

  std::uint64_t pane_ = 0;
  std::uint64_t time_ns_ = 0;
  std::uint64_t start_time_ns_ = 0;
  std::uint64_t cgroup_id_ = 0;
  std::uint32_t pid_ = 0;
  std::uint32_t tid_ = 0;
  std::uint32_t ppid_ = 0;
  std::uint8_t comm_size_ = 0;
  std::uint8_t parent_comm_size_ = 0;
  std::uint8_t container_id_size_ = 0;
  std::array<char, 2 * longest_comm + longest_container_id> texts_{};
  std::vector<std::uint64_t> stack_;
  std::uint16_t exe_size_ = 0;
  std::uint16_t pod_size_ = 0;
  bool has_symbols_ = false;
  std::string long_texts_;  // executable, pod, then the symbols, each ended by a zero byte
};

/// The newest event of a group that has a stack, or else the newest; and that of the pane before that one's: when a
/// window is closed, events of the next pane have come already.
class Exemplars {
 public:
  void add(const sentinel_record& record, std::uint64_t pane);
  /// The event of the window's newest pane that ends with pane `end`, as far as it is kept; null when there is none.
  [[nodiscard]] const Exemplar* newest_until(std::uint64_t end) const;

 private:
  Exemplar newest_;
  Exemplar before_;
};

}  // namespace sentinel::rules
