#include "tests/support/fault.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

namespace sentinel::testing {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> command_of(const std::string& tool, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), built_file("chaos/" + tool));
  return arguments;
}

/// Where a kind of file system with an option is mounted; empty when nowhere.
fs::path mount_of(std::string_view type, std::string_view option) {
  std::istringstream mounts(read_text("/proc/mounts"));
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream words(line);
    std::string source;
    std::string where;
    std::string kind;
    std::string options;
    words >> source >> where >> kind >> options;
    if (kind == type && ("," + options + ",").find("," + std::string(option) + ",") != std::string::npos) return where;
  }
  return {};
}

bool put(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  return static_cast<bool>(out << text << std::flush);
}

}  // namespace

std::string built_file(const std::string& name) {
  return std::string(SENTINEL_BINARY_DIR "/") + name;
}

Fault::Fault(const std::string& tool, std::vector<std::string> arguments)
    : process_(command_of(tool, std::move(arguments))) {
  const auto stands = [&] { return process_.out().find("\nready: ") != std::string::npos; };
  EXPECT_TRUE(eventually([&] { return stands() || !process_.running(); }) && stands())
      << tool << ": " << process_.out() << process_.err();
}

void Fault::stop() {
  process_.send(SIGTERM);
  EXPECT_TRUE(process_.wait()) << process_.out();
}

MemoryCgroup::MemoryCgroup(std::uint64_t limit_bytes) {
  const std::string name = "sentinel-test-" + std::to_string(::getpid());
  const fs::path old = mount_of("cgroup", "memory");
  const fs::path unified = mount_of("cgroup2", "rw");
  if (old.empty() && unified.empty()) {
    problem_ = "no cgroups are mounted writable";
    return;
  }
  folder_ = (old.empty() ? unified : old) / name;
  if (old.empty()) (void)put(unified / "cgroup.subtree_control", "+memory");
  std::error_code failed;
  if (!fs::create_directory(folder_, failed)) {
    problem_ = "cannot make " + folder_.string() + ": " + failed.message();
    return;
  }
  const auto limit = std::to_string(limit_bytes);
  if (!put(folder_ / (old.empty() ? "memory.max" : "memory.limit_in_bytes"), limit)) {
    problem_ = "cannot bound the memory of " + folder_.string();
  }
  // Without swap accounting these are not there; without swap they do not matter.
  const fs::path swap = folder_ / (old.empty() ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
  if (fs::exists(swap, failed)) (void)put(swap, old.empty() ? "0" : limit);
}

MemoryCgroup::~MemoryCgroup() {
  if (folder_.empty()) return;
  // Busy until the last of its processes is reaped.
  EXPECT_TRUE(eventually([&] { return ::rmdir(folder_.c_str()) == 0 || errno == ENOENT; })) << folder_;
}

std::vector<std::string> MemoryCgroup::inside(const std::vector<std::string>& command) const {
  std::vector<std::string> words{"sh", "-c", R"(echo $$ > "$0" && exec "$@")", folder_ / "cgroup.procs"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

PrivateNetwork::PrivateNetwork() {
  const int fd = ::unshare(CLONE_NEWNET) == 0 ? ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  if (fd < 0 || ::ioctl(fd, SIOCSIFFLAGS, &loopback) != 0) {
    problem_ = std::string("cannot make a network of its own: ") + std::strerror(errno);
  }
  if (fd >= 0) ::close(fd);
}

SmallDisk::SmallDisk(fs::path at, const std::string& size) : at_(std::move(at)) {
  fs::create_directories(at_);
  // Of our own, so that nothing stays mounted even when the test is killed.
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("sentinel-test", at_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, ("size=" + size).c_str()) != 0) {
    problem_ = "cannot mount a tmpfs at " + at_.string() + ": " + std::strerror(errno);
  }
}

SmallDisk::~SmallDisk() {
  if (problem_.empty()) ::umount2(at_.c_str(), MNT_DETACH);
}

void SmallDisk::fill() const {
  const int fd = ::open((at_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  constexpr std::array<char, 4096> block{};
  while (::write(fd, block.data(), block.size()) > 0) continue;
  EXPECT_EQ(errno, ENOSPC);
  ::close(fd);
}

void SmallDisk::clear() const {
  fs::remove(at_ / "ballast");
}

bool SmallDisk::set_read_only(bool read_only) const {
  const unsigned long flags =
      MS_REMOUNT | MS_NOSUID | MS_NODEV | (read_only ? static_cast<unsigned long>(MS_RDONLY) : 0);
  return ::mount(nullptr, at_.c_str(), nullptr, flags, nullptr) == 0;
}

}  // namespace sentinel::testing
