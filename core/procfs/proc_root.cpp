#include "sentinel/procfs/proc_root.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/procfs/errno_error.hpp"

namespace sentinel::procfs {
namespace {

// Reads up to the end of the file; 0 or an errno.
int fill(int fd, Buffer& buffer, std::size_t& size) {
  for (;;) {
    if (size == buffer.capacity_bytes() && !buffer.grow()) return EFBIG;
    const auto got = ::read(fd, buffer.data() + size, buffer.capacity_bytes() - size);
    if (got == 0) return 0;
    if (got > 0) {
      size += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

}  // namespace

Result<Root> Root::open(std::string path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return errno_error(errno, "open as a directory", path);
  return Root(std::move(path), std::move(fd));
}

Result<std::string_view> Root::read(std::string_view relative, Buffer& buffer) const {
  std::array<char, 256> name;
  if (relative.empty() || relative.front() == '/' || relative.size() >= name.size()) {
    return Error{Errc::invalid_argument, path_ + ": \"" + std::string(relative.substr(0, name.size())) +
                                             "\" is no path beneath it; give a relative one of at most 255 bytes"};
  }
  std::memcpy(name.data(), relative.data(), relative.size());
  name[relative.size()] = '\0';
  // A FIFO in a made-up tree must not hold the caller for good; on proc files O_NONBLOCK changes nothing.
  const UniqueFd fd(::openat(fd_.get(), name.data(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return errno_error(errno, "open", full_path(relative));
  std::size_t size = 0;
  if (const int error = fill(fd.get(), buffer, size); error != 0) {
    return errno_error(error, "read", full_path(relative));
  }
  return std::string_view(buffer.data(), size);
}

std::string Root::full_path(std::string_view relative) const {
  std::string full = path_;
  if (!full.ends_with('/')) full += '/';
  full += relative;
  return full;
}

}  // namespace sentinel::procfs
