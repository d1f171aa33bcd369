// Open file descriptors: of the whole host, and the process that is nearest to its own limit.
//
// /proc/sys/fs/file-nr   open files of the host and the limit fs.file-max
// /proc/<pid>/fd         descriptors of a process: its size since Linux 6.2, its entries before
// /proc/<pid>/limits     soft limit RLIMIT_NOFILE; at that many descriptors open(2) and accept(2) fail
//
// A limit rarely changes and costs more to read than a count, so it is kept: read again once half of it is used, and
// every so many collections anyway. Processes are no label: those nearest to their limit go to the status API as the
// table `descriptors_by_process`. A walk is no snapshot: what comes or goes meanwhile may be missed.
#include <sentinel/procfs/descriptors.hpp>
#include <sentinel/procfs/pid_limits.hpp>
#include <sentinel/procfs/pid_stat.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/sysctl.hpp>

#include <sentinel/collector.hpp>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using namespace sentinel::procfs;

class ProcFd {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = sentinel::FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"},
      {.name = "processes",
       .type = sentinel::FieldType::boolean,
       .by_default = "true",
       .help = "look for the process that is nearest to its limit"}};
  static constexpr std::size_t most_culprits = 10;
  static constexpr std::uint64_t limit_kept_collections = 12;

  ProcFd(const sentinel::Config& config, sentinel::Host& host)
      : procfs_(config.path("procfs")),
        with_processes_(config.boolean("processes")),
        allocated_(host.gauge({"sentinel_file_descriptors_allocated", "Open files of the host."})),
        limit_(host.gauge({"sentinel_file_descriptors_limit", "Open files that the host may have, fs.file-max."})),
        ratio_(host.gauge({"sentinel_process_fds_usage_ratio_max",
                           "Open descriptors of the process nearest to its soft limit, by that limit.", "ratio"})),
        unreadable_(host.gauge({"sentinel_process_fds_unreadable",
                                "Processes whose descriptors were not counted: denied, failed, over_budget."},
                               {"reason"})) {}

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto root = Root::open(procfs_);
    if (!root) return root.error();
    if (const auto done = collect_host(*root, batch); !done) return done;
    if (!with_processes_) return {};
    return collect_processes(*root, batch);
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    for (const auto& culprit : culprits_) {
      rows.add("descriptors_by_process", {{"pid", std::to_string(culprit.pid)},
                                          {"comm", culprit.comm},
                                          {"open", std::to_string(culprit.open)},
                                          {"limit", std::to_string(culprit.limit)}});
    }
    return {};
  }

 private:
  struct Known {
    std::uint64_t inode = 0;
    std::uint64_t limit = 0;
    std::uint64_t read_at = 0;  // number of the collection
    std::uint64_t seen_at = 0;
  };
  struct Culprit {
    std::int32_t pid;
    std::uint64_t open;
    std::uint64_t limit;
    std::string comm;  // empty when the process is gone already

    [[nodiscard]] double ratio() const { return static_cast<double>(open) / static_cast<double>(limit); }
  };

  sentinel::Result<void> collect_host(const Root& root, sentinel::Batch& batch) {
    constexpr std::string_view file = "sys/fs/file-nr";
    const auto text = root.read(file, buffer_);
    if (!text) return text.error();
    std::uint64_t numbers[3] = {};
    if (const auto parsed = parse_sysctl("file-nr", *text, numbers); !parsed) {
      return parsed.error().in(root.full_path(file));
    }
    batch.add(allocated_, static_cast<double>(numbers[0]));
    batch.add(limit_, static_cast<double>(numbers[2]));
    return {};
  }

  sentinel::Result<void> collect_processes(const Root& root, sentinel::Batch& batch) {
    ++collection_;
    culprits_.clear();
    std::uint64_t limit_unread = 0;
    const auto walked = walker_.walk(root, [&](const PidDescriptors& found) {
      if (found.open == 0) return;  // a kernel thread, or a zombie
      const auto limit = limit_of(root, found);
      if (!limit && limit.error().code != sentinel::Errc::not_found) ++limit_unread;
      if (limit) consider({found.pid, found.open, std::max<std::uint64_t>(*limit, 1), {}});
    });
    if (!walked) return walked.error();
    std::erase_if(known_, [&](const auto& entry) { return entry.second.seen_at != collection_; });
    batch.add(unreadable_, static_cast<double>(walked->denied), {"denied"});
    batch.add(unreadable_, static_cast<double>(walked->failed + limit_unread), {"failed"});
    batch.add(unreadable_, static_cast<double>(walked->over_budget), {"over_budget"});
    if (!culprits_.empty()) batch.add(ratio_, culprits_.front().ratio());
    for (auto& culprit : culprits_) name(root, culprit);
    return {};
  }

  sentinel::Result<std::uint64_t> limit_of(const Root& root, const PidDescriptors& found) {
    auto& known = known_[found.pid];
    known.seen_at = collection_;
    const bool fresh = known.inode == found.inode && collection_ - known.read_at < limit_kept_collections;
    if (fresh && found.open < known.limit / 2) return known.limit;
    const auto text = root.read(std::to_string(found.pid) + "/limits", buffer_);
    if (!text) return text.error();
    const auto limit = parse_open_files_limit(*text);
    if (!limit) return limit.error();
    known = {found.inode, limit->soft, collection_, collection_};
    return limit->soft;
  }

  /// Keeps the worst, worst first.
  void consider(Culprit culprit) {
    const auto place = std::find_if(culprits_.begin(), culprits_.end(),
                                    [&](const Culprit& other) { return other.ratio() < culprit.ratio(); });
    if (place == culprits_.end() && culprits_.size() == most_culprits) return;
    culprits_.insert(place, std::move(culprit));
    if (culprits_.size() > most_culprits) culprits_.pop_back();
  }

  void name(const Root& root, Culprit& culprit) {
    const auto text = root.read(std::to_string(culprit.pid) + "/stat", buffer_);
    PidStat stat;
    if (text && try_parse_pid_stat(*text, stat)) culprit.comm = stat.comm;
  }

  std::string procfs_;
  bool with_processes_;
  sentinel::Gauge<> allocated_;
  sentinel::Gauge<> limit_;
  sentinel::Gauge<> ratio_;
  sentinel::Gauge<1> unreadable_;
  DescriptorWalker walker_;
  Buffer buffer_;
  std::uint64_t collection_ = 0;
  std::unordered_map<std::int32_t, Known> known_;  // by pid
  std::vector<Culprit> culprits_;
};

}  // namespace

SENTINEL_COLLECTOR(ProcFd, {.name = "proc_fd",
                            .version = "0.1.0",
                            .licence = "Apache-2.0",
                            .summary = "Open file descriptors of the host, and the process nearest to its limit"});
