#include "core/http/target.hpp"

#include <algorithm>

#include "core/http/message.hpp"

namespace sentinel::http {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
      const char c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      if (c == '\0') return std::nullopt;
      out += c;
      i += 2;
    }
  }
  return out;
}

std::optional<Target> parse_target(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '#'; })) {
    return std::nullopt;
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.size() > scheme.size() && same_name(text.substr(0, scheme.size()), scheme)) {
      text.remove_prefix(scheme.size());
      const std::size_t authority = std::min(text.find_first_of("/?"), text.size());
      if (authority == 0) return std::nullopt;
      text.remove_prefix(authority);
      if (text.empty()) return Target{"/", ""};
      if (text.front() == '?') return Target{"/", std::string(text.substr(1))};
      break;
    }
  }
  if (text.empty() || text.front() != '/') return std::nullopt;
  const std::size_t question = text.find('?');
  auto path = decode(text.substr(0, question), Plus::is_plus);
  if (!path) return std::nullopt;
  return Target{std::move(*path), question == text.npos ? std::string() : std::string(text.substr(question + 1))};
}

}  // namespace sentinel::http
