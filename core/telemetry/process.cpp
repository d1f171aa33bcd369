#include "core/telemetry/process.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace sentinel::telemetry {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t count_open_fds() {
  const auto close = [](DIR* directory) { closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> directory(opendir("/proc/self/fd"), close);
  if (!directory) return 0;
  std::uint64_t entries = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of this function's own
  while (readdir(directory.get()) != nullptr) ++entries;
  return entries > 3 ? entries - 3 : 0;  // without ".", ".." and the descriptor that reads them
}

}  // namespace

ProcessUsage read_process_usage() {
  ProcessUsage usage;
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) == 0) usage.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);

  const auto close = [](FILE* file) { fclose(file); };
  const std::unique_ptr<FILE, decltype(close)> statm(fopen("/proc/self/statm", "re"), close);
  unsigned long size_pages = 0;
  unsigned long resident_pages = 0;
  if (statm && fscanf(statm.get(), "%lu %lu", &size_pages, &resident_pages) == 2) {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    usage.virtual_bytes = size_pages * page;
    usage.resident_bytes = resident_pages * page;
  }

  usage.open_fds = count_open_fds();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = limit.rlim_cur;
  struct stat tasks {};
  // A directory's links are itself, its entry above, and one a subdirectory: here one a thread.
  if (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2) usage.threads = tasks.st_nlink - 2;
  return usage;
}

}  // namespace sentinel::telemetry
