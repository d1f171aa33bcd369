#include "core/runtime/file_watch.hpp"

#include <sys/inotify.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

namespace sentinel::runtime {
namespace fs = std::filesystem;
namespace {

constexpr std::uint32_t changes = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB;
constexpr std::size_t most_bytes = 1U << 20U;  // as much as the configuration reads
constexpr int most_links = 40;                 // as path_resolution(7)

/// Every folder in which a change can lead the path elsewhere: those of the file and of each link on the way.
std::set<fs::path> folders_on_the_way(const fs::path& path) {
  std::set<fs::path> folders;
  std::error_code failed;
  fs::path rest = fs::absolute(path, failed).lexically_normal();
  for (int links = 0; links < most_links; ++links) {
    fs::path walked;
    std::optional<fs::path> next;
    for (auto part = rest.begin(); part != rest.end(); ++part) {
      const fs::path folder = walked;
      walked /= *part;
      if (!fs::is_symlink(fs::symlink_status(walked, failed))) continue;
      folders.insert(folder);
      fs::path target = fs::read_symlink(walked, failed);
      if (target.is_relative()) target = folder / target;
      for (++part; part != rest.end(); ++part) target /= *part;
      next = target.lexically_normal();
      break;
    }
    if (!next) break;
    rest = *next;
  }
  // A folder that is not there yet is watched for in the nearest one that is.
  fs::path folder = rest.parent_path();
  while (!fs::is_directory(folder, failed) && folder.has_relative_path()) folder = folder.parent_path();
  folders.insert(folder);
  return folders;
}

std::optional<std::string> read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(most_bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

}  // namespace

Result<std::unique_ptr<FileWatch>> FileWatch::open(boost::asio::io_context& control, fs::path path,
                                                   std::optional<std::string> known, std::function<void()> changed) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    return Error{Errc::failed, "cannot watch " + path.string() + ": inotify: " +
                                   std::generic_category().message(errno) + "; raise fs.inotify.max_user_instances"};
  }
  std::unique_ptr<FileWatch> watch(new FileWatch(control, std::move(path), std::move(changed), fd));
  watch->watch_folders();
  watch->text_ = std::move(known);
  watch->await_event();
  watch->await_quiet();  // for what changed before there was a watch
  return watch;
}

FileWatch::FileWatch(boost::asio::io_context& control, fs::path path, std::function<void()> changed, int fd)
    : path_(std::move(path)), changed_(std::move(changed)), inotify_(control, fd), timer_(control) {}

FileWatch::~FileWatch() {
  *alive_ = false;
}

void FileWatch::watch_folders() {
  // Watches of folders that no longer matter stay; they cost nothing but a look.
  for (const auto& folder : folders_on_the_way(path_))
    ::inotify_add_watch(inotify_.native_handle(), folder.c_str(), changes);
}

void FileWatch::await_event() {
  inotify_.async_read_some(boost::asio::buffer(events_),
                           [this, alive = alive_](const boost::system::error_code& failed, std::size_t) {
                             if (failed || !*alive) return;
                             await_quiet();
                             await_event();
                           });
}

void FileWatch::await_quiet() {
  if (std::exchange(settling_, true)) return;
  timer_.expires_after(settle);
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& failed) {
    if (failed || !*alive) return;
    settling_ = false;
    compare();
  });
}

void FileWatch::compare() {
  watch_folders();
  auto text = read(path_);
  if (text == text_) return;
  text_ = std::move(text);
  changed_();
}

}  // namespace sentinel::runtime
