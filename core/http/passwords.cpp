#include "core/http/passwords.hpp"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

namespace sentinel::http {

namespace {

constexpr std::size_t most_remembered = 100;

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == alphabet.npos) return std::nullopt;
    bits = (bits << 6U) | static_cast<unsigned>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>((bits >> static_cast<unsigned>(held)) & 0xffU);
    }
  }
  return out;
}

/// bcrypt of \p password under the settings that \p hash begins with; empty on failure.
std::string bcrypt(const std::string& password, const std::string& hash) {
  const auto scratch = std::make_unique<crypt_data>();
  const char* result = ::crypt_r(password.c_str(), hash.c_str(), scratch.get());
  std::string text = result != nullptr && result[0] == '$' ? result : "";
  ::OPENSSL_cleanse(scratch.get(), sizeof *scratch);
  return text;
}

}  // namespace

std::optional<Credentials> parse_basic(std::string_view authorization) {
  constexpr std::string_view scheme = "basic ";
  if (authorization.size() <= scheme.size() || !same_name(authorization.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  authorization.remove_prefix(scheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  const auto text = decode_base64(authorization);
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  // A NUL would end the password early for crypt(3), so that "secret\0anything" passed for "secret".
  if (colon == std::string::npos || text->find('\0') != std::string::npos) return std::nullopt;
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

Passwords::Passwords(std::vector<User> users) : users_(std::move(users)) {
  std::string cost = "04";
  for (const User& user : users_) cost = std::max(cost, user.bcrypt_hash.substr(4, 2));
  nobody_ = "$2b$" + cost + "$......................" + std::string(31, '.');
  can_remember_ = ::RAND_bytes(key_.data(), static_cast<int>(key_.size())) == 1;
}

Passwords::Digest Passwords::digest(const Credentials& credentials) const {
  std::string text = credentials.user;
  text += '\0';
  text += credentials.password;
  Digest result = {};
  unsigned size = result.size();
  ::HMAC(::EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), result.data(), &size);
  ::OPENSSL_cleanse(text.data(), text.size());
  return result;
}

bool Passwords::remembers(const Credentials& credentials) const {
  const Digest wanted = digest(credentials);
  const std::scoped_lock lock(mutex_);
  return std::any_of(passed_.begin(), passed_.end(), [&](const Digest& each) {
    return ::CRYPTO_memcmp(each.data(), wanted.data(), wanted.size()) == 0;
  });
}

bool Passwords::check(const Credentials& credentials) {
  const auto user =
      std::find_if(users_.begin(), users_.end(), [&](const User& u) { return u.name == credentials.user; });
  const std::string& hash = user == users_.end() ? nobody_ : user->bcrypt_hash;
  const std::string got = bcrypt(credentials.password, hash);
  const bool same = got.size() == hash.size() && ::CRYPTO_memcmp(got.data(), hash.data(), hash.size()) == 0;
  if (!same || user == users_.end()) return false;
  if (!can_remember_) return true;
  const Digest passed = digest(credentials);
  const std::scoped_lock lock(mutex_);
  if (std::find(passed_.begin(), passed_.end(), passed) == passed_.end()) passed_.push_back(passed);
  if (passed_.size() > most_remembered) passed_.pop_front();
  return true;
}

}  // namespace sentinel::http
