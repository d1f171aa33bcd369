#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <sentinel/result.hpp>

namespace sentinel::runtime {

/// Tells when the text of one small file changes: written in place, replaced by rename, made, removed, or reached by a
/// symbolic link that moves, as in a Kubernetes ConfigMap. By inotify(7) on every folder on the way to it; a file that
/// is touched, or written with the same text, has not changed. Control loop.
class FileWatch {
 public:
  /// Changes that follow each other within this time are one.
  static constexpr std::chrono::milliseconds settle{100};

  /// `known` is the text that the caller has read, or nothing for a file that was not there: what changed since then is
  /// told too. Errors: failed, when the kernel grants no inotify instance.
  static Result<std::unique_ptr<FileWatch>> open(boost::asio::io_context& control, std::filesystem::path path,
                                                 std::optional<std::string> known, std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  ~FileWatch();

 private:
  FileWatch(boost::asio::io_context& control, std::filesystem::path path, std::function<void()> changed, int fd);
  void watch_folders();
  void await_event();
  void await_quiet();
  void compare();

  const std::filesystem::path path_;
  const std::function<void()> changed_;
  boost::asio::posix::stream_descriptor inotify_;
  boost::asio::steady_timer timer_;
  bool settling_ = false;
  std::optional<std::string> text_;
  alignas(8) std::array<char, 4096> events_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sentinel::runtime
