#include "core/config/variables.hpp"

#include <unistd.h>

#include <optional>
#include <utility>

#include "core/config/file.hpp"
#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

constexpr std::size_t longest_text_bytes = 64U << 10U;

bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9');
}

bool is_clean(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

const std::string* find(const Scope& scope, std::string_view name) {
  if (const auto found = scope.env_file.find(name); found != scope.env_file.end()) return &found->second;
  if (const auto found = scope.environment.find(name); found != scope.environment.end()) return &found->second;
  return nullptr;
}

std::vector<std::string> known_names(const Scope& scope) {
  std::vector<std::string> names;
  for (const auto& [name, value] : scope.env_file) names.push_back(name);
  return names;
}

/// The value of what stands between `${` and `}`.
std::optional<std::string> evaluate(std::string_view inside, const Scope& scope, const Where& where,
                                    std::vector<Diagnostic>& diagnostics) {
  const auto name = inside.substr(0, inside.find(':'));
  const auto rest = inside.substr(name.size());
  if (!is_variable_name(name) || (!rest.empty() && rest.substr(0, 2) != ":-")) {
    add_error(diagnostics, where,
              quote("${" + std::string(inside) + "}") +
                  " is no variable; write ${NAME} or ${NAME:-default}, or $${ for a plain ${");
    return std::nullopt;
  }
  if (rest.find("${") != std::string_view::npos) {
    add_error(diagnostics, where, "the default of ${" + std::string(name) + "} cannot hold another variable");
    return std::nullopt;
  }
  const std::string* value = find(scope, name);
  if (!rest.empty() && (value == nullptr || value->empty())) return std::string(rest.substr(2));
  if (value == nullptr) {
    const std::string file =
        scope.env_file_path.empty() ? std::string() : " in " + scope.env_file_path.string() + " or";
    add_error(diagnostics, where,
              "${" + std::string(name) + "} is not set" + did_you_mean(name, known_names(scope)) + "; set it" + file +
                  " in the environment, or give a default as in ${" + std::string(name) + ":-value}");
    return std::nullopt;
  }
  if (!is_clean(*value)) {
    add_error(diagnostics, where, "the value of ${" + std::string(name) + "} is not valid UTF-8");
    return std::nullopt;
  }
  return *value;
}

/// The text with its variables put in; nothing after a mistake.
std::optional<std::string> expand_text(const Value& value, const Scope& scope, std::vector<Diagnostic>& diagnostics) {
  std::string_view rest = value.text;
  std::string out;
  while (!rest.empty()) {
    const auto dollar = std::min(rest.find('$'), rest.size());
    out += rest.substr(0, dollar);
    rest.remove_prefix(dollar);
    if (rest.substr(0, 2) == "$$") {
      out += '$';
      rest.remove_prefix(2);
    } else if (rest.substr(0, 2) == "${") {
      const auto end = rest.find('}');
      if (end == std::string_view::npos) {
        add_error(diagnostics, value.where, "the } after " + quote(rest) + " is missing; write $${ for a plain ${");
        return std::nullopt;
      }
      const auto replaced = evaluate(rest.substr(2, end - 2), scope, value.where, diagnostics);
      if (!replaced) return std::nullopt;
      out += *replaced;
      rest.remove_prefix(end + 1);
    } else if (!rest.empty()) {
      out += '$';
      rest.remove_prefix(1);
    }
    if (out.size() > longest_text_bytes) {
      add_error(diagnostics, value.where, "with its variables put in, this text is longer than 64 KiB");
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace

Variables process_environment() {
  Variables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

bool is_variable_name(std::string_view text) {
  if (text.empty() || !is_name_start(text.front())) return false;
  for (const char c : text) {
    if (!is_name_part(c)) return false;
  }
  return true;
}

void expand(Value& value, Scope& scope, std::vector<Diagnostic>& diagnostics) {
  if (value.kind == Value::Kind::scalar && value.text.find('$') != std::string::npos) {
    auto text = expand_text(value, scope, diagnostics);
    if (text && text->size() > scope.budget) {
      add_error(diagnostics, value.where, "with their variables put in, the texts are longer than 16 MiB");
      text.reset();
    }
    value.broken = !text;
    if (text) {
      scope.budget -= text->size();
      if (*text != value.text) value.source = {};
      value.text = std::move(*text);
    }
  }
  for (auto& item : value.items) expand(item, scope, diagnostics);
}

}  // namespace sentinel::config
