#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "core/delivery/url.hpp"

namespace sentinel::delivery {

struct Request {
  Url url;
  std::string body;
  std::string authorization;  ///< the header's value; empty for none
  std::filesystem::path ca_file;
  std::chrono::nanoseconds timeout{};  ///< of the whole exchange, looking up the name included
};

struct Answer {
  int status = 0;       ///< 0: no whole answer came
  std::string problem;  ///< why not
  std::string retry_after;
  std::string text;  ///< the first words of the body, printable
};

/// Posts JSON over HTTP/1.1 and HTTPS, a connection each. TLS is 1.2 or later; the certificate and the name or address
/// in it are verified, against ca_file or the system's. No redirect is followed. Of an answer at most 64 KiB are read.
/// Lives on one io_context, all calls on its thread; requests never wait for each other, nor for each other's names.
class Client {
 public:
  explicit Client(boost::asio::io_context& loop);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  /// The io_context must not run any more, but must still be there.
  ~Client();

  /// Ends within the request's timeout, which must outlive the call. Throws nothing of the exchange.
  boost::asio::awaitable<Answer> post(const Request& request);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace sentinel::delivery
