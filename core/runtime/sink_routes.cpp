#include "core/runtime/sink_routes.hpp"

#include <algorithm>
#include <utility>

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace {

/// What a sink asked for, by method and path; true: it renders there.
using Wanted = std::map<std::pair<std::string, std::string>, std::pair<std::string, bool>>;

void render_at(const std::shared_ptr<Instance>& sink, const std::string& path, const http::Reply& reply) {
  const auto routes = sink->routes();
  const auto found = std::find_if(routes.begin(), routes.end(), [&](const auto& route) { return route.path == path; });
  auto answer = [reply,
                 type = found == routes.end() ? std::string() : found->content_type](const Result<std::string>& text) {
    if (!text) {
      reply(http::Response::text(503, text.error().message));
      return;
    }
    http::Response response;
    response.content_type = type;
    response.body = *text;
    reply(std::move(response));
  };
  sink->render(std::move(answer));
}

}  // namespace

Result<void> SinkRoutes::check(const Sinks& sinks) const {
  std::map<Key, std::string> wanted;
  const auto check = [&](const Key& key, const std::string& sink) -> Result<void> {
    const auto [had, fresh] = wanted.emplace(key, sink);
    if (!fresh) {
      return Error{Errc::invalid_argument, "sinks '" + had->second + "' and '" + sink + "' both want path " +
                                               key.second + ": give one another path"};
    }
    // What sinks have now is theirs to share out; the rest is the agent's own.
    if (!routes_.contains(key) && router_.find(key.first, key.second).entry != nullptr) {
      return Error{Errc::invalid_argument,
                   "sink '" + sink + "' wants path " + key.second + ", which is the agent's own"};
    }
    return {};
  };
  for (const auto& sink : sinks) {
    for (const auto& route : sink->routes()) {
      if (auto free = check({"GET", route.path}, sink->name()); !free) return free;
    }
    for (const auto& route : sink->handlers()) {
      if (auto free = check({route.method, route.path}, sink->name()); !free) return free;
    }
  }
  return {};
}

void SinkRoutes::set(const Sinks& sinks) {
  Wanted wanted;
  for (const auto& sink : sinks) {
    for (const auto& route : sink->routes()) wanted.emplace(Key("GET", route.path), std::pair(sink->name(), true));
    for (const auto& route : sink->handlers()) {
      wanted.emplace(Key(route.method, route.path), std::pair(sink->name(), false));
    }
  }
  std::erase_if(routes_, [&](const auto& item) {
    const auto found = wanted.find(item.first);
    return found == wanted.end() || found->second != std::pair(item.second.sink, item.second.renders);
  });
  for (const auto& [key, owner] : wanted) {
    if (routes_.contains(key)) continue;
    const auto& [sink, renders] = owner;
    auto route = renders ? add_render(sink, key.second) : add_handler(sink, key);
    if (route) {
      routes_.emplace(key, Entry{sink, renders, std::move(*route)});
    } else {
      telemetry::log_error(sink, key.first + " " + key.second + ": " + route.error().message);
    }
  }
}

Result<http::Route> SinkRoutes::add_render(const std::string& sink, const std::string& path) {
  auto handler = [this, sink, path](const http::Request&, const http::Reply& reply) {
    if (const auto instance = find_(sink)) render_at(instance, path, reply);
  };
  return router_.add("GET", path, http::Access::open, std::move(handler), "what sink '" + sink + "' shows");
}

Result<http::Route> SinkRoutes::add_handler(const std::string& sink, const Key& key) {
  auto handler = [this, sink](http::Request request, http::Reply reply) {
    if (const auto instance = find_(sink)) instance->handle(std::move(request), std::move(reply));
  };
  return router_.add(key.first, key.second, http::Access::guarded, std::move(handler),
                     "answered by sink '" + sink + "'");
}

std::vector<std::string> SinkRoutes::render_paths() const {
  std::vector<std::string> paths;
  for (const auto& [key, entry] : routes_) {
    if (entry.renders) paths.push_back(key.second);
  }
  return paths;
}

}  // namespace sentinel::runtime
