#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

#include "core/config/schema.hpp"
#include "core/plugin/recording_host.hpp"

namespace sentinel::plugin {

/// What a plugin says of itself when it is loaded, and what came of trying it.
struct Description {
  std::string name;
  std::string version;
  std::string licence;
  std::string summary;
  std::uint32_t kind = 0;       ///< sentinel_kind
  std::uint32_t threading = 0;  ///< sentinel_threading
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
  std::vector<config::FieldSpec> fields;
  std::vector<std::string> capabilities;
  bool collects = false;
  bool consumes = false;
  bool renders = false;
  bool takes_alerts = false;
  std::filesystem::path path;
  std::string sha256;
  std::uint64_t size = 0;

  /// Of an instance with the default configuration, created and destroyed again.
  std::vector<DeclaredMetric> metrics;
  std::vector<std::string> routes;  ///< what a sink serves
  bool has_state = false;
  bool has_details = false;
  /// Why there is no such instance, and so nothing in the four above; empty: there was one.
  std::string not_created;
  /// Why the plugin could not be unloaded; empty: it was, and that is proven.
  std::string not_unloaded;
};

/// Loads a plugin in a child process, which takes the blow when a static constructor throws or a file is damaged, and
/// reports what it said. The child is `program plugin describe <file>`, whose main calls describe_main(); by default
/// this very program. It has its own session, no standard input, and until `deadline` to answer; then it is killed.
/// Blocks the calling thread; SIGCHLD may have any handler that leaves this child to waitpid. Errors: those of
/// parse_elf, lint and Library::load; failed ("crashed with SIGSEGV while being loaded: …"); timeout.
[[nodiscard]] Result<Description> describe(const std::filesystem::path& file,
                                           const std::filesystem::path& program = "/proc/self/exe",
                                           std::chrono::milliseconds deadline = std::chrono::seconds(10));

/// The child's side: loads `file` in this process and writes what describe() reads to standard output. Returns the exit
/// code. What the plugin itself prints goes to standard error. Only for a process that does nothing else.
int describe_main(const std::filesystem::path& file);

}  // namespace sentinel::plugin
