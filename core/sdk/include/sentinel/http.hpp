#pragma once

#include <string_view>

#include <sentinel/abi.h>
#include <sentinel/config.hpp>

namespace sentinel {

/// A request of the agent's listener. Valid during handle().
class HttpRequest {
 public:
  explicit HttpRequest(const sentinel_http_request* request) : request_(request) {}
  [[nodiscard]] std::string_view method() const { return from_abi(request_->method); }
  /// Percent-decoded.
  [[nodiscard]] std::string_view path() const { return from_abi(request_->path); }
  /// What follows the '?', still encoded.
  [[nodiscard]] std::string_view query() const { return from_abi(request_->query); }
  [[nodiscard]] std::string_view content_type() const { return from_abi(request_->content_type); }
  [[nodiscard]] std::string_view body() const { return from_abi(request_->body); }
  /// "127.0.0.1:40312", or "unix" by the agent's own socket.
  [[nodiscard]] std::string_view peer() const { return from_abi(request_->peer); }

 private:
  const sentinel_http_request* request_;
};

/// The answer to it: 200 and JSON unless set. Valid during handle().
class HttpResponse {
 public:
  explicit HttpResponse(sentinel_http_response* response) : response_(response) {}
  void status(int code) { response_->status = code; }
  /// `type` is a literal of the plugin.
  void content_type(std::string_view type) { response_->content_type = to_abi(type); }
  /// False when the agent takes no more.
  bool write(std::string_view bytes) {
    return response_->body->write(response_->body, bytes.data(), bytes.size()) == SENTINEL_OK;
  }

 private:
  sentinel_http_response* response_;
};

}  // namespace sentinel
