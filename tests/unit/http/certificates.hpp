#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace sentinel::http::testing {

/// A certificate and its key, made on the spot.
class Identity {
 public:
  /// \p alternative is a subjectAltName in OpenSSL's notation, "DNS:box.example,IP:127.0.0.1"; empty for none. Signed
  /// by \p issuer, or by itself.
  explicit Identity(const std::string& name, const std::string& alternative = "", const Identity* issuer = nullptr);

  [[nodiscard]] std::string certificate_pem() const;
  [[nodiscard]] std::string key_pem() const;
  [[nodiscard]] X509* certificate() const { return certificate_.get(); }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
};

/// A client's context that trusts anybody, with a certificate to show if \p identity is given.
std::shared_ptr<SSL_CTX> client_context(const Identity* identity = nullptr);

}  // namespace sentinel::http::testing
