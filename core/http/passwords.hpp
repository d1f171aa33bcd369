#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/web_config.hpp"

namespace sentinel::http {

/// A name and a password as `Authorization: Basic` carries them (RFC 7617).
struct Credentials {
  std::string user;
  std::string password;
};

/// Reads an Authorization header; nothing when it is absent, of another scheme, or malformed.
[[nodiscard]] std::optional<Credentials> parse_basic(std::string_view authorization);

/// Who may come in. Any thread.
class Passwords {
 public:
  explicit Passwords(std::vector<User> users);

  /// Whether these credentials passed check() before. Takes microseconds.
  [[nodiscard]] bool remembers(const Credentials& credentials) const;

  /// Whether the password is the user's, by bcrypt (crypt(3)); takes as long for a user that doesn't exist. What passes
  /// is remembered, the last 100 of them, as a keyed hash alone. Blocks for the bcrypt cost: milliseconds to a second.
  [[nodiscard]] bool check(const Credentials& credentials);

 private:
  using Digest = std::array<unsigned char, 32>;
  [[nodiscard]] Digest digest(const Credentials& credentials) const;

  std::vector<User> users_;
  std::string nobody_;  // a hash that no password has, of the highest cost in use
  std::array<unsigned char, 32> key_ = {};
  bool can_remember_ = false;
  mutable std::mutex mutex_;
  std::deque<Digest> passed_;
};

}  // namespace sentinel::http
