#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <sentinel/procfs/loadavg.hpp>
#include <sentinel/procfs/meminfo.hpp>
#include <sentinel/procfs/net_tcp.hpp>
#include <sentinel/procfs/pressure.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/procfs/processes.hpp>
#include <sentinel/procfs/stat.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sentinel::top {

struct TcpFacts {
  procfs::TcpStateCounts ipv4;
  std::optional<procfs::TcpStateCounts> ipv6;  ///< absent on a kernel without IPv6
};

/// A process that has not reaped its dead children.
struct ZombieParent {
  std::int32_t pid = 0;
  std::string comm;  ///< as the process named itself, any bytes; empty when it could not be read
  std::uint64_t zombies = 0;
};

struct ProcessFacts {
  std::array<std::uint64_t, procfs::process_state_count> states{};  ///< by the number of ProcessState
  std::int64_t threads = 0;
  procfs::ProcessCounts walked;
  std::vector<ZombieParent> zombie_parents;  ///< the worst first, at most most_zombie_parents
  std::size_t more_zombie_parents = 0;       ///< beyond these
};

inline constexpr std::size_t most_zombie_parents = 3;
inline constexpr std::array<std::string_view, 3> pressure_names = {"cpu", "memory", "io"};

/// What one refresh read. A part that could not be read holds the reason; what this kernel does not offer
/// (not_found, unsupported) is no fault of an optional part.
struct Facts {
  std::chrono::steady_clock::time_point taken_at;
  std::string time_of_day;                      ///< local, "2024-05-01 14:03:07"
  std::string host;                             ///< any bytes; empty when the tree does not tell
  std::optional<std::uint64_t> uptime_seconds;  ///< absent when the boot time is unknown or to come
  Result<procfs::Stat> stat = not_read();
  Result<procfs::MemInfo> meminfo = not_read();
  Result<procfs::LoadAvg> loadavg = not_read();
  Result<TcpFacts> tcp = not_read();
  Result<ProcessFacts> processes = not_read();
  std::array<Result<procfs::Pressure>, pressure_names.size()> pressure = {not_read(), not_read(), not_read()};

 private:
  static Error not_read() { return {Errc::no_data, "not read yet"}; }
};

/// Reads one procfs tree again and again. About 40 KiB large; one thread at a time.
class FactsReader {
 public:
  /// Errors: as procfs::Root::open.
  static Result<FactsReader> open(std::string procfs);

  /// Errors: not_found when the tree has neither stat nor meminfo nor loadavg, so it is no proc(5) at all.
  /// `now` is the wall clock, for the time of day and the uptime.
  Result<Facts> read(std::chrono::system_clock::time_point now);

 private:
  explicit FactsReader(procfs::Root root) : root_(std::move(root)) {}

  template <class T, class Parse>
  Result<T> read_file(std::string_view file, Parse parse);
  Result<TcpFacts> read_tcp();
  Result<ProcessFacts> read_processes();
  void find_parents(ProcessFacts& facts);

  procfs::Root root_;
  procfs::Buffer buffer_;
  procfs::ProcessWalker walker_;
  std::vector<std::int32_t> zombies_;  // the parent of each
};

/// Whether an error says that this machine does not offer the thing at all.
[[nodiscard]] inline bool is_absent(const Error& error) noexcept {
  return error.code == Errc::not_found || error.code == Errc::unsupported;
}

}  // namespace sentinel::top
