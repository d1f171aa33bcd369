// How a funnel is handed to its successor: as the numbers of descriptors that its predecessor keeps open until the
// successor runs, with the ids that the kernel gave their objects, by which a number that stands for something else by
// now is found out. Lines of text:
//
//   pid <process>
//   layout <number>
//   map <name> <descriptor> <id>
//   hook <program> <link> <array> <stub> <link's id>
//   demand <id> <event type> <field>…
#include <bpf/bpf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>
#include <utility>

#include "sentinel/bpf/funnel.hpp"

namespace sentinel::bpf {
namespace {

constexpr std::string_view funnel_maps[] = {"funnel_ledgers", "funnel_ring", "funnel_panes"};

std::uint32_t map_id(int fd) {
  bpf_map_info info = {};
  __u32 size = sizeof(info);
  return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

std::uint32_t link_id(int fd) {
  bpf_link_info info = {};
  __u32 size = sizeof(info);
  return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

procfs::UniqueFd copy_of(int fd) {
  return procfs::UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

}  // namespace

Result<void> Funnel::save(Writer& out) const {
  if (!started()) return Error{Errc::no_data, "it does not run"};
  std::ostringstream text;
  text << "pid " << getpid() << "\nlayout " << spec_.layout << '\n';
  const auto write_map = [&](std::string_view name) {
    const int fd = object_->map_fd(name);
    text << "map " << name << ' ' << fd << ' ' << map_id(fd) << '\n';
  };
  for (const auto name : funnel_maps) write_map(name);
  for (const auto name : spec_.kept_maps) write_map(name);
  for (const Attachment& hook : hooks_->attachments()) {
    text << "hook " << hook.program << ' ' << hook.link.get() << ' ' << hook.jump.get() << ' ' << hook.stub.get() << ' '
         << link_id(hook.link.get()) << '\n';
  }
  for (const FoldedDemand& demand : folded_) {
    text << "demand " << demand.id << ' ' << demand.event;
    for (const auto field : demand.keys) text << ' ' << field;
    text << '\n';
  }
  if (!out.write(text.str())) return Error{Errc::exhausted, "the agent takes no more of its state"};
  return {};
}

Result<void> Funnel::restore(std::string_view state) {
  const auto vain = [&](std::string why) -> Result<void> {
    gap_ = std::move(why);
    inherited_.clear();
    return Error{Errc::no_data, gap_};
  };
  std::istringstream lines{std::string(state)};
  std::vector<Attachment> attachments;
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "pid") {
      long pid = 0;
      words >> pid;
      if (pid != getpid()) return vain("its predecessor was another process");
    } else if (what == "layout") {
      std::uint32_t layout = 0;
      words >> layout;
      if (layout != spec_.layout) return vain("its predecessor's maps have another layout");
    } else if (what == "map") {
      std::string name;
      int fd = -1;
      std::uint32_t id = 0;
      words >> name >> fd >> id;
      if (id == 0 || map_id(fd) != id) return vain("its predecessor's map '" + name + "' is gone");
      inherited_.emplace_back(name, copy_of(fd));
    } else if (what == "hook") {
      Attachment hook;
      int link = -1;
      int jump = -1;
      int stub = -1;
      std::uint32_t id = 0;
      words >> hook.program >> link >> jump >> stub >> id;
      if (id == 0 || link_id(link) != id) return vain("its predecessor's hook '" + hook.program + "' is gone");
      hook.link = copy_of(link);
      hook.jump = copy_of(jump);
      hook.stub = copy_of(stub);
      attachments.push_back(std::move(hook));
    } else if (what == "demand") {
      FoldedDemand demand;
      words >> demand.id >> demand.event;
      for (std::uint32_t field = 0; words >> field;) demand.keys.push_back(field);
      if (folded(demand.id) == nullptr) folded_.push_back(std::move(demand));
    }
  }
  if (inherited_.empty()) return vain("its predecessor's state is empty");
  if (auto taken = hooks_->take_over(std::move(attachments)); !taken) return vain(taken.error().message);
  return {};
}

}  // namespace sentinel::bpf
