#include "sinks/webhook_snapshot/kernel_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <sentinel/procfs/unique_fd.hpp>
#include <system_error>

namespace snapshot {
namespace {

using sentinel::Errc;
using sentinel::Error;
using sentinel::Result;

/// A log of the largest size has fewer; a console that is flooded must not keep a snapshot from ending.
constexpr std::size_t most_records = 100'000;
constexpr std::chrono::milliseconds longest(40);

constexpr std::array<std::string_view, 22> telling = {"Out of memory",
                                                      "oom-kill",
                                                      "oom_reaper",
                                                      "Killed process",
                                                      "blocked for more than",
                                                      "segfault",
                                                      "general protection",
                                                      "I/O error",
                                                      "Buffer I/O",
                                                      "remount",
                                                      "table full",
                                                      "possible SYN flooding",
                                                      "Possible SYN",
                                                      "soft lockup",
                                                      "hard LOCKUP",
                                                      "rcu_sched",
                                                      "page allocation failure",
                                                      "link is down",
                                                      "Link is Down",
                                                      "over limit",
                                                      "too many orphaned",
                                                      "TCP: out of memory"};

template <class Number>
bool take_number(std::string_view& text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

/// "[   12.345678] <6> text", as take_line() makes it.
bool parse_line(std::string_view line, KernelLine& out) {
  if (!line.starts_with('[')) return false;
  line.remove_prefix(std::min(line.find_first_not_of("[ "), line.size()));
  std::uint64_t seconds = 0;
  std::uint64_t micros = 0;
  if (!take_number(line, seconds) || !line.starts_with('.')) return false;
  line.remove_prefix(1);
  while (line.starts_with('0')) line.remove_prefix(1);
  if (!line.starts_with(']') && !take_number(line, micros)) return false;
  if (!line.starts_with("] <")) return false;
  line.remove_prefix(3);
  if (!take_number(line, out.level) || !line.starts_with("> ")) return false;
  out.boot_us = seconds * 1'000'000 + micros;
  out.text = line.substr(2);
  return true;
}

bool matters(const KernelLine& line) {
  constexpr int error = 3;
  if (line.level <= error) return true;
  return std::any_of(telling.begin(), telling.end(),
                     [&](std::string_view words) { return line.text.find(words) != std::string::npos; });
}

}  // namespace

KernelLog::KernelLog() : lines_(2 * tail_bytes, '\0'), record_(std::size_t{16} << 10U, '\0') {}

void KernelLog::take_line(std::string_view line) {
  // "6,1234,567890,-;text": level and facility, number, microseconds, flags. What is indented says more of the line
  // before.
  if (line.starts_with(' ')) return;
  std::uint32_t priority = 0;
  std::uint64_t number = 0;
  std::uint64_t micros = 0;
  if (!take_number(line, priority) || !line.starts_with(',')) return;
  line.remove_prefix(1);
  if (!take_number(line, number) || !line.starts_with(',')) return;
  line.remove_prefix(1);
  if (!take_number(line, micros)) return;
  const auto text = line.find(';');
  if (text == std::string_view::npos) return;
  line.remove_prefix(text + 1);
  std::array<char, 64> head;
  const auto head_size = static_cast<std::size_t>(std::snprintf(
      head.data(), head.size(), "[%5llu.%06llu] <%u> ", static_cast<unsigned long long>(micros / 1'000'000),
      static_cast<unsigned long long>(micros % 1'000'000), priority & 7U));
  const auto size = head_size + line.size() + 1;
  if (size > tail_bytes) return;
  if (used_ + size > lines_.size()) {
    const auto keep = tail().size();
    std::memmove(lines_.data(), lines_.data() + used_ - keep, keep);
    used_ = keep;
  }
  std::memcpy(lines_.data() + used_, head.data(), head_size);
  std::memcpy(lines_.data() + used_ + head_size, line.data(), line.size());
  lines_[used_ + size - 1] = '\n';
  used_ += size;
}

Result<void> KernelLog::read(const std::string& path) {
  used_ = 0;
  const sentinel::procfs::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    const bool refused = errno == EPERM || errno == EACCES;
    std::string text = "cannot open " + path + ": " + std::generic_category().message(errno);
    if (refused) text += "; with kernel.dmesg_restrict=1 the kernel's log needs CAP_SYSLOG";
    return Error{refused ? Errc::permission : errno == ENOENT ? Errc::not_found : Errc::failed, std::move(text)};
  }
  const auto until = std::chrono::steady_clock::now() + longest;
  std::size_t kept = 0;
  for (std::size_t records = 0; records < most_records && std::chrono::steady_clock::now() < until; ++records) {
    const auto got = ::read(fd.get(), record_.data() + kept, record_.size() - kept);
    // EPIPE: records were overwritten before they were read; the next read goes on with the oldest left.
    if (got < 0 && (errno == EPIPE || errno == EINTR)) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0 && (errno == EPERM || errno == EACCES)) {
      return Error{Errc::permission, "cannot read " + path + ": " + std::generic_category().message(errno) +
                                         "; with kernel.dmesg_restrict=1 the kernel's log needs CAP_SYSLOG"};
    }
    if (got < 0) return Error{Errc::failed, "cannot read " + path + ": " + std::generic_category().message(errno)};
    if (got == 0) break;
    std::string_view rest(record_.data(), kept + static_cast<std::size_t>(got));
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      take_line(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    kept = rest.size() == record_.size() ? 0 : rest.size();
    std::memmove(record_.data(), rest.data(), kept);
  }
  return {};
}

std::string_view KernelLog::tail() const {
  const std::string_view all(lines_.data(), used_);
  if (all.size() <= tail_bytes) return all;
  const auto cut = all.substr(all.size() - tail_bytes);
  return cut.substr(std::min(cut.find('\n') + 1, cut.size()));
}

std::vector<KernelLine> KernelLog::notable(std::size_t most) const {
  std::vector<KernelLine> found;
  auto rest = tail();
  while (!rest.empty() && found.size() < most) {
    rest.remove_suffix(1);
    const auto begin = rest.rfind('\n');
    const auto line = begin == std::string_view::npos ? rest : rest.substr(begin + 1);
    rest = begin == std::string_view::npos ? std::string_view() : rest.substr(0, begin + 1);
    KernelLine parsed;
    if (parse_line(line, parsed) && matters(parsed)) found.push_back(std::move(parsed));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

OomKill last_oom_kill(const std::vector<KernelLine>& lines) {
  // "Out of memory: Killed process 4242 (name) total-vm:…", "Memory cgroup out of memory: Killed process 4242 (name) …"
  constexpr std::string_view words = "Killed process ";
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const auto at = line->text.find(words);
    if (at == std::string::npos) continue;
    auto rest = std::string_view(line->text).substr(at + words.size());
    OomKill kill;
    kill.boot_us = line->boot_us;
    if (!take_number(rest, kill.pid)) continue;
    const auto open = rest.find('(');
    const auto close = rest.rfind(')');
    if (open != std::string_view::npos && close != std::string_view::npos && close > open) {
      kill.comm = rest.substr(open + 1, std::min(rest.find(')', open), close) - open - 1);
    }
    return kill;
  }
  return {};
}

}  // namespace snapshot
