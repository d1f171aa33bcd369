#include "sinks/webhook_snapshot/helper_child.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace snapshot {
namespace {

constexpr int root_fd = 3;
constexpr std::size_t most_cmdline = std::size_t{16} << 10U;
constexpr std::size_t most_maps = std::size_t{256} << 10U;
constexpr std::size_t most_fds = 1024;
constexpr std::size_t part_bytes = 4096;

class Answering {
 public:
  Answering(int out, std::uint32_t question) : out_(out), question_(question) { frame(Frame::Kind::begin, 0); }

  void data(const char* bytes, std::size_t size) {
    frame(Frame::Kind::data, static_cast<std::uint32_t>(size));
    send(bytes, size);
  }
  void end(int error) { frame(Frame::Kind::end, static_cast<std::uint32_t>(error)); }

 private:
  void frame(Frame::Kind kind, std::uint32_t size) {
    const Frame made{kind, question_, size};
    send(reinterpret_cast<const char*>(&made), sizeof(made));
  }
  void send(const char* bytes, std::size_t size) const {
    while (size > 0) {
      const auto written = ::write(out_, bytes, size);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) ::_exit(1);
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  int out_;
  std::uint32_t question_;
};

/// Appends digits; the place behind them.
char* put_number(char* at, std::uint64_t number) {
  char digits[20];
  int size = 0;
  do {
    digits[size++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (size > 0) *at++ = digits[--size];
  return at;
}

void make_path(char* out, std::int32_t pid, const char* file) {
  std::strcpy(put_number(out, static_cast<std::uint64_t>(pid)), file);
}

int send_file(Answering& answer, std::int32_t pid, const char* file, std::size_t most) {
  char path[64];
  make_path(path, pid, file);
  const int fd = ::openat(root_fd, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  char part[part_bytes];
  int error = 0;
  for (std::size_t sent = 0; sent < most;) {
    const auto got = ::read(fd, part, sizeof(part));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    answer.data(part, static_cast<std::size_t>(got));
    sent += static_cast<std::size_t>(got);
  }
  ::close(fd);
  return error;
}

/// Calls visit(descriptor of the directory, entry's name) for each entry that is a number; stops when it says false.
template <class Visit>
int for_each_number(int directory, Visit&& visit) {
  alignas(8) char entries[8192];
  for (;;) {
    const auto filled = ::getdents64(directory, entries, sizeof(entries));
    if (filled <= 0) return filled < 0 ? errno : 0;
    for (std::size_t at = 0; at < static_cast<std::size_t>(filled);) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && !visit(entry->d_name)) return 0;
      at += entry->d_reclen;
    }
  }
}

int send_fds(Answering& answer, std::int32_t pid) {
  char path[64];
  make_path(path, pid, "/fd");
  const int fd = ::openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  std::size_t count = 0;
  const int error = for_each_number(fd, [&](const char* name) {
    char line[512];
    const auto length = std::strlen(name);
    std::memcpy(line, name, length);
    line[length] = '\t';
    const auto size = ::readlinkat(fd, name, line + length + 1, sizeof(line) - length - 2);
    if (size > 0) {
      line[length + 1 + static_cast<std::size_t>(size)] = '\n';
      answer.data(line, length + 2 + static_cast<std::size_t>(size));
    }
    return ++count < most_fds;
  });
  ::close(fd);
  return error;
}

int send_mount(Answering& answer, const char* path) {
  struct statfs status {};
  if (::statfs(path, &status) != 0) return errno;
  const auto block = static_cast<std::uint64_t>(status.f_frsize > 0 ? status.f_frsize : status.f_bsize);
  const MountSpace space{status.f_blocks * block, status.f_bavail * block, status.f_bfree * block, status.f_files,
                         status.f_ffree};
  answer.data(reinterpret_cast<const char*>(&space), sizeof(space));
  return 0;
}

bool is_wanted(const char* target, std::size_t size, const Work& work) {
  constexpr char prefix[] = "socket:[";
  constexpr std::size_t prefix_size = sizeof(prefix) - 1;
  if (size <= prefix_size || std::memcmp(target, prefix, prefix_size) != 0) return false;
  std::uint64_t inode = 0;
  for (std::size_t i = prefix_size; i < size && target[i] >= '0' && target[i] <= '9'; ++i) {
    inode = inode * 10 + static_cast<std::uint64_t>(target[i] - '0');
  }
  std::size_t low = 0;
  for (std::size_t high = work.inode_count; low < high;) {
    const auto middle = low + (high - low) / 2;
    if (work.inodes[middle] < inode) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < work.inode_count && work.inodes[low] == inode;
}

int send_owners(Answering& answer, const Work& work) {
  const int root = ::openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return errno;
  const int error = for_each_number(root, [&](const char* process) {
    char path[64];
    const auto length = std::strlen(process);
    if (length + 4 > sizeof(path)) return true;
    std::memcpy(path, process, length);
    std::memcpy(path + length, "/fd", 4);
    const int fd = ::openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return true;
    Owner owner;
    for (std::size_t i = 0; i < length; ++i) owner.pid = owner.pid * 10 + (process[i] - '0');
    for_each_number(fd, [&](const char* name) {
      char target[64];
      const auto size = ::readlinkat(fd, name, target, sizeof(target));
      if (size > 0 && is_wanted(target, static_cast<std::size_t>(size), work)) ++owner.sockets;
      return true;
    });
    ::close(fd);
    if (owner.sockets > 0) answer.data(reinterpret_cast<const char*>(&owner), sizeof(owner));
    return true;
  });
  ::close(root);
  return error;
}

int send_answer(Answering& answer, const Question& question, const Work& work) {
  switch (question.kind) {
    case Question::Kind::cmdline:
      return send_file(answer, question.pid, "/cmdline", most_cmdline);
    case Question::Kind::fds:
      return send_fds(answer, question.pid);
    case Question::Kind::maps:
      return send_file(answer, question.pid, "/maps", most_maps);
    case Question::Kind::mount:
      return send_mount(answer, question.path.c_str());
    case Question::Kind::owners:
      return send_owners(answer, work);
  }
  return EINVAL;
}

}  // namespace

void answer_questions(void* context, int out) {
  const auto& work = *static_cast<const Work*>(context);
  for (std::size_t i = work.first; i < work.count; ++i) {
    Answering answer(out, static_cast<std::uint32_t>(i));
    answer.end(send_answer(answer, work.questions[i], work));
  }
}

}  // namespace snapshot
