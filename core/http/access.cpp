#include "core/http/access.hpp"

#include <algorithm>
#include <array>

namespace sentinel::http {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool is_known(const std::string& host, const Caller& caller, const std::vector<std::string>& known_hosts) {
  constexpr std::array<std::string_view, 3> always = {"localhost", "127.0.0.1", "::1"};
  if (host.empty()) return false;
  return std::find(always.begin(), always.end(), host) != always.end() || host == caller.local_address ||
         std::any_of(known_hosts.begin(), known_hosts.end(),
                     [&](const std::string& each) { return host == lower(each); });
}

/// The host of an Origin header ("https://page.example:8443"); "null" stays what it is, and is no known host.
std::string origin_host(std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  return bare_host(scheme == origin.npos ? origin : origin.substr(scheme + 3));
}

bool says_json(const Request& request) {
  std::string_view type = request.header("content-type");
  type = type.substr(0, type.find_first_of("; \t"));
  return same_name(type, "application/json");
}

}  // namespace

std::string bare_host(std::string_view host_header) {
  if (!host_header.empty() && host_header.front() == '[') {
    const std::size_t end = host_header.find(']');
    return end == host_header.npos ? std::string() : lower(host_header.substr(1, end - 1));
  }
  std::string host = lower(host_header.substr(0, host_header.find(':')));
  if (!host.empty() && host.back() == '.') host.pop_back();
  return host;
}

bool is_forwarded(const Request& request) {
  for (const std::string_view name : {"forwarded", "x-forwarded-for", "x-real-ip", "via"}) {
    if (!request.header(name).empty()) return true;
  }
  return false;
}

bool is_write(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

std::optional<Response> refusal(const Request& request, Access access, const Caller& caller,
                                const std::vector<std::string>& known_hosts) {
  if (request.via != Via::unix_socket) {
    const bool trusted = caller.authenticated || request.via == Via::tcp_loopback;
    if (access == Access::guarded && !trusted) {
      return Response::text(403,
                            "Not from here: this path answers loopback and the agent's unix socket; for other "
                            "machines set agent.web_config with users or client certificates.");
    }
    const bool needs_host = is_write(request.method) || (access == Access::guarded && !caller.authenticated);
    if (needs_host && !is_known(bare_host(request.host), caller, known_hosts)) {
      return Response::text(421,
                            "The Host header names no address of this agent; ask for it as localhost or by the "
                            "address that it listens on.");
    }
  }
  const std::string_view origin = request.header("origin");
  if (is_write(request.method) && !origin.empty() && !is_known(origin_host(origin), caller, known_hosts)) {
    return Response::text(403, "A web page of another origin may not do this.");
  }
  if (is_write(request.method) && !says_json(request)) {
    return Response::text(415, "The body must be JSON and say so: Content-Type: application/json.");
  }
  return std::nullopt;
}

std::optional<Response> body_refusal(const Request& request) {
  if (!is_write(request.method)) return std::nullopt;
  constexpr std::string_view space = " \t\r\n";
  const std::string_view body = request.body;
  const std::size_t first = body.find_first_not_of(space);
  if (first == body.npos) return std::nullopt;
  const std::size_t last = body.find_last_not_of(space);
  const char open = body[first];
  if (open != '{' && open != '[') {
    return Response::text(400, "The body is no JSON object or array: it begins with another character, at byte " +
                                   std::to_string(first) + ".");
  }
  const char close = open == '{' ? '}' : ']';
  if (body[last] == close) return std::nullopt;
  return Response::text(400, "The body is no JSON that is whole: it ends without " + std::string(1, close) +
                                 ", after byte " + std::to_string(last) + ".");
}

}  // namespace sentinel::http
