#include "core/http/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace sentinel::http {

namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<::BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<::X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<::EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freed<::GENERAL_NAMES_free>>;

Error failure(std::string_view key, const TlsConfig::Pem& pem, std::string_view what) {
  const unsigned long code = ::ERR_peek_last_error();
  ::ERR_clear_error();
  std::string text = std::string(key) + (pem.file.empty() ? "" : " " + pem.file.string()) + ": " + std::string(what);
  if (code != 0) {
    const char* reason = ::ERR_reason_error_string(code);
    text += std::string(" (") + (reason != nullptr ? reason : "no reason given") + ")";
  }
  return {Errc::invalid_argument, std::move(text)};
}

Bio open(const TlsConfig::Pem& pem) {
  if (pem.file.empty()) return Bio(::BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
  return Bio(::BIO_new_file(pem.file.c_str(), "rb"));
}

/// An encrypted key must fail, not ask on the terminal.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

Certificate next_certificate(BIO* bio) {
  return Certificate(::PEM_read_bio_X509(bio, nullptr, no_passphrase, nullptr));
}

Result<void> use_certificate(SSL_CTX* context, const TlsConfig::Pem& pem) {
  const Bio bio = open(pem);
  if (!bio) return failure("cert_file", pem, "cannot be read");
  const Certificate leaf = next_certificate(bio.get());
  if (!leaf) return failure("cert_file", pem, "holds no certificate in PEM");
  if (::SSL_CTX_use_certificate(context, leaf.get()) != 1) return failure("cert_file", pem, "cannot be used");
  while (Certificate link = next_certificate(bio.get())) {
    if (::SSL_CTX_add0_chain_cert(context, link.get()) != 1) return failure("cert_file", pem, "has a broken chain");
    (void)link.release();  // the context owns it
  }
  ::ERR_clear_error();
  return {};
}

Result<void> use_key(SSL_CTX* context, const TlsConfig::Pem& pem) {
  const Bio bio = open(pem);
  if (!bio) return failure("key_file", pem, "cannot be read");
  const Key key(::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) return failure("key_file", pem, "holds no unencrypted private key in PEM");
  if (::SSL_CTX_use_PrivateKey(context, key.get()) != 1 || ::SSL_CTX_check_private_key(context) != 1) {
    return failure("key_file", pem, "is not the key of the certificate");
  }
  return {};
}

Result<void> use_client_ca(SSL_CTX* context, const TlsConfig::Pem& pem) {
  const Bio bio = open(pem);
  if (!bio) return failure("client_ca_file", pem, "cannot be read");
  std::size_t count = 0;
  while (const Certificate ca = next_certificate(bio.get())) {
    ++count;
    ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), ca.get());
    ::SSL_CTX_add_client_CA(context, ca.get());
  }
  if (count == 0) return failure("client_ca_file", pem, "holds no certificate in PEM");
  ::ERR_clear_error();
  return {};
}

/// A subject alternative name in the way that `client_allowed_sans` writes it; empty for other kinds.
std::string text_of(const GENERAL_NAME& name) {
  const auto as_text = [](const ASN1_STRING* string) {
    return std::string(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(string)),
                       static_cast<std::size_t>(::ASN1_STRING_length(string)));
  };
  switch (name.type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI:
      return as_text(name.d.ia5);
    case GEN_IPADD: {
      std::array<char, INET6_ADDRSTRLEN> text = {};
      const int family = ::ASN1_STRING_length(name.d.iPAddress) == 4 ? AF_INET : AF_INET6;
      ::inet_ntop(family, ::ASN1_STRING_get0_data(name.d.iPAddress), text.data(), text.size());
      return text.data();
    }
    default:
      return {};
  }
}

bool has_allowed_name(X509* certificate, const std::vector<std::string>& allowed) {
  const Names names(
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string text = text_of(*sk_GENERAL_NAME_value(names.get(), i));
    if (!text.empty() && std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return true;
  }
  return false;
}

int accept_any_certificate(X509_STORE_CTX*, void*) {
  return 1;
}

/// OpenSSL's own verification, and then the names.
int verify_with_names(X509_STORE_CTX* store, void* allowed) {
  if (::X509_verify_cert(store) != 1) return 0;
  if (has_allowed_name(::X509_STORE_CTX_get0_cert(store), *static_cast<const std::vector<std::string>*>(allowed)))
    return 1;
  ::X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

void free_names(void*, void* names, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<std::vector<std::string>*>(names);
}

/// Keeps the allowed names as long as the context, which connections hold beyond a reload.
const std::vector<std::string>* keep_names(SSL_CTX* context, const std::vector<std::string>& names) {
  static const int slot = ::SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_names);
  auto owned = std::make_unique<std::vector<std::string>>(names);
  if (::SSL_CTX_set_ex_data(context, slot, owned.get()) != 1) return nullptr;
  return owned.release();
}

void ask_for_client_certificates(SSL_CTX* context, const TlsConfig& config) {
  switch (config.client_auth) {
    case ClientAuth::none:
      ::SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
      return;
    case ClientAuth::request:
    case ClientAuth::require_any:
      ::SSL_CTX_set_cert_verify_callback(context, accept_any_certificate, nullptr);
      break;
    case ClientAuth::verify_if_given:
    case ClientAuth::require_and_verify:
      if (!config.client_allowed_sans.empty()) {
        const auto* names = keep_names(context, config.client_allowed_sans);
        ::SSL_CTX_set_cert_verify_callback(context, verify_with_names, const_cast<std::vector<std::string>*>(names));
      }
      break;
  }
  const bool needed =
      config.client_auth == ClientAuth::require_any || config.client_auth == ClientAuth::require_and_verify;
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (needed ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text.append(text.empty() ? "" : ":").append(item);
  return text;
}

int number_of(TlsConfig::Version version) {
  return version == TlsConfig::Version::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

}  // namespace

Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const TlsConfig& config) {
  auto owner = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  SSL_CTX* context = owner->native_handle();
  ::ERR_clear_error();
  ::SSL_CTX_set_min_proto_version(context, number_of(config.min_version));
  ::SSL_CTX_set_max_proto_version(context, number_of(config.max_version));
  ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     (config.prefer_server_cipher_suites ? SSL_OP_CIPHER_SERVER_PREFERENCE : 0));
  ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Without it, resuming a session with a client certificate fails (SSL_CTX_set_session_id_context(3)).
  constexpr std::array<unsigned char, 8> session_context = {'s', 'e', 'n', 't', 'i', 'n', 'e', 'l'};
  ::SSL_CTX_set_session_id_context(context, session_context.data(), session_context.size());

  if (auto done = use_certificate(context, config.certificate); !done) return done.error();
  if (auto done = use_key(context, config.key); !done) return done.error();
  if (config.client_ca.given()) {
    if (auto done = use_client_ca(context, config.client_ca); !done) return done.error();
  }
  ask_for_client_certificates(context, config);
  const std::string ciphers = joined(config.cipher_suites);
  if (!ciphers.empty() && ::SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1) {
    return failure("cipher_suites", {}, "none of them can be used");
  }
  const std::string curves = joined(config.curves);
  if (!curves.empty() && ::SSL_CTX_set1_groups_list(context, curves.c_str()) != 1) {
    return failure("curve_preferences", {}, "they cannot be used");
  }
  return owner;
}

bool peer_is_verified(SSL* connection, const TlsConfig& config) {
  if (config.client_auth != ClientAuth::verify_if_given && config.client_auth != ClientAuth::require_and_verify)
    return false;
  const Certificate certificate(::SSL_get1_peer_certificate(connection));
  return certificate && ::SSL_get_verify_result(connection) == X509_V_OK;
}

}  // namespace sentinel::http
