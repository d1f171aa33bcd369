#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

namespace sentinel {

static_assert(static_cast<int>(Errc::failed) == SENTINEL_FAILED &&
              static_cast<int>(Errc::invalid_argument) == SENTINEL_INVALID_ARGUMENT &&
              static_cast<int>(Errc::no_data) == SENTINEL_NO_DATA &&
              static_cast<int>(Errc::unsupported) == SENTINEL_UNSUPPORTED &&
              static_cast<int>(Errc::not_found) == SENTINEL_NOT_FOUND &&
              static_cast<int>(Errc::permission) == SENTINEL_PERMISSION &&
              static_cast<int>(Errc::timeout) == SENTINEL_TIMEOUT &&
              static_cast<int>(Errc::exhausted) == SENTINEL_EXHAUSTED);

/// An Error as an exception, for constructors of plugins; the wrapper turns it back into the error that it carries.
class PluginError : public std::runtime_error {
 public:
  explicit PluginError(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

namespace detail {

inline sentinel_error empty_error() noexcept {
  sentinel_error error;
  error.size = sizeof(error);
  error.code = SENTINEL_OK;
  error.message_size = 0;
  error.reserved = 0;
  error.message[0] = '\0';
  return error;
}

/// Fills the caller's struct with a message of two parts; a longer one is cut. Returns the code. Allocates nothing,
/// since what is reported may be that there is no memory.
inline int fill(sentinel_error* out, Errc code, std::string_view message, std::string_view more = {}) noexcept {
  if (out != nullptr) {
    out->code = static_cast<int>(code);
    const auto size = message.copy(out->message, sizeof(out->message));
    const auto rest = more.copy(out->message + size, sizeof(out->message) - size);
    out->message_size = static_cast<std::uint32_t>(size + rest);
  }
  return static_cast<int>(code);
}

/// What a call across the ABI returned, as an Error.
inline Error to_error(int code, const sentinel_error& error) {
  const bool known = code >= SENTINEL_FAILED && code <= SENTINEL_EXHAUSTED;
  const auto size = std::min<std::size_t>(error.message_size, sizeof(error.message));
  std::string message(error.message, size);
  if (message.empty()) message = "failed without a reason (code " + std::to_string(code) + ")";
  return {known ? static_cast<Errc>(code) : Errc::failed, std::move(message)};
}

/// Runs `call`, which returns Result<void>, and lets no exception out.
template <class Call>
int guarded(sentinel_error* out, Call&& call) noexcept {
  try {
    const Result<void> result = call();
    return result ? static_cast<int>(SENTINEL_OK) : fill(out, result.error().code, result.error().message);
  } catch (const PluginError& e) {
    return fill(out, e.error().code, e.error().message);
  } catch (const std::exception& e) {
    return fill(out, Errc::failed, "threw: ", e.what());
  } catch (...) {
    return fill(out, Errc::failed, "threw something that is no std::exception");
  }
}

}  // namespace detail
}  // namespace sentinel
