#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <sentinel/procfs/buffer.hpp>
#include <sentinel/procfs/descriptors.hpp>
#include <sentinel/procfs/proc_root.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <vector>

#include "sinks/webhook_snapshot/alert.hpp"
#include "sinks/webhook_snapshot/commands.hpp"
#include "sinks/webhook_snapshot/folder.hpp"
#include "sinks/webhook_snapshot/helper.hpp"
#include "sinks/webhook_snapshot/history.hpp"
#include "sinks/webhook_snapshot/kernel_log.hpp"
#include "sinks/webhook_snapshot/scene.hpp"
#include "sinks/webhook_snapshot/settings.hpp"

namespace snapshot {

/// What the agent gives to a snapshot.
struct Agent {
  std::function<std::uint64_t()> boot_ns;
  std::function<std::int64_t()> unix_ns;
  ReadHistory history;
  Labels labels;
};

struct Outcome {
  std::string culprit;  ///< one sentence; empty when there is none
  std::uint64_t bytes = 0;
  double ms = 0;
  std::size_t missing = 0;  ///< items that failed or are not whole
};

/// Takes the scene of an alert into a draft, and writes its report. All memory that grows with the host is taken once,
/// in the constructor; a host in need has none to give later. One thread.
class Taker {
 public:
  static constexpr std::size_t most_processes = 12'288;

  Taker(const Settings& settings, Agent agent);

  /// Errors: those of writing the report, alert.json or manifest.json, and a procfs that is none. Whatever else fails
  /// is in the manifest. `cancelled` ends it early, as timeout.
  sentinel::Result<Outcome> take(const Alert& alert, const std::string& id, Draft& draft,
                                 const std::atomic<bool>& cancelled);

  /// alert.json of an alert with those that joined its snapshot, of which `joined_in_all` came.
  [[nodiscard]] static std::string alert_json(const Alert& alert, const std::vector<Alert>& joined,
                                              std::uint64_t joined_in_all);

 private:
  void take_host(const sentinel::procfs::Root& root);
  void take_tables(const sentinel::procfs::Root& root);
  void look_again(const sentinel::procfs::Root& root);
  void ask_mounts_and_owners(const sentinel::procfs::Root& root);
  void take_suspects(const sentinel::procfs::Root& root);
  void take_history();
  void ask_suspects(const sentinel::procfs::Root& root);
  void run_commands();
  void copy(const sentinel::procfs::Root& root, const std::string& file,
            const std::function<sentinel::Result<void>(std::string_view)>& parse);
  sentinel::Result<std::uint64_t> write_processes(const std::string& file);
  sentinel::Result<std::uint64_t> write_sockets(const std::string& file);
  sentinel::Result<void> write_summary();
  [[nodiscard]] std::string net_folder(const sentinel::procfs::Root& root) const;

  Settings settings_;
  Agent agent_;
  sentinel::procfs::Buffer buffer_;
  std::unique_ptr<ProcessTable> processes_;
  std::unique_ptr<SocketTable> sockets_;
  std::unique_ptr<sentinel::procfs::DescriptorWalker> descriptors_;
  KernelLog kernel_log_;
  Children children_;
  std::vector<std::pair<Command, std::string>> commands_;  ///< with what is wrong with it
  std::string text_;                                       ///< for tables and the report

  // Of the snapshot that is being taken.
  Scene scene_;
  Draft* draft_ = nullptr;
  const std::atomic<bool>* cancelled_ = nullptr;
  std::uint64_t first_look_ns_ = 0;
  sentinel::procfs::Stat stat_before_;
};

}  // namespace snapshot
