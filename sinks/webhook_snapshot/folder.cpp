#include "sinks/webhook_snapshot/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "sinks/webhook_snapshot/text.hpp"

namespace snapshot {
namespace {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;

constexpr std::size_t buffer_bytes = std::size_t{64} << 10U;
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int deepest = 4;

Error failure(int error, std::string_view action, const std::string& what) {
  const Errc code = error == ENOSPC || error == EDQUOT                    ? Errc::exhausted
                    : error == EACCES || error == EPERM || error == EROFS ? Errc::permission
                                                                          : Errc::failed;
  std::string text = "cannot ";
  text.append(action).append(" ").append(what).append(": ").append(std::generic_category().message(error));
  if (code == Errc::exhausted) text += "; free some space, or lower `quota`";
  if (error == EROFS) text += "; give a `directory` on a disk that takes writes";
  if (error == EACCES || error == EPERM) text += "; give a `directory` that the agent may write";
  return {code, std::move(text)};
}

std::string partial_name(const std::string& id) {
  return "." + id + ".partial";
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/// A second handle for reading entries; the descriptor stays the caller's.
Directory entries_of(int fd) {
  const int copy = ::openat(fd, ".", folder_flags);
  if (copy < 0) return nullptr;
  DIR* directory = ::fdopendir(copy);
  if (directory == nullptr) ::close(copy);
  return Directory(directory);
}

template <class Visit>
void for_each_entry(int fd, Visit&& visit) {
  const auto directory = entries_of(fd);
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") visit(std::string(name));
  }
}

/// Removes a directory and what is in it, never following a link. 0 or an errno.
int remove_tree(int parent, const std::string& name, int depth = 0) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;
  if (depth < deepest) {
    const UniqueFd fd(::openat(parent, name.c_str(), folder_flags));
    if (!fd) return errno == ENOENT ? 0 : errno;
    for_each_entry(fd.get(), [&](const std::string& entry) { remove_tree(fd.get(), entry, depth + 1); });
  }
  return ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : errno;
}

std::uint64_t tree_bytes(int parent, const std::string& name, int depth = 0) {
  struct stat status {};
  if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  if (!S_ISDIR(status.st_mode) || depth == deepest) return bytes;
  const UniqueFd fd(::openat(parent, name.c_str(), folder_flags));
  if (!fd) return bytes;
  for_each_entry(fd.get(), [&](const std::string& entry) { bytes += tree_bytes(fd.get(), entry, depth + 1); });
  return bytes;
}

/// The directory and those above it, 0700 where they are made.
int make_folders(const std::string& path) {
  for (std::size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at);
    const auto part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      // Above what may be written there may be what must not even be asked to be made.
      struct stat status {};
      const int error = errno;
      if (::stat(part.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return error;
    }
    if (at != std::string::npos) ++at;
  }
  return 0;
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int sync_at(int folder, const std::string& name, int flags) {
  const UniqueFd fd(::openat(folder, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno;
  return ::fsync(fd.get()) == 0 || errno == EINVAL ? 0 : errno;
}

constexpr int new_file = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

std::string make_name(std::int64_t unix_ns, std::string_view alert, std::uint64_t fingerprint) {
  return compact_time(unix_ns) + "-" + path_part(alert) + "-" + hex(fingerprint);
}

std::optional<Name> parse_name(std::string_view name) {
  constexpr std::size_t time_size = 16;
  constexpr std::size_t print_size = 16;
  if (name.size() < time_size + print_size + 3) return std::nullopt;
  const auto alert = name.substr(time_size + 1, name.size() - time_size - print_size - 2);
  const auto time = parse_compact_time(name.substr(0, time_size));
  const auto fingerprint = unhex(name.substr(name.size() - print_size));
  const bool separated = name[time_size] == '-' && name[name.size() - print_size - 1] == '-';
  if (!time || !fingerprint || !separated || path_part(alert) != alert) return std::nullopt;
  return Name{*time, std::string(alert), *fingerprint};
}

void File::append(std::string_view bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty() && error_ == 0) {
    const auto fits = std::min(bytes.size(), buffer_.size() - used_);
    std::memcpy(buffer_.data() + used_, bytes.data(), fits);
    used_ += fits;
    bytes.remove_prefix(fits);
    if (used_ == buffer_.size()) flush();
  }
}

void File::flush() {
  if (error_ == 0) error_ = write_all(fd_.get(), {buffer_.data(), used_});
  used_ = 0;
}

Result<void> File::close() {
  flush();
  fd_ = UniqueFd();
  if (error_ != 0) return failure(error_, "write", name_);
  return {};
}

Draft::~Draft() {
  if (!fd_) return;
  fd_ = UniqueFd();
  remove_tree(base_, partial_name(id_));
}

Result<File> Draft::create(const std::string& relative) {
  for (auto slash = relative.find('/'); slash != std::string::npos; slash = relative.find('/', slash + 1)) {
    const auto folder = relative.substr(0, slash);
    if (std::find(folders_.begin(), folders_.end(), folder) != folders_.end()) continue;
    if (::mkdirat(fd_.get(), folder.c_str(), 0700) != 0) return failure(errno, "make", id_ + "/" + folder);
    folders_.push_back(folder);
  }
  UniqueFd fd(::openat(fd_.get(), relative.c_str(), new_file, 0600));
  if (!fd) return failure(errno, "create", id_ + "/" + relative);
  files_.push_back(relative);
  return File(std::move(fd), buffer_, id_ + "/" + relative);
}

Result<std::uint64_t> Draft::write(const std::string& relative, std::string_view text) {
  auto file = create(relative);
  if (!file) return file.error();
  file->append(text);
  if (const auto done = file->close(); !done) return done.error();
  return std::uint64_t{text.size()};
}

std::uint64_t Draft::bytes() const {
  return tree_bytes(base_, partial_name(id_));
}

Result<void> Draft::publish() {
  // All at the end: the first fsync commits the filesystem's journal, and the rest find little left to do.
  for (const auto& file : files_) {
    if (const int error = sync_at(fd_.get(), file, O_RDONLY); error != 0)
      return failure(error, "sync", id_ + "/" + file);
  }
  for (const auto& folder : folders_) sync_at(fd_.get(), folder, O_RDONLY | O_DIRECTORY);
  if (::fsync(fd_.get()) != 0 && errno != EINVAL) return failure(errno, "sync", id_);
  if (::renameat(base_, partial_name(id_).c_str(), base_, id_.c_str()) != 0) return failure(errno, "rename", id_);
  fd_ = UniqueFd();
  if (::fsync(base_) != 0 && errno != EINVAL) return failure(errno, "sync the directory of", id_);
  return {};
}

Folder::Folder(std::string path) : path_(std::move(path)), buffer_(buffer_bytes, '\0') {
  while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
}

Result<void> Folder::open() {
  struct stat status {};
  // One that was removed or replaced meanwhile is found again by its path.
  if (fd_ && ::fstat(fd_.get(), &status) == 0 && status.st_nlink > 0) return {};
  if (const int error = make_folders(path_); error != 0) return failure(error, "make", path_);
  fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd_) return failure(errno, "open", path_);
  for_each_entry(fd_.get(), [this](const std::string& entry) {
    if (!entry.starts_with('.') || !entry.ends_with(".partial")) return;
    constexpr std::size_t affixes = 1 + sizeof(".partial") - 1;
    if (!parse_name(std::string_view(entry).substr(1, entry.size() - affixes))) return;
    // One that is still being written is locked: by the instance that this one takes over from.
    const UniqueFd left(::openat(fd_.get(), entry.c_str(), folder_flags));
    if (left && ::flock(left.get(), LOCK_EX | LOCK_NB) == 0) remove_tree(fd_.get(), entry);
  });
  return {};
}

Result<Draft> Folder::begin(const std::string& id) {
  if (const auto opened = open(); !opened) return opened.error();
  const auto name = partial_name(id);
  if (::mkdirat(fd_.get(), name.c_str(), 0700) != 0) return failure(errno, "make", path_ + "/" + name);
  UniqueFd fd(::openat(fd_.get(), name.c_str(), folder_flags));
  if (!fd) {
    const int error = errno;
    remove_tree(fd_.get(), name);
    return failure(error, "open", path_ + "/" + name);
  }
  ::flock(fd.get(), LOCK_EX | LOCK_NB);
  return Draft(fd_.get(), id, std::move(fd), buffer_);
}

Result<void> Folder::replace(const std::string& id, const std::string& file, std::string_view text) {
  const UniqueFd folder(::openat(fd_.get(), id.c_str(), folder_flags));
  if (!folder) return failure(errno, "open", path_ + "/" + id);
  const auto aside = "." + file + ".new";
  ::unlinkat(folder.get(), aside.c_str(), 0);
  int error = 0;
  {
    const UniqueFd fd(::openat(folder.get(), aside.c_str(), new_file, 0600));
    error = fd ? write_all(fd.get(), text) : errno;
    if (error == 0 && ::fsync(fd.get()) != 0 && errno != EINVAL) error = errno;
  }
  if (error == 0 && ::renameat(folder.get(), aside.c_str(), folder.get(), file.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlinkat(folder.get(), aside.c_str(), 0);
  return failure(error, "replace", path_ + "/" + id + "/" + file);
}

std::string Folder::read(const std::string& id, const std::string& file, std::size_t most_bytes) const {
  const UniqueFd folder(::openat(fd_.get(), id.c_str(), folder_flags));
  if (!folder) return {};
  const UniqueFd fd(::openat(folder.get(), file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  std::string text;
  std::array<char, 4096> part;
  while (fd && text.size() < most_bytes) {
    const auto got = ::read(fd.get(), part.data(), std::min(part.size(), most_bytes - text.size()));
    if (got <= 0) break;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

bool Folder::has(const std::string& id) const {
  struct stat status {};
  return fd_ && ::fstatat(fd_.get(), id.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

std::vector<std::string> Folder::list() const {
  std::vector<std::string> names;
  if (!fd_) return names;
  for_each_entry(fd_.get(), [&](std::string entry) {
    struct stat status {};
    if (!parse_name(entry)) return;
    if (::fstatat(fd_.get(), entry.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
      names.push_back(std::move(entry));
    }
  });
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t Folder::bytes_of(const std::string& id) const {
  return fd_ ? tree_bytes(fd_.get(), id) : 0;
}

Result<void> Folder::remove(const std::string& id) {
  if (!parse_name(id)) return Error{Errc::invalid_argument, "\"" + clean(id) + "\" is no snapshot"};
  // Under its partial name first: a process that dies in between leaves what the next start removes, not half of one.
  const auto name = partial_name(id);
  const std::string& from = ::renameat(fd_.get(), id.c_str(), fd_.get(), name.c_str()) == 0 ? name : id;
  if (const int error = remove_tree(fd_.get(), from); error != 0) return failure(error, "remove", path_ + "/" + id);
  return {};
}

Result<double> Folder::free_ratio() const {
  struct statvfs status {};
  if (::fstatvfs(fd_.get(), &status) != 0) return failure(errno, "ask for the free space of", path_);
  if (status.f_blocks == 0) return 1.0;
  return static_cast<double>(status.f_bavail) / static_cast<double>(status.f_blocks);
}

}  // namespace snapshot
