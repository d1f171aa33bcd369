// Block devices, and how full the filesystems are.
//
// /proc/diskstats        requests, bytes and time of each device; sectors are 512 bytes, times milliseconds
// /proc/self/mountinfo   what is mounted where
// statfs(2)              size, free space and inodes of each filesystem; asked in a child process, see StatfsProber
//
// A device above others (dm, md) counts what they count too, so a sum over all devices counts requests twice. One that
// never completed a request has no series. Of several mounts of a filesystem one is reported. A mount that hangs or
// fails has sentinel_filesystem_device_error 1 and no sizes; the status API says why, in `filesystems_in_trouble`.
#include <sentinel/procfs/diskstats.hpp>
#include <sentinel/procfs/mountinfo.hpp>
#include <sentinel/procfs/proc_root.hpp>

#include <sentinel/collector.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "plugins/proc_disk/filesystems.hpp"
#include "plugins/proc_disk/statfs_prober.hpp"

namespace {

using namespace sentinel::procfs;
using sentinel::FieldType;

class ProcDisk {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "procfs", .type = FieldType::path, .by_default = "/proc", .help = "where proc(5) is mounted"},
      {.name = "pid",
       .type = FieldType::integer,
       .help = "the process whose mounts are read, such as 1 for the host's; by default the agent's own",
       .minimum = 1,
       .maximum = 4194304},
      {.name = "rootfs",
       .type = FieldType::path,
       .by_default = "/",
       .help = "where the root of those mounts is found, such as /host in a container"},
      {.name = "ignore_devices",
       .type = FieldType::string_list,
       .by_default = "ram*, zram*, loop*, fd*, sr*",
       .help = "patterns (fnmatch) of block devices to leave out"},
      {.name = "partitions", .type = FieldType::boolean, .by_default = "false", .help = "partitions too"},
      {.name = "most_devices",
       .type = FieldType::integer,
       .by_default = "8",
       .help = "devices with series, in the kernel's order; more are counted",
       .minimum = 1,
       .maximum = 1000},
      {.name = "filesystems", .type = FieldType::boolean, .by_default = "true", .help = "look at filesystems"},
      {.name = "ignore_fstypes",
       .type = FieldType::string_list,
       .by_default = "autofs, binfmt_misc, bpf, cgroup, cgroup2, configfs, debugfs, devpts, devtmpfs, efivarfs, erofs, "
                     "fusectl, hugetlbfs, iso9660, mqueue, nsfs, overlay, proc, pstore, ramfs, rpc_pipefs, securityfs, "
                     "selinuxfs, squashfs, sysfs, tracefs, nfs, nfs4, cifs, smb3, smbfs, 9p, afs, ceph, lustre, ncpfs, "
                     "fuse, fuse.*",
       .help = "patterns of filesystem types to leave out, except at /: by default what holds no data or is remote"},
      {.name = "ignore_mountpoints",
       .type = FieldType::string_list,
       .by_default = "/dev, /dev/*, /proc, /proc/*, /sys, /sys/*, /run/credentials/*, /run/user/*, /run/netns/*, "
                     "/run/containerd/*, /var/lib/docker/*, /var/lib/containers/*, /var/lib/kubelet/*, /snap/*",
       .help = "patterns of mountpoints to leave out; * matches / too"},
      {.name = "most_filesystems",
       .type = FieldType::integer,
       .by_default = "10",
       .help = "filesystems with series, in the order of their mounting; more are counted",
       .minimum = 1,
       .maximum = 1000},
      {.name = "patience",
       .type = FieldType::duration,
       .by_default = "1s",
       .help = "how long a mount may take to answer before it counts as hanging; a collection waits for four at most",
       .minimum = 0.01,
       .maximum = 2}};

  ProcDisk(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        procfs_(config.path("procfs")),
        mountinfo_((config.has("pid") ? std::to_string(config.integer("pid")) : "self") + "/mountinfo"),
        rootfs_(config.path("rootfs")),
        ignored_devices_(config.strings("ignore_devices")),
        partitions_(config.boolean("partitions")),
        most_devices_(static_cast<std::size_t>(config.integer("most_devices"))),
        with_filesystems_(config.boolean("filesystems")),
        filter_{config.strings("ignore_fstypes"), config.strings("ignore_mountpoints")},
        most_filesystems_(static_cast<std::size_t>(config.integer("most_filesystems"))),
        prober_(std::chrono::duration_cast<std::chrono::milliseconds>(config.duration("patience"))),
        disk_(host),
        filesystem_(host) {
    while (rootfs_.ends_with('/')) rootfs_.pop_back();
  }

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    const auto root = Root::open(procfs_);
    if (!root) return root.error();
    if (const auto done = collect_disks(*root, batch); !done) return done;
    if (!with_filesystems_) return {};
    return collect_filesystems(*root, batch);
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    for (const auto& trouble : troubles_) {
      rows.add("filesystems_in_trouble", {{"mountpoint", trouble.mountpoint},
                                          {"fstype", trouble.fstype},
                                          {"device", trouble.device},
                                          {"reason", trouble.reason}});
    }
    return {};
  }

  sentinel::Result<void> stop() {
    if (const auto left = prober_.give_up(); left > 0) {
      host_.warning(std::to_string(left) +
                    " helper processes hang in statfs(2) of mounts that do not answer; they were "
                    "killed and end once the mounts do");
    }
    return {};
  }

 private:
  struct DiskMetrics {
    explicit DiskMetrics(const sentinel::Host& host)
        : reads(host.counter({"sentinel_disk_reads_completed_total", "Reads completed."}, {"device"})),
          writes(host.counter({"sentinel_disk_writes_completed_total", "Writes completed."}, {"device"})),
          read_bytes(host.counter({"sentinel_disk_read_bytes_total", "Bytes read.", "bytes"}, {"device"})),
          written_bytes(host.counter({"sentinel_disk_written_bytes_total", "Bytes written.", "bytes"}, {"device"})),
          read_seconds(host.counter(
              {"sentinel_disk_read_time_seconds_total", "Time of all reads, added up.", "seconds"}, {"device"})),
          write_seconds(host.counter(
              {"sentinel_disk_write_time_seconds_total", "Time of all writes, added up.", "seconds"}, {"device"})),
          io_seconds(host.counter(
              {"sentinel_disk_io_seconds_total", "Time with at least one request in flight.", "seconds"}, {"device"})),
          weighted_seconds(host.counter(
              {"sentinel_disk_io_weighted_seconds_total", "Time of all requests in flight, added up.", "seconds"},
              {"device"})),
          in_flight(host.gauge({"sentinel_disk_io_in_flight", "Requests in flight."}, {"device"})),
          left_out(
              host.gauge({"sentinel_disks_left_out", "Block devices without series, because there are too many."})) {}

    void add(sentinel::Batch& batch, const DiskStat& disk) const {
      constexpr double sector_bytes = 512;
      const auto device = disk.name;
      batch.add(reads, static_cast<double>(disk.reads_completed), {device});
      batch.add(writes, static_cast<double>(disk.writes_completed), {device});
      batch.add(read_bytes, static_cast<double>(disk.sectors_read) * sector_bytes, {device});
      batch.add(written_bytes, static_cast<double>(disk.sectors_written) * sector_bytes, {device});
      batch.add(read_seconds, static_cast<double>(disk.read_ms) / 1e3, {device});
      batch.add(write_seconds, static_cast<double>(disk.write_ms) / 1e3, {device});
      batch.add(io_seconds, static_cast<double>(disk.io_ms) / 1e3, {device});
      batch.add(weighted_seconds, static_cast<double>(disk.weighted_io_ms) / 1e3, {device});
      batch.add(in_flight, static_cast<double>(disk.in_flight), {device});
    }

    sentinel::Counter<1> reads;
    sentinel::Counter<1> writes;
    sentinel::Counter<1> read_bytes;
    sentinel::Counter<1> written_bytes;
    sentinel::Counter<1> read_seconds;
    sentinel::Counter<1> write_seconds;
    sentinel::Counter<1> io_seconds;
    sentinel::Counter<1> weighted_seconds;
    sentinel::Gauge<1> in_flight;
    sentinel::Gauge<> left_out;
  };

  struct FilesystemMetrics {
    using Gauge = sentinel::Gauge<3>;

    explicit FilesystemMetrics(const sentinel::Host& host)
        : size(gauge(host, "size_bytes", "Size of the filesystem.", "bytes")),
          free(gauge(host, "free_bytes", "Free space.", "bytes")),
          available(gauge(host, "avail_bytes", "Free space that users without privileges may fill.", "bytes")),
          files(gauge(host, "files", "Inodes, where their number is fixed.")),
          files_free(gauge(host, "files_free", "Free inodes, where their number is fixed.")),
          read_only(gauge(host, "readonly", "1: takes no writes.")),
          error(gauge(host, "device_error", "1: did not tell its size, because it hangs or fails.")),
          left_out(host.gauge(
              {"sentinel_filesystems_left_out", "Filesystems without series, because there are too many."})) {}

    void add(sentinel::Batch& batch, const Filesystem& of, const StatfsAnswer& answer) const {
      const std::string_view labels[] = {of.mountpoint, of.fstype, of.device};
      const bool good = answer.state == StatfsAnswer::State::answered;
      batch.add(read_only, of.read_only ? 1 : 0, labels);
      batch.add(error, good ? 0 : 1, labels);
      if (!good) return;
      batch.add(size, static_cast<double>(answer.size_bytes), labels);
      batch.add(free, static_cast<double>(answer.free_bytes), labels);
      batch.add(available, static_cast<double>(answer.available_bytes), labels);
      if (answer.files == 0) return;
      batch.add(files, static_cast<double>(answer.files), labels);
      batch.add(files_free, static_cast<double>(answer.files_free), labels);
    }

    Gauge size;
    Gauge free;
    Gauge available;
    Gauge files;
    Gauge files_free;
    Gauge read_only;
    Gauge error;
    sentinel::Gauge<> left_out;

   private:
    static Gauge gauge(const sentinel::Host& host, const char* name, const char* help, const char* unit = "") {
      const auto full = std::string("sentinel_filesystem_") + name;
      return host.gauge({full, help, unit}, {"mountpoint", "fstype", "device"});
    }
  };

  struct Trouble {
    std::string mountpoint;
    std::string fstype;
    std::string device;
    std::string reason;
  };

  sentinel::Result<void> collect_disks(const Root& root, sentinel::Batch& batch) {
    constexpr std::string_view file = "diskstats";
    const auto text = root.read(file, buffer_);
    if (!text) return text.error();
    if (const auto parsed = parse_diskstats(*text, disks_); !parsed) return parsed.error().in(root.full_path(file));
    std::erase_if(disks_, [&](const DiskStat& disk) { return !reports(disk); });
    const auto reported = std::min(disks_.size(), most_devices_);
    for (std::size_t i = 0; i < reported; ++i) disk_.add(batch, disks_[i]);
    batch.add(disk_.left_out, static_cast<double>(disks_.size() - reported));
    return {};
  }

  [[nodiscard]] bool reports(const DiskStat& disk) const {
    const bool used = disk.reads_completed + disk.writes_completed + disk.in_flight > 0;
    return used && (partitions_ || !disk.partition) && !matches_any(ignored_devices_, std::string(disk.name));
  }

  sentinel::Result<void> collect_filesystems(const Root& root, sentinel::Batch& batch) {
    const auto text = root.read(mountinfo_, buffer_);
    if (!text) return text.error();
    if (const auto parsed = parse_mountinfo(*text, mounts_); !parsed) {
      return parsed.error().in(root.full_path(mountinfo_));
    }
    auto filesystems = choose_filesystems(mounts_, filter_);
    const auto reported = std::min(filesystems.size(), most_filesystems_);
    batch.add(filesystem_.left_out, static_cast<double>(filesystems.size() - reported));
    filesystems.resize(reported);
    std::vector<StatfsTarget> targets;
    for (const auto& filesystem : filesystems)
      targets.push_back({filesystem.mount_id, rootfs_ + filesystem.mountpoint});
    prober_.probe(targets, answers_);
    troubles_.clear();
    for (std::size_t i = 0; i < reported; ++i) {
      filesystem_.add(batch, filesystems[i], answers_[i]);
      if (answers_[i].state == StatfsAnswer::State::answered) continue;
      troubles_.push_back(
          {filesystems[i].mountpoint, filesystems[i].fstype, filesystems[i].device, reason(answers_[i])});
    }
    log_changes();
    return {};
  }

  static std::string reason(const StatfsAnswer& answer) {
    switch (answer.state) {
      case StatfsAnswer::State::hanging:
        return "does not answer";
      case StatfsAnswer::State::not_asked:
        return "not asked, because too many others do not answer";
      case StatfsAnswer::State::failed:
      case StatfsAnswer::State::answered:
        break;
    }
    return std::generic_category().message(answer.error);
  }

  void log_changes() {
    std::set<std::string> now;
    for (const auto& trouble : troubles_) {
      now.insert(trouble.mountpoint);
      if (troubled_.contains(trouble.mountpoint)) continue;
      host_.warning("filesystem " + trouble.mountpoint + " (" + trouble.fstype + ", " + trouble.device +
                    ") does not tell "
                    "its size: " +
                    trouble.reason);
    }
    for (const auto& mountpoint : troubled_) {
      if (!now.contains(mountpoint)) host_.info("filesystem " + mountpoint + " tells its size again, or is gone");
    }
    troubled_ = std::move(now);
  }

  sentinel::Host host_;
  std::string procfs_;
  std::string mountinfo_;
  std::string rootfs_;
  std::vector<std::string> ignored_devices_;
  bool partitions_;
  std::size_t most_devices_;
  bool with_filesystems_;
  FilesystemFilter filter_;
  std::size_t most_filesystems_;
  StatfsProber prober_;
  DiskMetrics disk_;
  FilesystemMetrics filesystem_;
  Buffer buffer_;
  std::vector<DiskStat> disks_;
  std::vector<Mount> mounts_;
  std::vector<StatfsAnswer> answers_;
  std::vector<Trouble> troubles_;
  std::set<std::string> troubled_;  // mountpoints whose trouble the log has
};

}  // namespace

SENTINEL_COLLECTOR(ProcDisk, {.name = "proc_disk",
                              .version = "0.1.0",
                              .licence = "Apache-2.0",
                              .summary = "Requests of block devices, and how full filesystems are"});
