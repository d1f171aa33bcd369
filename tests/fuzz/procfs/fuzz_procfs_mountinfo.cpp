#include <sentinel/procfs/mountinfo.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::vector<Mount> reused;
  const auto all = text(data, size);
  require(unescape_mount(all).size() <= all.size(), "an escape is longer than its byte");
  const auto done = parse_mountinfo(all, reused);
  if (!done) {
    require_refusal(done.error());
    return 0;
  }
  for (const auto& mount : reused) {
    require(!mount.mountpoint.empty() && !mount.fstype.empty(), "a mount is somewhere and of a type");
    require(mount.mountpoint.find(' ') == std::string_view::npos, "fields end at blanks");
    (void)mount.read_only();
  }
  return 0;
}
