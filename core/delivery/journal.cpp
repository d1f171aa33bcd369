#include "core/delivery/journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

namespace sentinel::delivery {

namespace {

constexpr std::string_view heading = "sentinel delivery 1\n";
constexpr std::string_view mark = "\x89ntr";
constexpr std::size_t frame_bytes = 12;  // mark, length, CRC
constexpr std::size_t most_payload_bytes = 1U << 20U;
constexpr mode_t file_mode = 0600;
constexpr mode_t folder_mode = 0700;

void append_u32(std::string& out, std::uint32_t value) {
  for (unsigned i = 0; i < 4; ++i) out += static_cast<char>((value >> (8U * i)) & 0xffU);
}

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8U * i);
  return value;
}

/// Over length and payload, so that a length damaged to 0 shows.
std::uint32_t checksum(std::uint32_t length, std::string_view payload) {
  std::string head;
  append_u32(head, length);
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); };
  const uLong crc = ::crc32(0, bytes(head), static_cast<uInt>(head.size()));
  return static_cast<std::uint32_t>(::crc32(crc, bytes(payload), static_cast<uInt>(payload.size())));
}

/// The payload of the frame that the bytes begin with, if it is whole.
std::optional<std::string_view> payload_of(std::string_view bytes) {
  if (bytes.size() < frame_bytes || bytes.substr(0, mark.size()) != mark) return {};
  const std::uint32_t length = read_u32(bytes.substr(4));
  if (length > most_payload_bytes || length > bytes.size() - frame_bytes) return {};
  const std::string_view payload = bytes.substr(frame_bytes, length);
  if (checksum(length, payload) != read_u32(bytes.substr(8))) return {};
  return payload;
}

/// Writes all of it; an errno when that failed.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int sync_folder(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0 ? 0 : errno;
}

}  // namespace

std::string_view journal_heading() {
  return heading;
}

void append_frame(std::string& out, std::string_view payload) {
  const auto length = static_cast<std::uint32_t>(payload.size());
  out += mark;
  append_u32(out, length);
  append_u32(out, checksum(length, payload));
  out += payload;
}

Scan scan(std::string_view file, const std::function<void(std::string_view)>& visit) {
  Scan result;
  result.is_journal = file.substr(0, heading.size()) == heading;
  if (!result.is_journal) return result;
  file.remove_prefix(heading.size());
  // Marks that belong to nothing cost a checksum each: of a file made of them no more is looked at than this.
  std::size_t patience = 1024;
  bool in_damage = false;
  while (!file.empty()) {
    if (const auto payload = payload_of(file)) {
      visit(*payload);
      ++result.entries;
      result.damaged_before_end = result.damaged_before_end || in_damage;
      in_damage = false;
      file.remove_prefix(frame_bytes + payload->size());
      continue;
    }
    in_damage = true;
    auto next = patience == 0 ? file.size() : file.find(mark, 1);
    if (next == std::string_view::npos) next = file.size();
    patience -= patience == 0 ? 0 : 1;
    result.damaged_bytes += next;
    file.remove_prefix(next);
  }
  return result;
}

Error Journal::failure(std::string_view what, int error) const {
  const Errc code = error == EACCES || error == EPERM ? Errc::permission : Errc::failed;
  return {code, file_.string() + ": " + std::string(what) + ": " + std::generic_category().message(error)};
}

Result<std::string> Journal::read(std::size_t most_bytes) const {
  const Fd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::string();
  if (!fd) return failure("open", errno);
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return failure("stat", errno);
  if (!S_ISREG(status.st_mode)) return Error{Errc::failed, file_.string() + ": is no regular file"};
  if (static_cast<std::uint64_t>(status.st_size) > most_bytes) {
    return Error{Errc::exhausted, file_.string() + ": is larger than " + std::to_string(most_bytes) + " bytes"};
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

void Journal::use(Fd fd, std::size_t bytes) {
  const std::scoped_lock lock(sync_mutex_);
  fd_ = std::move(fd);
  bytes_ = bytes;
  synced_ = written_;
}

Result<void> Journal::resume() {
  Fd fd(::open(file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  struct stat status = {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return failure("open", errno);
  use(std::move(fd), static_cast<std::size_t>(status.st_size));
  return {};
}

Result<std::uint64_t> Journal::append(std::string_view frames) {
  if (!fd_) return Error{Errc::failed, file_.string() + ": is not open"};
  if (const int error = write_all(fd_.get(), frames); error != 0) {
    // Half an entry in the middle would read as damage later.
    if (::ftruncate(fd_.get(), static_cast<off_t>(bytes_)) != 0) close();
    return failure("write", error);
  }
  bytes_ += frames.size();
  return ++written_;
}

Result<void> Journal::write_beside(const std::filesystem::path& beside, std::string_view frames, Fd& fd) const {
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  fd = Fd(::open(beside.c_str(), flags, file_mode));
  // The disk may have been unable to hold even the folder when the agent started.
  if (!fd && errno == ENOENT && ::mkdir(file_.parent_path().c_str(), folder_mode) == 0) {
    fd = Fd(::open(beside.c_str(), flags, file_mode));
  }
  if (!fd) return failure("open", errno);
  if (const int error = write_all(fd.get(), heading); error != 0) return failure("write", error);
  if (const int error = write_all(fd.get(), frames); error != 0) return failure("write", error);
  if (::fsync(fd.get()) != 0) return failure("fsync", errno);
  if (::rename(beside.c_str(), file_.c_str()) != 0) return failure("rename", errno);
  if (const int error = sync_folder(file_.parent_path()); error != 0) return failure("fsync of its folder", error);
  return {};
}

Result<void> Journal::replace(std::string_view frames) {
  const std::filesystem::path beside = file_.string() + ".new";
  Fd fd;
  if (auto written = write_beside(beside, frames, fd); !written) {
    ::unlink(beside.c_str());
    return written;
  }
  use(std::move(fd), heading.size() + frames.size());
  return {};
}

Result<void> Journal::sync(std::uint64_t ticket) {
  const std::scoped_lock lock(sync_mutex_);
  if (synced_ >= ticket || !fd_) return {};
  const std::uint64_t written = written_;
  if (::fdatasync(fd_.get()) != 0) return failure("fdatasync", errno);
  synced_ = written;
  return {};
}

void Journal::set_aside() {
  close();
  ::rename(file_.c_str(), (file_.string() + ".damaged").c_str());
}

void Journal::close() {
  const std::scoped_lock lock(sync_mutex_);
  fd_.reset();
}

}  // namespace sentinel::delivery
