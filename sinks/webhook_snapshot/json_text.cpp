#include <cmath>

#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {

JsonText& JsonText::open(std::string_view key, char bracket) {
  begin(key);
  out_ += bracket;
  closing_.push_back(bracket == '{' ? '}' : ']');
  first_ = true;
  return *this;
}

JsonText& JsonText::end() {
  const char bracket = closing_.back();
  closing_.pop_back();
  if (!first_) new_line();
  out_ += bracket;
  first_ = false;
  return *this;
}

void JsonText::begin(std::string_view key) {
  if (!closing_.empty()) {
    if (!first_) out_ += ',';
    new_line();
  }
  first_ = false;
  if (key.empty()) return;
  quoted(key);
  out_ += indented_ ? ": " : ":";
}

void JsonText::new_line() {
  if (!indented_) return;
  out_ += '\n';
  out_.append(2 * closing_.size(), ' ');
}

void JsonText::quoted(std::string_view text) {
  out_ += '"';
  for (const char c : clean(text, 64 * 1024)) {
    if (c == '"' || c == '\\') out_ += '\\';
    out_ += c;
  }
  out_ += '"';
}

JsonText& JsonText::text(std::string_view key, std::string_view value) {
  begin(key);
  quoted(value);
  return *this;
}
JsonText& JsonText::number(std::string_view key, double value) {
  begin(key);
  out_ += std::isfinite(value) ? exact_number(value) : "null";
  return *this;
}
JsonText& JsonText::integer(std::string_view key, std::int64_t value) {
  begin(key);
  out_ += std::to_string(value);
  return *this;
}
JsonText& JsonText::boolean(std::string_view key, bool value) {
  begin(key);
  out_ += value ? "true" : "false";
  return *this;
}
JsonText& JsonText::null(std::string_view key) {
  begin(key);
  out_ += "null";
  return *this;
}

}  // namespace snapshot
