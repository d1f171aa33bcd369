#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sentinel/abi.h>

namespace sentinel::rules {

/// What a recording begins with; see Recorder for the rest of the format.
inline constexpr std::string_view recording_magic = "SNTLREC2";
/// Of the version before, which is read still.
inline constexpr std::string_view recording_magic_1 = "SNTLREC1";

enum class FrameType : std::uint8_t { metric = 1, series = 2, collection = 3, lost = 4, advance = 5 };

/// Builds one frame after the other in one buffer.
class FrameWriter {
 public:
  void begin(FrameType type);
  void u8(std::uint8_t number) { bytes_.push_back(static_cast<char>(number)); }
  void u32(std::uint32_t number);
  void u64(std::uint64_t number);
  void f64(double number);
  void text(std::string_view text);
  /// An event without its metric.
  void event(const sentinel_record& record, const sentinel_string* labels, std::uint32_t label_count);
  /// The whole frame; valid until the next begin().
  [[nodiscard]] std::string_view end();

 private:
  std::string bytes_;
};

/// Takes a recording apart. After anything that does not fit, ok() is false and every number 0, every text empty.
class FrameReader {
 public:
  explicit FrameReader(std::string_view bytes, std::size_t offset = 0) : bytes_(bytes), begin_(offset) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  /// Byte of the file.
  [[nodiscard]] std::size_t offset() const { return begin_ + at_; }
  std::uint8_t u8();
  std::uint32_t u32();
  std::uint64_t u64();
  double f64();
  /// Valid UTF-8 without control characters.
  std::string_view text();
  std::string_view take(std::size_t size);
  /// A number of things that take at least `each` bytes.
  std::uint32_t count(std::size_t each);
  void fail() { ok_ = false; }

 private:
  std::string_view bytes_;
  std::size_t begin_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace sentinel::rules
