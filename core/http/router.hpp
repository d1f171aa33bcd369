#pragma once

#include <functional>
#include <memory>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/message.hpp"
#include "core/http/reply.hpp"

namespace sentinel::http {

/// Who may ask for a route.
enum class Access {
  open,     ///< anyone who reaches the listener (everyone still needs a password once `basic_auth_users` is set)
  guarded,  ///< loopback, the unix socket, or whoever `web_config` authenticates
};

/// Answers a request. Called on the control loop, so it must not block: it hands longer work, and the Reply, to a
/// worker. An exception out of it is answered with 500.
using Handler = std::function<void(Request, Reply)>;

struct RouteEntry;
struct RouteTable;

/// Owner of one registration: the route ends when this does. After that the handler neither runs nor will, and the
/// function object is gone, so a plugin's code may be unmapped; destroying it waits for a call that is just running on
/// another thread. May outlive the Router.
class Route {
 public:
  Route() = default;
  Route(Route&&) noexcept;
  Route& operator=(Route&&) noexcept;
  ~Route();

  /// Puts another handler in place between two requests, without a moment in which the route is missing.
  void replace(Handler handler);
  /// Ends the registration now.
  void remove();

 private:
  friend class Router;
  Route(std::shared_ptr<RouteTable> table, std::shared_ptr<RouteEntry> entry);

  std::shared_ptr<RouteTable> table_;
  std::shared_ptr<RouteEntry> entry_;
};

/// The routes of the one listener. Every function may be called from any thread.
class Router {
 public:
  Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  ~Router();

  /// Registers \p method (upper case) on \p path. A segment `{name}` matches `[A-Za-z0-9_-]{1,64}`; a path without such
  /// segments wins over one with them. A GET route answers HEAD too. \p about is the route's line in the index at `/`.
  /// Errors: invalid_argument for a malformed method or path and for a route that exists already.
  Result<Route> add(std::string_view method, std::string_view path, Access access, Handler handler,
                    std::string_view about = {});

  /// What a method and a path lead to.
  struct Match {
    std::shared_ptr<RouteEntry> entry;  ///< null when nothing answers
    Access access = Access::guarded;
    std::vector<Field> params;
    std::string
        allow;  ///< without an entry: the methods that the path knows ("GET, HEAD"); empty if the path is unknown
  };
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;

  /// Runs the handler that find() found; false when the route has ended since, and \p reply is then untouched.
  /// Passes the handler's exceptions on.
  static bool call(const Match& match, Request request, const Reply& reply);

  /// The list of routes in plain text, one a line.
  [[nodiscard]] std::string index() const;

 private:
  std::shared_ptr<RouteTable> table_;
  Route index_;
};

}  // namespace sentinel::http
