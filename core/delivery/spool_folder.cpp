#include "core/delivery/spool_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace sentinel::delivery {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_journals = 64;
constexpr mode_t folder_mode = 0700;
constexpr mode_t file_mode = 0600;
constexpr mode_t others_write = S_IWGRP | S_IWOTH;

std::string reason(int error) {
  return std::generic_category().message(error);
}

bool is_disk_problem(int error) {
  return error == ENOSPC || error == EROFS || error == EDQUOT || error == EIO;
}

/// Errors as those of SpoolFolder::open(); what the disk would not do is told.
Result<void> make_folder(const fs::path& path, const std::function<void(std::string)>& on_problem) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (!error && ::mkdir(path.c_str(), folder_mode) != 0) error = std::error_code(errno, std::generic_category());
  if (error && error.value() != EEXIST) {
    if (!is_disk_problem(error.value())) {
      const Errc code = error.value() == EACCES || error.value() == EPERM ? Errc::permission : Errc::failed;
      return Error{code, "spool " + path.string() + ": cannot be made: " + error.message()};
    }
    on_problem("spool " + path.string() + ": cannot be made: " + error.message());
    return {};
  }
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) return Error{Errc::failed, "spool " + path.string() + ": " + reason(errno)};
  if (!S_ISDIR(status.st_mode)) {
    return Error{Errc::failed, "spool " + path.string() + ": is no folder; move away what is there"};
  }
  if (status.st_uid != ::geteuid()) {
    return Error{Errc::permission, "spool " + path.string() + ": belongs to another user; chown it to the agent's"};
  }
  if ((status.st_mode & 0777U) != folder_mode && ::chmod(path.c_str(), folder_mode) != 0 &&
      (status.st_mode & others_write) != 0) {
    return Error{Errc::permission, "spool " + path.string() + ": others may write to it; chmod 0700 it"};
  }
  return {};
}

Result<Fd> take_lock(const fs::path& path) {
  Fd fd(::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, file_mode));
  if (!fd) return Fd();  // the disk is full or read-only, which the journals tell
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_SETLK, &lock) == 0) return fd;
  if (errno != EACCES && errno != EAGAIN) return Fd();
  return Error{Errc::failed, "spool " + path.string() + ": another agent uses it; give each its own state_dir"};
}

void clean(const fs::path& path) {
  std::vector<std::pair<fs::file_time_type, fs::path>> journals;
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const fs::path& file = at->path();
    std::error_code ignored;
    if (file.extension() == ".new") {
      fs::remove(file, ignored);
    } else if (file.extension() == ".journal" || file.extension() == ".damaged") {
      journals.emplace_back(fs::last_write_time(file, ignored), file);
    }
  }
  if (journals.size() <= most_journals) return;
  std::sort(journals.begin(), journals.end());
  journals.resize(journals.size() - most_journals);
  for (const auto& [time, file] : journals) fs::remove(file, error);
}

}  // namespace

Result<SpoolFolder> SpoolFolder::open(const fs::path& path, const std::function<void(std::string)>& on_problem) {
  if (auto made = make_folder(path, on_problem); !made) return made.error();
  auto lock = take_lock(path);
  if (!lock) return lock.error();
  clean(path);
  return SpoolFolder(std::move(*lock));
}

}  // namespace sentinel::delivery
