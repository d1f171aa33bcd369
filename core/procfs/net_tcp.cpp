#include "sentinel/procfs/net_tcp.hpp"

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::size_t ipv4_hex = 8;
constexpr std::size_t ipv6_hex = 32;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

constexpr int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The state's number, or -1. A line is "%4d: ADDRESS:PORT ADDRESS:PORT %02X …", and all but the first number has a
// fixed width, so the state stands at a known distance from the first colon: no field needs a scan.
int state_of(std::string_view line) {
  std::size_t colon = 0;
  while (colon < line.size() && (line[colon] == ' ' || is_digit(line[colon]))) ++colon;
  if (colon + 2 + ipv4_hex >= line.size() || line[colon] != ':' || line[colon + 1] != ' ') return -1;
  const std::size_t address_hex = line[colon + 2 + ipv4_hex] == ':' ? ipv4_hex : ipv6_hex;
  const std::size_t endpoint = address_hex + sizeof(":0000 ") - 1;
  const std::size_t state = colon + 2 + 2 * endpoint;
  if (state + 2 >= line.size() || line[colon + 2 + address_hex] != ':' || line[state - 1] != ' ' ||
      line[state + 2] != ' ') {
    return -1;
  }
  const int high = hex_digit(line[state]);
  const int low = hex_digit(line[state + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

TcpStateCounts& TcpStateCounts::operator+=(const TcpStateCounts& other) noexcept {
  for (std::size_t i = 0; i < sockets.size(); ++i) sockets[i] += other.sockets[i];
  malformed_lines += other.malformed_lines;
  return *this;
}

Result<TcpStateCounts> count_tcp_states(std::string_view text) {
  std::string_view line;
  if (!take_line(text, line)) return cut("net/tcp", text);
  std::string_view header = line;
  std::string_view first;
  std::string_view second;
  if (!take_word(header, first) || !take_word(header, second) || first != "sl" || second != "local_address") {
    return malformed("net/tcp", "the header \"sl local_address …\"", line);
  }
  TcpStateCounts out;
  while (take_line(text, line)) {
    const int state = state_of(line);
    if (state < 0) {
      ++out.malformed_lines;
    } else {
      ++out.sockets[static_cast<std::size_t>(state) < tcp_state_count ? static_cast<std::size_t>(state) : 0];
    }
  }
  if (!text.empty()) return cut("net/tcp", text);
  return out;
}

}  // namespace sentinel::procfs
