#include "core/http/respond.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <chrono>
#include <cstdio>

#include "core/http/encoding.hpp"

namespace sentinel::http {

namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.find(c) != others.npos;
  });
}

void add_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (const char c : value) head += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  head += "\r\n";
}

bool is_server_owned(std::string_view name) {
  constexpr std::array<std::string_view, 6> owned = {"content-length", "content-type", "transfer-encoding",
                                                     "connection",     "date",         "x-content-type-options"};
  return std::any_of(owned.begin(), owned.end(), [&](std::string_view each) { return same_name(each, name); });
}

}  // namespace

std::string joined(const std::vector<Field>& headers, std::string_view name) {
  std::string all;
  for (const Field& field : headers) {
    if (!same_name(field.name, name)) continue;
    if (!all.empty()) all += ", ";
    all += field.value;
  }
  return all;
}

void encode(Response& response, bool zip) {
  if (response.status < 200 || response.status > 599) {
    response = Response::text(500, "The handler answered with an impossible status.");
  }
  if (response.body.size() <= gzip_threshold_bytes || !response.header("content-encoding").empty()) return;
  response.headers.push_back({"Vary", "Accept-Encoding"});
  if (!zip) return;
  if (auto small = gzip(response.body)) {
    response.body = std::move(*small);
    response.headers.push_back({"Content-Encoding", "gzip"});
  }
}

bool has_body(int status) noexcept {
  return status != 204 && status != 304;
}

std::string http_date(long long seconds) {
  using namespace std::chrono;
  constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds moment{std::chrono::seconds(seconds)};
  const sys_days day = floor<std::chrono::days>(moment);
  const year_month_day date(day);
  const hh_mm_ss time(moment - day);
  std::array<char, 64> text = {};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", days[weekday(day).c_encoding()],
                static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return text.data();
}

std::string render_head(const Response& response, bool keep_alive, bool http_1_0, const std::vector<Field>& extra) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head +=
      std::string_view(boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status)));
  head += "\r\n";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  add_field(head, "Date", http_date(std::chrono::duration_cast<std::chrono::seconds>(now).count()));
  if (has_body(response.status)) {
    add_field(head, "Content-Type", response.content_type);
    add_field(head, "Content-Length", std::to_string(response.body.size()));
  }
  if (!keep_alive) {
    add_field(head, "Connection", "close");
  } else if (http_1_0) {
    add_field(head, "Connection", "keep-alive");
  }
  add_field(head, "X-Content-Type-Options", "nosniff");
  for (const auto* list : {&response.headers, &extra}) {
    for (const Field& field : *list) {
      if (is_token(field.name) && !is_server_owned(field.name)) add_field(head, field.name, field.value);
    }
  }
  head += "\r\n";
  return head;
}

}  // namespace sentinel::http
