#include "core/plugin/stage.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "core/plugin/image.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "plugins.";

Error cannot(std::string_view what, const fs::path& path, int error) {
  const Errc code = error == EACCES || error == EPERM || error == EROFS ? Errc::permission : Errc::failed;
  return {code, "cannot " + std::string(what) + " " + path.string() + ": " + std::generic_category().message(error)};
}

/// The folder's lock, or nothing while another process holds it.
Fd lock_folder(const fs::path& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.close();
  return fd;
}

bool is_still(const Fd& fd, const fs::path& folder) {
  struct stat held = {};
  struct stat named = {};
  return ::fstat(fd.get(), &held) == 0 && ::stat(folder.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

/// A folder whose lock is free has no living agent.
void remove_stale(const fs::path& parent) {
  std::error_code failure;
  for (auto entry = fs::directory_iterator(parent, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    const Fd lock = lock_folder(entry->path());
    std::error_code ignored;  // the next agent tries again
    if (lock) fs::remove_all(entry->path(), ignored);
  }
}

std::string file_name(std::string_view instance, std::uint64_t generation, std::string_view sha256) {
  constexpr std::size_t longest = 64;
  constexpr std::size_t digits = 12;
  std::string name(instance.substr(0, longest));
  for (char& c : name) {
    const bool kept =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!kept) c = '_';
  }
  return name + "." + std::to_string(generation) + "." + std::string(sha256.substr(0, digits)) + ".so";
}

Result<void> write_copy(const fs::path& path, std::span<const std::byte> bytes) {
  // O_EXCL: a name is given once; an existing file is somebody's mapping.
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500));
  if (!fd) return cannot("make", path, errno);
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t put = ::write(fd.get(), bytes.data() + written, bytes.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int error = errno;
      ::unlink(path.c_str());
      return cannot("write", path, error);
    }
    written += static_cast<std::size_t>(put);
  }
  return {};
}

}  // namespace

Result<void> check_mount(const fs::path& folder, unsigned long flags) {
  if ((flags & ST_NOEXEC) == 0) return {};
  return Error{Errc::failed, folder.string() +
                                 " is on a file system mounted noexec, from which no plugin can be loaded: "
                                 "set agent.state_dir to a folder on another one"};
}

Result<Stage> Stage::open(const fs::path& parent) {
  std::error_code failure;
  fs::create_directories(parent, failure);
  if (failure) return cannot("make", parent, failure.value());
  const fs::path absolute = fs::canonical(parent, failure);
  if (failure) return cannot("look at", parent, failure.value());
  struct statvfs status = {};
  if (::statvfs(absolute.c_str(), &status) != 0) return cannot("look at", absolute, errno);
  if (const auto fit = check_mount(absolute, status.f_flag); !fit) return fit.error();
  remove_stale(absolute);
  constexpr int attempts = 10;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::string made = (absolute / (std::string(prefix) + "XXXXXX")).string();
    if (::mkdtemp(made.data()) == nullptr) return cannot("make a folder in", absolute, errno);
    Fd lock = lock_folder(made);
    // An agent that starts at the same moment may take the new folder, not yet locked, for a dead one's.
    if (lock && is_still(lock, made)) return Stage(made, std::move(lock));
  }
  return Error{Errc::failed, "cannot keep a folder in " + absolute.string() + ": other agents remove it"};
}

Stage::~Stage() {
  if (!lock_) return;
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Result<StagedFile> Stage::stage(const fs::path& source, std::string_view instance, std::uint64_t generation) const {
  auto image = read_image(source);
  if (!image) return image.error();
  auto elf = parse_elf(image->bytes);
  if (!elf) return elf.error().in(source.string());
  if (const auto clean = require_clean(*elf, source.stem().string()); !clean) return clean.error().in(source.string());
  StagedFile staged;
  staged.source = source;
  staged.sha256 = sha256(image->bytes);
  staged.path = folder_ / file_name(instance, generation, staged.sha256);
  staged.size = image->bytes.size();
  staged.modified_ns = image->modified_ns;
  staged.elf = std::move(*elf);
  if (const auto written = write_copy(staged.path, image->bytes); !written) return written.error();
  staged.copy = std::shared_ptr<const void>(nullptr, [path = staged.path](const void*) { ::unlink(path.c_str()); });
  return staged;
}

}  // namespace sentinel::plugin
