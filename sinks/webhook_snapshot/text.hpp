#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Texts for people and for machines. What comes from outside (a process' name, a webhook's body) passes one of these
/// on its way into a file. Any thread.
namespace snapshot {

/// Valid UTF-8 without control characters: a broken sequence becomes U+FFFD, a control character a space. At most
/// `longest` bytes, with an ellipsis when something is left out.
std::string clean(std::string_view text, std::size_t longest = 4096);

/// As code in Markdown, inside a table too: nothing in it is markup.
std::string code(std::string_view text, std::size_t longest = 200);
/// As plain text in Markdown, inside a table too.
std::string plain(std::string_view text, std::size_t longest = 1000);

std::string xml(std::string_view text);
/// A field of a tab-separated line: backslash, tab, newline and other control bytes as \\ \t \n \xNN.
std::string tab_field(std::string_view text);
/// Appends a field of a CSV line (RFC 4180), in quotes when it must be.
void csv_field(std::string& out, std::string_view text);

/// What may stand in a file's name: everything but [A-Za-z0-9_-] becomes '_'; 1 to 64 characters.
std::string path_part(std::string_view text);
/// 16 lower-case hexadecimal digits, and back.
std::string hex(std::uint64_t number);
std::optional<std::uint64_t> unhex(std::string_view digits);

std::string human_bytes(std::uint64_t bytes);                 ///< "3.1 GiB"
std::string human_seconds(double seconds);                    ///< "850 ms", "12.4 s", "3 m 5 s", "2 h 3 m", "4 d 2 h"
std::string human_number(double number);                      ///< up to six significant digits: "0.25", "81.4", "inf"
std::string exact_number(double number);                      ///< the shortest text that reads back as the same number
std::string percent(double part, double whole);               ///< "78 %"; "–" of nothing
std::string quantity(double value, std::string_view metric);  ///< by the metric's name: bytes, seconds, ratios, numbers

/// Nanoseconds since the epoch as RFC 3339 in UTC, to the millisecond: "2024-05-06T07:08:09.123Z".
std::string rfc3339(std::int64_t unix_ns);
/// The same to be read: "2024-05-06 07:08:09 UTC".
std::string readable_time(std::int64_t unix_ns);
/// As in a snapshot's name: "20240506T070809Z".
std::string compact_time(std::int64_t unix_ns);
/// The reverse of rfc3339() for any offset and up to nine decimals; nothing for what is no time.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);
std::optional<std::int64_t> parse_compact_time(std::string_view text);

/// JSON, written from front to back, indented for files or on one line for answers. Keys and values are cleaned.
class JsonText {
 public:
  enum class Style { indented, compact };
  explicit JsonText(Style style = Style::indented) : indented_(style == Style::indented) {}

  JsonText& object(std::string_view key = {}) { return open(key, '{'); }
  JsonText& array(std::string_view key = {}) { return open(key, '['); }
  JsonText& end();
  JsonText& text(std::string_view key, std::string_view value);
  JsonText& number(std::string_view key, double value);  ///< null for what is not finite
  JsonText& integer(std::string_view key, std::int64_t value);
  JsonText& boolean(std::string_view key, bool value);
  JsonText& null(std::string_view key);

  [[nodiscard]] std::string take() { return std::move(out_ += '\n'); }

 private:
  JsonText& open(std::string_view key, char bracket);
  void begin(std::string_view key);
  void new_line();
  void quoted(std::string_view text);

  bool indented_;
  std::string out_;
  std::vector<char> closing_;
  bool first_ = true;
};

}  // namespace snapshot
