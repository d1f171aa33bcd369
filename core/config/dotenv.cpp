#include "core/config/dotenv.hpp"

#include <map>
#include <optional>

#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// The value of a line, or why it is none.
struct Read {
  std::string value;
  std::string mistake;
};

/// What may follow a closing quote: nothing, or a comment.
bool is_tail(std::string_view text) {
  const auto rest = trim(text);
  return rest.empty() || (rest.front() == '#' && rest.data() != text.data());
}

Read read_single_quoted(std::string_view text) {
  const auto end = text.find('\'', 1);
  if (end == std::string_view::npos) return {{}, "the closing ' is missing"};
  if (!is_tail(text.substr(end + 1))) return {{}, "text follows the closing '"};
  return {std::string(text.substr(1, end - 1)), {}};
}

Read read_double_quoted(std::string_view text) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      if (!is_tail(text.substr(i + 1))) return {{}, "text follows the closing \""};
      return {value, {}};
    }
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    if (++i == text.size()) break;
    switch (text[i]) {
      case 'n':
        value += '\n';
        break;
      case 't':
        value += '\t';
        break;
      case 'r':
        value += '\r';
        break;
      case '"':
      case '\\':
      case '$':
        value += text[i];
        break;
      default:
        value += '\\';
        value += text[i];
    }
  }
  return {{}, "the closing \" is missing"};
}

Read read_value(std::string_view text) {
  if (!text.empty() && text.front() == '\'') return read_single_quoted(text);
  if (!text.empty() && text.front() == '"') return read_double_quoted(text);
  if (!text.empty() && text.front() == '#') return {};
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '#' && (text[i - 1] == ' ' || text[i - 1] == '\t'))
      return {std::string(trim(text.substr(0, i))), {}};
  }
  return {std::string(text), {}};
}

std::string_view without_export(std::string_view line) {
  constexpr std::string_view word = "export";
  if (line.substr(0, word.size()) != word || line.size() == word.size()) return line;
  if (blanks.find(line[word.size()]) == std::string_view::npos) return line;
  return trim(line.substr(word.size()));
}

}  // namespace

Variables parse_dotenv(std::string_view text, const std::string& file, std::vector<Diagnostic>& diagnostics) {
  Variables variables;
  std::map<std::string, int, std::less<>> first_lines;
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  int number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = std::min(text.find('\n'), text.size());
    const auto whole = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto line = trim(whole);
    if (line.empty() || line.front() == '#') continue;
    const Where where{file, number, static_cast<int>(line.data() - whole.data()) + 1};
    const auto assignment = without_export(line);
    const auto equals = assignment.find('=');
    // What stands here may be a secret, so a message never repeats the line.
    if (equals == std::string_view::npos) {
      add_error(diagnostics, where, "this line has no =; write NAME=value");
      continue;
    }
    const auto name = trim(assignment.substr(0, equals));
    if (!is_variable_name(name)) {
      add_error(diagnostics, where, "before the = must stand a name of letters, digits and _, as in NAME=value");
      continue;
    }
    auto read = read_value(trim(assignment.substr(equals + 1)));
    if (!read.mistake.empty()) {
      add_error(diagnostics, where, std::string(name) + ": " + read.mistake);
      continue;
    }
    const auto [first, is_new] = first_lines.emplace(name, number);
    if (!is_new) {
      add_warning(
          diagnostics, where,
          std::string(name) + " is also set in line " + std::to_string(first->second) + "; the later one counts");
    }
    variables.insert_or_assign(std::string(name), std::move(read.value));
  }
  return variables;
}

}  // namespace sentinel::config
