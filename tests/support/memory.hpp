#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/support/process.hpp"

namespace sentinel::testing {

/// A procfs with nothing but meminfo, for the `procfs:` of proc_mem: a host whose memory is as full as a test says,
/// whatever else runs on this one.
class Memory {
 public:
  explicit Memory(int used_percent) { use(used_percent); }

  [[nodiscard]] std::string procfs() const { return folder_.path().string(); }
  void use(int percent) const {
    write_text(folder_ / "new", "MemTotal: 1000000 kB\nMemFree: 0 kB\nMemAvailable: " +
                                    std::to_string(10'000 * (100 - percent)) + " kB\n");
    std::filesystem::rename(folder_ / "new", folder_ / "meminfo");
  }

 private:
  TempFolder folder_;
};

/// How long something took since this was made: printed for people to read, hardly ever judged.
class Stopwatch {
 public:
  [[nodiscard]] std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin_);
  }
  void print(const char* what) const {
    std::printf("%s: %.3f s\n", what, std::chrono::duration<double>(elapsed()).count());
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace sentinel::testing
