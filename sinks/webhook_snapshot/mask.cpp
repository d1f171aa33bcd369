#include "sinks/webhook_snapshot/mask.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

constexpr std::array<std::string_view, 18> telling_words = {
    "passwd",     "password",   "passphrase",  "passwort",    "secret",     "token", "apikey", "api_key", "api-key",
    "access_key", "access-key", "private_key", "private-key", "credential", "auth",  "bearer", "cookie",  "pwd"};
/// Short ones, which only tell as a word of their own: "--pass", "DB_PASS", "key=", "-Dsome.key=".
constexpr std::array<std::string_view, 6> telling_parts = {"pass", "key", "pw", "sig", "signature", "sas"};
constexpr std::array<std::string_view, 14> token_beginnings = {"ghp_",  "gho_",  "ghs_",     "github_pat_", "glpat-",
                                                               "xoxb-", "xoxp-", "sk_live_", "rk_live_",    "AKIA",
                                                               "ASIA",  "eyJ",   "hvs.",     "sk-"};

constexpr std::size_t longest = 4096;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// Whether a name, of an option or a variable, is that of a secret; files that hold one are not.
bool tells(std::string_view name) {
  const auto text = lower(name);
  for (const auto* harmless : {"file", "path", "author", "keyring", "keystore", "keyspace"}) {
    if (text.ends_with(harmless)) return false;
  }
  for (const auto word : telling_words) {
    if (text.find(word) != std::string::npos) return true;
  }
  for (const auto part : telling_parts) {
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
      const bool begins = at == 0 || !is_letter_or_digit(text[at - 1]);
      const bool ends = at + part.size() == text.size() || !is_letter_or_digit(text[at + part.size()]);
      if (begins && ends) return true;
    }
  }
  return false;
}

bool is_token_char(char c) {
  return is_letter_or_digit(c) || c == '+' || c == '/' || c == '_' || c == '-' || c == '=' || c == '.';
}

/// Long, and of letters and digits mixed, as hexadecimal and base64 are; a path or a word is not.
bool looks_random(std::string_view text) {
  constexpr std::size_t shortest = 20;
  if (text.size() < shortest || text.front() == '/' || text.front() == '.') return false;
  bool digit = false;
  bool letter = false;
  for (const char c : text) {
    if (!is_token_char(c)) return false;
    digit = digit || (c >= '0' && c <= '9');
    letter = letter || !(c >= '0' && c <= '9');
  }
  return digit && letter;
}

bool begins_token(std::string_view text) {
  return std::any_of(token_beginnings.begin(), token_beginnings.end(), [&](std::string_view beginning) {
    return text.starts_with(beginning) && text.size() >= beginning.size() + 8;
  });
}

/// scheme://user:password@host: what stands between "//" and the last '@' before the path.
void mask_urls(std::string& text) {
  for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const auto begin = at + 3;
    const auto end = std::min(text.find_first_of("/?# \t\"'", begin), text.size());
    const auto sign = text.rfind('@', end);
    if (sign == std::string::npos || sign < begin || sign >= end) continue;
    text.replace(begin, sign - begin, masked);
  }
}

/// "name=value" and "name: value" within an argument, however deep: queries of URLs, JSON, connection strings.
void mask_pairs(std::string& text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '=' && text[at] != ':') continue;
    if (text[at] == ':' && text.compare(at, 3, "://") == 0) continue;
    std::size_t name_end = at;
    while (name_end > 0 && (text[name_end - 1] == '"' || text[name_end - 1] == '\'' || text[name_end - 1] == ' '))
      --name_end;
    std::size_t name_begin = name_end;
    while (name_begin > 0 && (is_letter_or_digit(text[name_begin - 1]) || text[name_begin - 1] == '_' ||
                              text[name_begin - 1] == '-' || text[name_begin - 1] == '.')) {
      --name_begin;
    }
    if (name_begin == name_end || !tells(std::string_view(text).substr(name_begin, name_end - name_begin))) continue;
    std::size_t begin = at + 1;
    while (begin < text.size() && (text[begin] == ' ' || text[begin] == '"' || text[begin] == '\'')) ++begin;
    const char quote = begin > 0 && (text[begin - 1] == '"' || text[begin - 1] == '\'') ? text[begin - 1] : '\0';
    // A header's value goes to the end of the argument: "Authorization: Bearer …".
    std::size_t end = quote != '\0'     ? text.find(quote, begin)
                      : text[at] == ':' ? text.find_first_of(",}", begin)
                                        : text.find_first_of("&;, ", begin);
    // A variable of the command line ("PASSWORD=a b" in one argument) is its whole rest.
    if (quote == '\0' && text[at] == '=' && name_begin == 0) end = text.size();
    end = std::min(end, text.size());
    if (end <= begin) continue;
    text.replace(begin, end - begin, masked);
    at = begin + masked.size() - 1;
  }
}

void mask_tokens(std::string& text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (at > 0 && is_letter_or_digit(text[at - 1])) continue;
    if (!begins_token(std::string_view(text).substr(at))) continue;
    std::size_t end = at;
    while (end < text.size() && is_token_char(text[end])) ++end;
    text.replace(at, end - at, masked);
    at += masked.size() - 1;
  }
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::vector<std::string> split(std::string_view cmdline) {
  std::vector<std::string> arguments;
  while (!cmdline.empty()) {
    const auto end = std::min(cmdline.find('\0'), cmdline.size());
    arguments.emplace_back(cmdline.substr(0, end));
    cmdline.remove_prefix(std::min(end + 1, cmdline.size()));
  }
  return arguments;
}

/// Options of well-known programs whose letters tell nothing: mysql -pSECRET, curl -u user:secret, sshpass -p secret.
bool mask_known(std::string_view program, std::string& argument, bool& next) {
  const bool mysql = program.starts_with("mysql") || program.starts_with("mariadb");
  if (mysql && argument.size() > 2 && argument.starts_with("-p")) {
    argument = "-p" + std::string(masked);
    return true;
  }
  const bool user = program == "curl" || program == "wget";
  if (user && (argument == "-u" || argument == "--user" || argument == "-U" || argument == "--proxy-user")) next = true;
  if (user && argument.starts_with("-u") && argument.size() > 2) {
    argument = "-u" + std::string(masked);
    return true;
  }
  if ((program == "sshpass" || program == "redis-cli" || program == "htpasswd") &&
      (argument == "-p" || argument == "-a"))
    next = true;
  if (program == "sshpass" && argument.starts_with("-p") && argument.size() > 2) {
    argument = "-p" + std::string(masked);
    return true;
  }
  return false;
}

}  // namespace

std::string mask_cmdline(std::string_view cmdline) {
  auto arguments = split(cmdline);
  // A process may write its own title over its arguments: then it is one text with blanks.
  if (arguments.size() == 1 && arguments[0].find(' ') != std::string::npos) {
    std::string spaced = arguments[0];
    std::replace(spaced.begin(), spaced.end(), ' ', '\0');
    arguments = split(spaced);
  }
  const std::string program(arguments.empty() ? std::string_view() : base_name(arguments[0]));
  bool next_is_secret = false;
  bool after_telling_word = false;
  std::string out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto& argument = arguments[i];
    const bool secret = std::exchange(next_is_secret, false) && !argument.starts_with("--");
    const bool telling = std::exchange(after_telling_word, false);
    const bool option = argument.starts_with('-');
    const bool bare = argument.find_first_of("=: ") == std::string::npos;
    if (i > 0 && (secret || (telling && looks_random(argument)))) {
      argument = masked;
    } else if (i > 0 && !mask_known(program, argument, next_is_secret)) {
      if (bare && tells(argument)) (option ? next_is_secret : after_telling_word) = true;
      mask_urls(argument);
      mask_pairs(argument);
      mask_tokens(argument);
    }
    if (!out.empty()) out += ' ';
    out += argument;
    if (out.size() > longest) break;
  }
  return clean(out, longest);
}

}  // namespace snapshot
