#pragma once

#include <cstddef>
#include <cstdint>
#include <sentinel/result.hpp>
#include <string_view>

namespace sentinel::procfs {

// Reading kernel text from front to back: each take_… cuts what it read off the front of `rest`. False means that what
// was asked for is not there; `rest` is then unspecified. Nothing here allocates but the two errors at the end.

/// The next whole line, without its newline. What follows the last newline is no line: the kernel ends each with one,
/// so the file was cut there, and a number at the cut would be a wrong number.
bool take_line(std::string_view& rest, std::string_view& line) noexcept;

/// Cuts off blanks and tabs.
void skip_blanks(std::string_view& rest) noexcept;

/// Cuts off `expected`, and nothing else.
bool take_char(std::string_view& rest, char expected) noexcept;

/// Blanks, then the bytes up to the next blank or the end; false when there are none.
bool take_word(std::string_view& rest, std::string_view& word) noexcept;

/// Digits alone, at least one; false beyond 64 bits.
bool take_digits(std::string_view& rest, std::uint64_t& value) noexcept;

/// Blanks, then an unsigned number that a blank or the end follows.
bool take_u64(std::string_view& rest, std::uint64_t& value) noexcept;

/// Blanks, then hexadecimal digits of either case without a prefix, then a blank or the end; false beyond 64 bits.
bool take_hex(std::string_view& rest, std::uint64_t& value) noexcept;

/// As take_u64(), with an optional minus.
bool take_i64(std::string_view& rest, std::int64_t& value) noexcept;

/// Blanks, then digits, a dot, digits ("0.07"), then a blank or the end.
bool take_decimal(std::string_view& rest, double& value) noexcept;

/// invalid_argument: the file's line is not what the kernel prints. `got` is quoted, shortened, escaped.
Error malformed(std::string_view file, std::string_view expected, std::string_view got);

/// invalid_argument: a line that the kernel always prints is not there.
Error missing(std::string_view file, std::string_view line);

/// invalid_argument: `rest`, which follows the last newline, is the beginning of a line.
Error cut(std::string_view file, std::string_view rest);

}  // namespace sentinel::procfs
