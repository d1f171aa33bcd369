#include "sentinel/procfs/net_dev.hpp"

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::string_view file = "net/dev";

/// bytes packets errs drop and four that are skipped.
bool take_traffic(std::string_view& rest, NetTraffic& traffic) {
  if (!take_u64(rest, traffic.bytes) || !take_u64(rest, traffic.packets) || !take_u64(rest, traffic.errors) ||
      !take_u64(rest, traffic.dropped)) {
    return false;
  }
  std::uint64_t skipped = 0;
  for (int column = 0; column < 4; ++column) {
    if (!take_u64(rest, skipped)) return false;
  }
  return true;
}

bool take_device(std::string_view line, NetDevice& device) {
  // Old kernels print the first count right behind the colon, and an alias has a colon in its name.
  const auto colon = line.rfind(':');
  if (colon == std::string_view::npos) return false;
  device.name = line.substr(0, colon);
  skip_blanks(device.name);
  std::string_view rest = line.substr(colon + 1);
  return !device.name.empty() && take_traffic(rest, device.received) && take_traffic(rest, device.sent);
}

}  // namespace

Result<void> parse_net_dev(std::string_view text, std::vector<NetDevice>& out) {
  out.clear();
  std::string_view line;
  for (const auto* heading : {"Inter-|", " face |"}) {
    if (!take_line(text, line)) return text.empty() ? missing(file, heading) : cut(file, text);
    if (!line.starts_with(heading)) return malformed(file, "the two header lines", line);
  }
  while (take_line(text, line)) {
    NetDevice device;
    if (!take_device(line, device)) return malformed(file, "a name, a colon and 16 counts", line);
    out.push_back(device);
  }
  if (!text.empty()) return cut(file, text);
  return {};
}

}  // namespace sentinel::procfs
