#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>

#include "core/http/message.hpp"

namespace sentinel::http {

/// Where a running agent answers: its unix socket, or an address of this machine in plain HTTP.
struct Endpoint {
  std::filesystem::path unix_socket;  ///< goes before the address when it is given
  std::string address;                ///< "127.0.0.1:8000", "[::1]:8000", "localhost:8000"
};

/// Bounds of one exchange.
struct ClientLimits {
  std::chrono::milliseconds timeout{5'000};  ///< for the whole of it
  std::size_t max_body_bytes = 64 * 1024 * 1024;
};

/// Asks and waits: for the command line, not for the control loop. Any status that came whole is a Response.
/// Errors: not_found when nothing listens there, timeout, exhausted when the body is too large, permission, failed.
[[nodiscard]] Result<Response> get(const Endpoint& endpoint, std::string_view path, const ClientLimits& limits = {});

/// The same with a JSON body.
[[nodiscard]] Result<Response> post(const Endpoint& endpoint, std::string_view path, std::string_view json,
                                    const ClientLimits& limits = {});

}  // namespace sentinel::http
