#pragma once

#include <filesystem>
#include <optional>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/message.hpp"

namespace sentinel::http {

/// Who must show a certificate; the names are those of Go's crypto/tls, which the file format uses.
enum class ClientAuth {
  none,                ///< NoClientCert
  request,             ///< RequestClientCert: asked for, neither needed nor checked
  require_any,         ///< RequireAnyClientCert: needed, not checked
  verify_if_given,     ///< VerifyClientCertIfGiven
  require_and_verify,  ///< RequireAndVerifyClientCert
};

/// `tls_server_config`.
struct TlsConfig {
  /// PEM from a file, or written into the configuration.
  struct Pem {
    std::filesystem::path file;  ///< resolved against the folder of the configuration; empty when `text` is given
    std::string text;
    [[nodiscard]] bool given() const { return !file.empty() || !text.empty(); }
  };
  enum class Version { tls12, tls13 };

  Pem certificate;
  Pem key;
  Pem client_ca;
  ClientAuth client_auth = ClientAuth::none;
  std::vector<std::string> client_allowed_sans;
  Version min_version = Version::tls12;
  Version max_version = Version::tls13;
  std::vector<std::string> cipher_suites;  ///< OpenSSL's names, TLS 1.2 only; empty: the library's choice
  std::vector<std::string> curves;         ///< OpenSSL's names; empty: the library's choice
  bool prefer_server_cipher_suites = true;
};

/// One of `basic_auth_users`.
struct User {
  std::string name;
  std::string bcrypt_hash;
};

/// A web configuration file in the format of Prometheus' exporter-toolkit
/// (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md).
struct WebConfig {
  std::optional<TlsConfig> tls;
  std::vector<Field> headers;  ///< `http_server_config.headers`
  std::vector<User> users;
  std::vector<std::string> notes;  ///< "file:line:column: …" of what is accepted without effect
};

/// Reads a web configuration. \p file names it in messages, and its folder is what relative paths are relative to.
/// Errors: invalid_argument with every mistake, a "file:line:column: …" line each. No password hash is repeated in one.
[[nodiscard]] Result<WebConfig> parse_web_config(const std::string& text, const std::filesystem::path& file);

/// The same from a file of at most 1 MiB. Errors also: not_found, permission, failed.
[[nodiscard]] Result<WebConfig> load_web_config(const std::filesystem::path& file);

/// Whether the file would be served: load_web_config(), and that certificate, key and CA load and fit together.
[[nodiscard]] Result<WebConfig> check_web_config(const std::filesystem::path& file);

}  // namespace sentinel::http
