#include "core/http/message.hpp"

#include <algorithm>

#include "core/http/target.hpp"

namespace sentinel::http {

namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view find(const std::vector<Field>& fields, std::string_view name) {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return same_name(f.name, name); });
  return it == fields.end() ? std::string_view() : std::string_view(it->value);
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Request::header(std::string_view name) const {
  return find(headers, name);
}

std::string_view Request::param(std::string_view name) const {
  return find(params, name);
}

std::string Request::query_value(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = pair.find('=');
    const auto key = decode(pair.substr(0, equals), Plus::is_space);
    if (!key || *key != name) continue;
    return equals == pair.npos ? std::string() : decode(pair.substr(equals + 1), Plus::is_space).value_or("");
  }
  return {};
}

std::string_view Response::header(std::string_view name) const {
  return find(headers, name);
}

Response Response::text(int status, std::string_view sentence) {
  Response response;
  response.status = status;
  response.body.reserve(sentence.size() + 1);
  response.body += sentence;
  response.body += '\n';
  return response;
}

Response Response::json(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

}  // namespace sentinel::http
