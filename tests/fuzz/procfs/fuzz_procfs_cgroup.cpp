#include <sentinel/procfs/container.hpp>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

namespace {

void require_sound(const Container& container) {
  require(container.pod_uid.empty() || container.pod_uid.size() == 36 || container.pod_uid.size() == 32,
          "a pod's uid has one of two lengths");
  require(container.pod_uid.find('_') == std::string::npos, "a pod's uid is spelt as the API spells it");
  if (container.runtime == ContainerRuntime::systemd_nspawn) {
    require(!container.id.empty(), "a machine has a name");
    return;
  }
  require(container.id.empty() || container.id.size() == 64, "an id has 64 digits");
  require(container.id.find_first_not_of("0123456789abcdef") == std::string::npos, "an id is digits");
  require(container.runtime == ContainerRuntime::unknown || !container.id.empty(), "who runs what has no id?");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::vector<Cgroup> reused;
  const auto all = text(data, size);
  require_sound(container_of(all));
  const auto done = parse_cgroup(all, reused);
  if (!done) {
    require_refusal(done.error());
    return 0;
  }
  for (const auto& group : reused) require(group.path.starts_with('/'), "a path begins at the root");
  require_sound(container_of(reused));
  return 0;
}
