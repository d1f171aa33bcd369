#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

namespace chaos {

/// A tool does not run: the message is one sentence that says which option is wrong and what it may be. Exit code 2.
class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Longest life of any fault.
inline constexpr std::chrono::hours longest{1};

/// "250ms", "10s", "2m"; more than 0 and at most `longest`. Throws Refusal, which names the option.
std::chrono::milliseconds parse_duration(std::string_view option, std::string_view text);

/// `value` when it lies between `least` and `most`. Throws Refusal, which names the option and both bounds.
std::uint64_t within(std::string_view option, std::uint64_t value, std::uint64_t least, std::uint64_t most);

/// One of the options that end a fault, and whether it was given.
struct Ending {
  std::string_view option;
  bool given;
};

/// Throws Refusal when none was given, for then the fault would not end by itself.
void require_an_end(std::initializer_list<Ending> endings);

/// A socket's address, of this host alone.
struct Loopback {
  sockaddr_storage address{};
  socklen_t size = 0;
};

/// 127.0.0.0/8 or ::1, as numbers, with port 0: the kernel chooses one. Throws Refusal for any other address: a fault
/// must not leave the host.
Loopback parse_loopback(std::string_view option, const std::string& text);

/// Bytes that /proc/meminfo's text calls available; 0 when it does not say.
std::uint64_t available_memory_bytes(std::string_view meminfo);

/// Throws Refusal when a ceiling is more than nine tenths of the memory available: the rest of the host must live on.
void require_memory(std::string_view option, std::uint64_t ceiling_bytes, std::uint64_t available_bytes);

}  // namespace chaos
