#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::testing {

/// A deadline that no healthy test comes near, sanitizers and a busy machine included.
inline constexpr std::chrono::seconds patience{60};

/// Looks at \p condition again and again; false when it does not hold within the limit.
[[nodiscard]] bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = patience);

/// The whole of a file; empty when it cannot be read.
[[nodiscard]] std::string read_text(const std::filesystem::path& file);
void write_text(const std::filesystem::path& file, std::string_view text);

/// A folder of the test's own, gone at its end.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// How a program ended.
struct Ended {
  int exit_code = -1;  ///< -1: a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
};

/// A program that runs beside the test, in a folder of its own unless told which; killed with the object, and with the
/// test. What it prints is kept in files there, so that it never waits for a reader.
class Process {
 public:
  /// The program is looked for in PATH. \p input is what it reads. Aborts when it cannot be started.
  explicit Process(std::vector<std::string> command, std::string_view input = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  void send(int signal) const;
  /// Waits for its end; nothing when it does not come in time.
  [[nodiscard]] std::optional<Ended> wait(std::chrono::milliseconds limit = patience);

 private:
  TempFolder folder_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// Runs a program to its end; one that does not end is killed, and counts as ended by that signal.
[[nodiscard]] Ended run(std::vector<std::string> command, std::string_view input = {});

}  // namespace sentinel::testing
