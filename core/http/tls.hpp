#pragma once

// Internal to core/http: includes Asio.

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <sentinel/result.hpp>

#include "core/http/web_config.hpp"

namespace sentinel::http {

/// A context that serves with \p config: certificate chain, key, versions, suites, client certificates. No
/// renegotiation, no session cache. Errors name the file and what OpenSSL says of it; blocks for reading files.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const TlsConfig& config);

/// Whether the peer of a finished handshake showed a certificate that the context verified.
[[nodiscard]] bool peer_is_verified(SSL* connection, const TlsConfig& config);

}  // namespace sentinel::http
