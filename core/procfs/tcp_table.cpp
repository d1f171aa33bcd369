#include <cstring>

#include "core/procfs/scan.hpp"
#include "sentinel/procfs/tcp_sockets.hpp"

namespace sentinel::procfs::detail {
namespace {

/// Eight hexadecimal digits: a word of the address as this machine prints an integer.
bool take_word8(std::string_view& rest, std::uint8_t* bytes) {
  if (rest.size() < 8) return false;
  auto digits = rest.substr(0, 8);
  std::uint64_t value = 0;
  if (digits.front() == ' ' || !take_hex(digits, value)) return false;
  const auto word = static_cast<std::uint32_t>(value);
  std::memcpy(bytes, &word, sizeof(word));
  rest.remove_prefix(8);
  return true;
}

/// "0100007F:1F90" or the same with 32 digits before the colon.
bool take_end(std::string_view& rest, TcpEnd& end, bool& ipv6) {
  std::string_view word;
  if (!take_word(rest, word)) return false;
  const auto colon = word.find(':');
  if (colon != 8 && colon != 32) return false;
  ipv6 = colon == 32;
  auto port = word.substr(colon + 1);
  for (std::size_t at = 0; at < colon / 2; at += 4) {
    if (!take_word8(word, end.address.data() + at)) return false;
  }
  std::uint64_t number = 0;
  if (!take_hex(port, number) || number > 0xffff) return false;
  end.port = static_cast<std::uint16_t>(number);
  return true;
}

/// "00000000:00000012", the send queue and the receive queue.
bool take_queues(std::string_view& rest, TcpSocket& socket) {
  std::string_view word;
  if (!take_word(rest, word)) return false;
  const auto colon = word.find(':');
  if (colon == std::string_view::npos) return false;
  auto send = word.substr(0, colon);
  auto receive = word.substr(colon + 1);
  std::uint64_t number = 0;
  if (!take_hex(send, number)) return false;
  socket.send_queue = static_cast<std::uint32_t>(number);
  if (!take_hex(receive, number)) return false;
  socket.receive_queue = static_cast<std::uint32_t>(number);
  return true;
}

bool parse_line(std::string_view line, TcpSocket& socket) {
  std::string_view skipped;
  std::uint64_t number = 0;
  bool remote_ipv6 = false;
  if (!take_word(line, skipped)) return false;
  if (!take_end(line, socket.local, socket.ipv6) || !take_end(line, socket.remote, remote_ipv6)) return false;
  if (!take_hex(line, number)) return false;
  socket.state = number > 0 && number < tcp_state_count ? static_cast<TcpState>(number) : TcpState::unknown;
  if (!take_queues(line, socket)) return false;
  if (!take_word(line, skipped) || !take_word(line, skipped)) return false;  // timer, retransmissions
  if (!take_u64(line, number)) return false;
  socket.uid = static_cast<std::uint32_t>(number);
  return take_word(line, skipped) && take_u64(line, socket.inode);
}

/// An IPv4 address within an IPv6 socket is an IPv4 connection.
void unmap(TcpSocket& socket) {
  static constexpr std::array<std::uint8_t, 12> prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  for (const auto* end : {&socket.local, &socket.remote}) {
    if (std::memcmp(end->address.data(), prefix.data(), prefix.size()) != 0) return;
  }
  for (auto* end : {&socket.local, &socket.remote}) {
    const auto whole = end->address;
    end->address = {};
    std::memcpy(end->address.data(), whole.data() + prefix.size(), 4);
  }
  socket.ipv6 = false;
}

}  // namespace

Result<std::uint64_t> visit_tcp_table(std::string_view text, TcpStates states, TcpVisitor visitor) {
  constexpr std::string_view file = "net/tcp";
  auto rest = text;
  std::string_view line;
  if (!take_line(rest, line) || line.find("local_address") == std::string_view::npos) {
    return missing(file, "\"sl  local_address …\"");
  }
  std::uint64_t malformed_lines = 0;
  while (take_line(rest, line)) {
    TcpSocket socket;
    if (!parse_line(line, socket)) {
      ++malformed_lines;
      continue;
    }
    if ((states & only(socket.state)) == 0) continue;
    if (socket.ipv6) unmap(socket);
    visitor.call(visitor.callable, socket);
  }
  if (!rest.empty()) return cut(file, rest);
  return malformed_lines;
}

}  // namespace sentinel::procfs::detail
