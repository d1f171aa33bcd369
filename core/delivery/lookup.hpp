#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace sentinel::delivery {

/// The addresses of names. Asio's own resolver has one thread for all, on which one dead name server would hold up
/// every receiver, and the end of the agent; here each name has a thread as long as getaddrinfo(3) takes. All calls on
/// the loop's thread.
class Lookups {
 public:
  struct Found {
    std::vector<boost::asio::ip::address> addresses;  ///< at most 8
    std::string problem;                              ///< why there are none
  };
  using Handler = std::function<void(const Found&)>;

  explicit Lookups(boost::asio::io_context& loop);
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;
  /// Threads that still wait for an answer go on for themselves and tell nobody.
  ~Lookups();

  /// Calls `handler` later, on the loop; requests for the same name share one lookup.
  void find(const std::string& host, Handler handler);

 private:
  struct Gate;
  void finish(const std::string& host, const Found& found);

  std::shared_ptr<Gate> gate_;
  std::map<std::string, std::vector<Handler>> waiting_;
};

}  // namespace sentinel::delivery
