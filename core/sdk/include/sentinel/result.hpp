#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace sentinel {

/// What kind of failure an Error is. The numbers are part of the plugin ABI (SENTINEL_… in abi.h).
enum class Errc : int {
  failed = 1,            ///< it was tried and did not work
  invalid_argument = 2,  ///< what the caller gave is wrong: a config value, a malformed text
  no_data = 3,           ///< nothing to report yet, for example before the second sample
  unsupported = 4,       ///< this machine, kernel or build cannot do it
  not_found = 5,         ///< a file, plugin or name that does not exist
  permission = 6,        ///< it exists, and this process may not
  timeout = 7,           ///< a deadline passed
  exhausted = 8,         ///< a limit of size or number was reached
};

/// A failure as a code and one sentence that says what failed, where, and what to do.
struct Error {
  Errc code = Errc::failed;
  std::string message;

  /// The same error seen from one layer further up: "context: message".
  [[nodiscard]] Error in(std::string_view context) const {
    std::string text(context);
    text += ": ";
    text += message;
    return {code, std::move(text)};
  }
};

/// A value or an Error. `T` may be void. Needs the standard library alone; never throws by itself.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  /// The value; only legal when ok().
  [[nodiscard]] T& value() & { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T& value() const& { return *std::get_if<0>(&state_); }
  [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// The error; only legal when not ok().
  [[nodiscard]] const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

/// Whether T is some Result<U>.
template <class T>
inline constexpr bool is_result = false;
template <class U>
inline constexpr bool is_result<Result<U>> = true;

}  // namespace sentinel
