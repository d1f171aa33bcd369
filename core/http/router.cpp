#include "core/http/router.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace sentinel::http {

struct RouteEntry {
  std::string method;
  std::string path;
  Access access = Access::guarded;
  std::string about;

  // Recursive, because a handler may end or replace its own route. `handler` is shared so that such a call doesn't
  // destroy the function object that it runs in.
  std::recursive_mutex calling;
  std::shared_ptr<const Handler> handler;
};

struct RouteTable {
  std::mutex mutex;
  std::vector<std::shared_ptr<RouteEntry>> entries;
};

namespace {

constexpr std::size_t longest_name = 64;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_name && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 1 && segment.front() == '{';
}

/// Takes the next segment off a path that begins with '/'.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_pattern(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  if (path == "/") return true;
  while (!path.empty()) {
    std::string_view segment = next_segment(path);
    if (is_parameter(segment)) {
      if (segment.back() != '}' || !is_name(segment.substr(1, segment.size() - 2))) return false;
    } else if (segment.empty() || segment == "." || segment == ".." ||
               segment.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~") !=
                   segment.npos) {
      return false;
    }
  }
  return true;
}

std::optional<std::vector<Field>> match_path(std::string_view pattern, std::string_view path) {
  std::vector<Field> params;
  if (path.empty() || path.front() != '/') return std::nullopt;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = next_segment(pattern);
    const std::string_view got = next_segment(path);
    if (is_parameter(wanted)) {
      if (!is_name(got)) return std::nullopt;
      params.push_back({std::string(wanted.substr(1, wanted.size() - 2)), std::string(got)});
    } else if (wanted != got) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return params;
}

std::string index_of(RouteTable& table) {
  std::vector<std::shared_ptr<RouteEntry>> entries;
  {
    const std::scoped_lock lock(table.mutex);
    entries = table.entries;
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return std::tie(a->path, a->method) < std::tie(b->path, b->method); });
  std::string text;
  for (const auto& entry : entries) {
    text += entry->method;
    text.append(entry->method.size() < 7 ? 7 - entry->method.size() : 1, ' ');
    text += entry->path;
    if (!entry->about.empty()) text.append("  ").append(entry->about);
    if (entry->access == Access::guarded) text += "  (loopback, the agent's socket, or authenticated)";
    text += '\n';
  }
  return text;
}

}  // namespace

Route::Route(std::shared_ptr<RouteTable> table, std::shared_ptr<RouteEntry> entry)
    : table_(std::move(table)), entry_(std::move(entry)) {}

Route::Route(Route&&) noexcept = default;

Route& Route::operator=(Route&& other) noexcept {
  if (this != &other) {
    remove();
    table_ = std::move(other.table_);
    entry_ = std::move(other.entry_);
  }
  return *this;
}

Route::~Route() {
  remove();
}

void Route::replace(Handler handler) {
  if (!entry_) return;
  auto next = std::make_shared<const Handler>(std::move(handler));
  const std::scoped_lock lock(entry_->calling);
  entry_->handler.swap(next);
}

void Route::remove() {
  if (!entry_) return;
  {
    const std::scoped_lock lock(table_->mutex);
    std::erase(table_->entries, entry_);
  }
  std::shared_ptr<const Handler> last;
  {
    const std::scoped_lock lock(entry_->calling);
    last.swap(entry_->handler);
  }
  last.reset();
  entry_.reset();
  table_.reset();
}

Router::Router() : table_(std::make_shared<RouteTable>()) {
  const std::weak_ptr<RouteTable> table = table_;
  auto list = [table](const Request&, const Reply& reply) {
    const auto locked = table.lock();
    Response response;
    if (locked) response.body = index_of(*locked);
    reply(std::move(response));
  };
  index_ = std::move(add("GET", "/", Access::open, std::move(list), "this list")).value();
}

Router::~Router() = default;

Result<Route> Router::add(std::string_view method, std::string_view path, Access access, Handler handler,
                          std::string_view about) {
  const std::string name = std::string(method) + " " + std::string(path);
  if (method.empty() || method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != method.npos) {
    return Error{Errc::invalid_argument, "route " + name + ": the method must be upper-case letters, such as GET"};
  }
  if (!is_pattern(path)) {
    return Error{Errc::invalid_argument, "route " + name +
                                             ": a path is /segments of letters, digits and _-.~, or {name} for a "
                                             "segment that is handed to the handler"};
  }
  if (!handler) return Error{Errc::invalid_argument, "route " + name + ": it has no handler"};

  auto entry = std::make_shared<RouteEntry>();
  entry->method = method;
  entry->path = path;
  entry->access = access;
  entry->about = about;
  entry->handler = std::make_shared<const Handler>(std::move(handler));
  const std::scoped_lock lock(table_->mutex);
  for (const auto& other : table_->entries) {
    if (other->method == method && other->path == path) {
      return Error{Errc::invalid_argument, "route " + name + " is taken; give one of the two another path"};
    }
  }
  table_->entries.push_back(entry);
  return Route(table_, std::move(entry));
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  struct Candidate {
    std::shared_ptr<RouteEntry> entry;
    std::vector<Field> params;
  };
  std::vector<Candidate> candidates;
  {
    const std::scoped_lock lock(table_->mutex);
    for (const auto& entry : table_->entries) {
      if (auto params = match_path(entry->path, path)) candidates.push_back({entry, std::move(*params)});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.params.size() < b.params.size(); });

  Match match;
  const auto pick = [&](std::string_view wanted) {
    for (auto& candidate : candidates) {
      if (candidate.entry->method != wanted) continue;
      match.access = candidate.entry->access;
      match.entry = std::move(candidate.entry);
      match.params = std::move(candidate.params);
      return true;
    }
    return false;
  };
  if (pick(method) || (method == "HEAD" && pick("GET"))) return match;

  std::vector<std::string_view> methods;
  for (const auto& candidate : candidates) {
    methods.push_back(candidate.entry->method);
    if (candidate.entry->method == "GET") methods.push_back("HEAD");
  }
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  for (const std::string_view each : methods) {
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += each;
  }
  return match;
}

bool Router::call(const Match& match, Request request, const Reply& reply) {
  request.params = match.params;
  const std::scoped_lock lock(match.entry->calling);
  const auto handler = match.entry->handler;
  if (!handler) return false;
  (*handler)(std::move(request), reply);
  return true;
}

std::string Router::index() const {
  return index_of(*table_);
}

}  // namespace sentinel::http
