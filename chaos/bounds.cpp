#include "chaos/bounds.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace chaos {
namespace {

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

std::chrono::milliseconds unit(std::string_view name) {
  if (name == "ms") return std::chrono::milliseconds(1);
  if (name == "s") return std::chrono::seconds(1);
  if (name == "m") return std::chrono::minutes(1);
  return std::chrono::milliseconds(0);
}

}  // namespace

std::chrono::milliseconds parse_duration(std::string_view option, std::string_view text) {
  std::uint32_t number = 0;
  const auto [next, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto of = unit(text.substr(static_cast<std::size_t>(next - text.data())));
  if (error != std::errc() || of.count() == 0) {
    throw Refusal(std::string(option) + " is " + quoted(text) + ", no duration such as 500ms, 30s or 5m");
  }
  const auto duration = of * std::int64_t{number};
  if (duration.count() == 0 || duration > longest) {
    throw Refusal(std::string(option) + " is " + quoted(text) + ", not between 1ms and 60m");
  }
  return duration;
}

std::uint64_t within(std::string_view option, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return value;
  throw Refusal(std::string(option) + " is " + std::to_string(value) + ", not between " + std::to_string(least) +
                " and " + std::to_string(most));
}

void require_an_end(std::initializer_list<Ending> endings) {
  std::string names;
  for (const auto& ending : endings) {
    if (ending.given) return;
    names += (names.empty() ? "" : " or ") + std::string(ending.option);
  }
  throw Refusal("give " + names + ": without it the fault would not end by itself");
}

Loopback parse_loopback(std::string_view option, const std::string& text) {
  Loopback out;
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24U) == IN_LOOPBACKNET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = v4;
    out.size = sizeof address;
    std::memcpy(&out.address, &address, sizeof address);
    return out;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6)) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = v6;
    out.size = sizeof address;
    std::memcpy(&out.address, &address, sizeof address);
    return out;
  }
  throw Refusal(std::string(option) + " is " + quoted(text) +
                ", no loopback address: give one of 127.0.0.0/8, or ::1; a fault must not leave the host");
}

std::uint64_t available_memory_bytes(std::string_view meminfo) {
  constexpr std::string_view name = "MemAvailable:";
  constexpr std::uint64_t kib = 1024;
  const auto at = meminfo.find(name);
  if (at == std::string_view::npos) return 0;
  auto rest = meminfo.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::uint64_t value = 0;
  if (std::from_chars(rest.data(), rest.data() + rest.size(), value).ec != std::errc()) return 0;
  return value * kib;
}

void require_memory(std::string_view option, std::uint64_t ceiling_bytes, std::uint64_t available_bytes) {
  constexpr std::uint64_t mib = 1024 * 1024;
  const auto most = available_bytes / 10 * 9;
  if (ceiling_bytes <= most) return;
  throw Refusal(std::string(option) + " is " + std::to_string(ceiling_bytes / mib) + " MiB, more than nine tenths (" +
                std::to_string(most / mib) + " MiB) of the memory available; the rest of the host must live on");
}

}  // namespace chaos
