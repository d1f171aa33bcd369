#include "certificates.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <csignal>
#include <stdexcept>

namespace sentinel::http::testing {

namespace {

constexpr long valid_seconds = 3600;

void must(bool done) {
  if (!done) throw std::runtime_error("OpenSSL refused to make a certificate for the test");
}

template <class Write>
std::string pem(Write write) {
  const std::shared_ptr<BIO> bio(::BIO_new(::BIO_s_mem()), ::BIO_free_all);
  must(write(bio.get()) == 1);
  char* data = nullptr;
  const long size = ::BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Identity::Identity(const std::string& name, const std::string& alternative, const Identity* issuer)
    : key_(::EVP_EC_gen("P-256"), ::EVP_PKEY_free), certificate_(::X509_new(), ::X509_free) {
  static std::atomic<long> serial = 1;
  X509* raw = certificate_.get();
  must(key_ && raw != nullptr);
  ::X509_set_version(raw, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(raw), serial++);
  ::X509_gmtime_adj(::X509_getm_notBefore(raw), -valid_seconds);
  ::X509_gmtime_adj(::X509_getm_notAfter(raw), valid_seconds);
  must(::X509_set_pubkey(raw, key_.get()) == 1);
  must(::X509_NAME_add_entry_by_txt(::X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  ::X509_set_issuer_name(raw, ::X509_get_subject_name(issuer != nullptr ? issuer->certificate() : raw));
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer != nullptr ? issuer->certificate() : raw, raw, nullptr, nullptr, 0);
  const auto extend = [&](int kind, const std::string& value) {
    const std::shared_ptr<X509_EXTENSION> extension(::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()),
                                                    ::X509_EXTENSION_free);
    must(extension && ::X509_add_ext(raw, extension.get(), -1) == 1);
  };
  extend(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!alternative.empty()) extend(NID_subject_alt_name, alternative);
  must(::X509_sign(raw, issuer != nullptr ? issuer->key() : key_.get(), ::EVP_sha256()) > 0);
}

std::string Identity::certificate_pem() const {
  return pem([&](BIO* bio) { return ::PEM_write_bio_X509(bio, certificate_.get()); });
}

std::string Identity::key_pem() const {
  return pem(
      [&](BIO* bio) { return ::PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::shared_ptr<SSL_CTX> client_context(const Identity* identity) {
  // OpenSSL writes to sockets with write(2): a server that closes must not end the test.
  std::signal(SIGPIPE, SIG_IGN);
  std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free);
  ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  if (identity != nullptr) {
    must(::SSL_CTX_use_certificate(context.get(), identity->certificate()) == 1);
    must(::SSL_CTX_use_PrivateKey(context.get(), identity->key()) == 1);
  }
  return context;
}

}  // namespace sentinel::http::testing
