#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/process.hpp"

namespace sentinel::testing {

/// A file of the build that the test is of, such as "chaos/zombie_maker".
[[nodiscard]] std::string built_file(const std::string& name);

/// A fault that a program of chaos/ makes: it stands when the constructor returns, and ends with the object.
class Fault {
 public:
  Fault(const std::string& tool, std::vector<std::string> arguments);

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  /// SIGTERM, then its end.
  void stop();

 private:
  Process process_;
};

/// A cgroup of the test's own with a bound on its memory, gone with the object.
class MemoryCgroup {
 public:
  explicit MemoryCgroup(std::uint64_t limit_bytes);
  MemoryCgroup(const MemoryCgroup&) = delete;
  MemoryCgroup& operator=(const MemoryCgroup&) = delete;
  ~MemoryCgroup();

  /// Why there is none; empty when there is.
  [[nodiscard]] std::string problem() const { return problem_; }
  /// The command that runs that command in it.
  [[nodiscard]] std::vector<std::string> inside(const std::vector<std::string>& command) const;

 private:
  std::filesystem::path folder_;
  std::string problem_;
};

/// A network of the test's own, which children share, with nothing but loopback. The process stays in it.
class PrivateNetwork {
 public:
  PrivateNetwork();
  /// Why there is none; empty when there is.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::string problem_;
};

/// A tmpfs in a mount namespace of the test's own, which children share; gone with the object.
class SmallDisk {
 public:
  /// \p size as mount(8) has it: "32m".
  SmallDisk(std::filesystem::path at, const std::string& size);
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk();

  /// Why there is none; empty when there is.
  [[nodiscard]] std::string problem() const { return problem_; }
  /// Until not a byte fits any more.
  void fill() const;
  /// Takes away what fill() wrote.
  void clear() const;
  [[nodiscard]] bool set_read_only(bool read_only) const;

 private:
  std::filesystem::path at_;
  std::string problem_;
};

}  // namespace sentinel::testing
