#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

#include "core/http/router.hpp"
#include "core/runtime/instance.hpp"

namespace sentinel::runtime {

/// The paths of the listener that sinks answer. A path goes to a sink's name, and to whichever generation of it runs
/// when a request comes, so that a swap leaves no moment in which a path that stays is missing. Control loop.
class SinkRoutes {
 public:
  using Sinks = std::vector<std::shared_ptr<Instance>>;
  /// `find` gives the instance that runs under a sink's name, or null.
  SinkRoutes(http::Router& router, std::function<std::shared_ptr<Instance>(const std::string& sink)> find)
      : router_(router), find_(std::move(find)) {}

  /// Whether all paths of these sinks could be had if set() were called. Errors: invalid_argument, with the path and
  /// who has it.
  [[nodiscard]] Result<void> check(const Sinks& sinks) const;
  /// From now on the paths are those of these sinks. One that is taken is left out and logged.
  void set(const Sinks& sinks);
  void clear() { routes_.clear(); }

  /// Paths at which sinks render.
  [[nodiscard]] std::vector<std::string> render_paths() const;

 private:
  /// Method and path.
  using Key = std::pair<std::string, std::string>;
  struct Entry {
    std::string sink;
    bool renders = false;
    http::Route route;
  };

  Result<http::Route> add_render(const std::string& sink, const std::string& path);
  Result<http::Route> add_handler(const std::string& sink, const Key& key);

  http::Router& router_;
  const std::function<std::shared_ptr<Instance>(const std::string& sink)> find_;
  std::map<Key, Entry> routes_;
};

}  // namespace sentinel::runtime
