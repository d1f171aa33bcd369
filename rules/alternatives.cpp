#include "rules/alternatives.hpp"

namespace sentinel::rules {
namespace {

constexpr std::string_view meaningful = "\\.+*?()|[]{}^$";  // to RE2, where no backslash stands before it

/// `regex` without the parentheses around the whole of it, where they are one group.
std::string_view without_group(std::string_view regex) {
  if (regex.size() < 2 || regex.front() != '(' || regex.back() != ')') return regex;
  regex = regex.substr(1, regex.size() - 2);
  if (regex.starts_with("?:")) regex.remove_prefix(2);
  return regex;
}

}  // namespace

std::optional<std::vector<std::string>> literal_alternatives(std::string_view regex) {
  std::vector<std::string> texts(1);
  regex = without_group(regex);
  for (std::size_t i = 0; i < regex.size(); ++i) {
    if (regex[i] == '|') {
      texts.emplace_back();
    } else if (regex[i] == '\\' && i + 1 < regex.size() && meaningful.find(regex[i + 1]) != std::string_view::npos) {
      texts.back() += regex[++i];
    } else if (meaningful.find(regex[i]) != std::string_view::npos) {
      return std::nullopt;
    } else {
      texts.back() += regex[i];
    }
  }
  return texts;
}

}  // namespace sentinel::rules
