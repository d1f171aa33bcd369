#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/agent_process.hpp"

namespace sentinel::testing {

/// A variant of a plugin that is made to be swapped: tests/plugins/CMakeLists.txt lists them.
[[nodiscard]] std::filesystem::path swap_variant(std::string_view plugin, std::string_view variant);

/// The numbers in a file that test_swap_sink writes. A line that is still being written is left out.
[[nodiscard]] std::vector<std::uint64_t> numbers_in(const std::filesystem::path& file);

/// A running agent whose plugins a test replaces: it looks for them in a folder of its own first.
class SwapAgent {
 public:
  /// What test_swap runs with, unless a test says otherwise: the collector `swap`, numbers that go to the sink
  /// `numbers` and from there to received(), and `steady`, `self`, `prometheus` beside it, which no test may touch.
  [[nodiscard]] static std::string usual(std::string_view swap = {}, std::string_view more = {});

  SwapAgent();

  /// A plugin_path of the test's own. An install copies beside and renames, as package managers do.
  [[nodiscard]] std::filesystem::path plugins() const { return folder_ / "plugins"; }
  [[nodiscard]] std::filesystem::path file_of(std::string_view plugin) const;
  void install(std::string_view plugin, std::string_view variant) const;
  /// A shipped plugin with \p tail after its end: another content that does the same.
  void install_other_content(std::string_view plugin, std::string_view tail) const;

  /// A pipeline file of this body, with a short probation and stop_timeout.
  [[nodiscard]] std::string file(std::string_view body, std::string_view agent = {}) const;
  /// Runs it with this body, and waits until it is ready.
  void run(std::string_view body);
  /// Replaces the body of the pipeline file.
  void edit(std::string_view body) const;
  [[nodiscard]] AgentProcess& agent() { return *agent_; }

  /// POST /-/reload: the verdict; empty when there is none.
  [[nodiscard]] boost::json::object reload();
  /// The same, and waits until nothing stands by any more: the last verdict.
  [[nodiscard]] boost::json::object reload_to_the_end();
  /// Of the status; empty before the first reload.
  [[nodiscard]] boost::json::object last_reload();
  /// Waits until no reload and no probation is under way.
  [[nodiscard]] bool wait_idle();

  /// Generation and time of start of all instances but those named.
  using Lives = std::map<std::string, std::pair<std::int64_t, std::string>>;
  [[nodiscard]] Lives lives(const std::set<std::string>& without = {});

  /// What must be what it was once a swap is over.
  struct Holdings {
    std::size_t threads = 0;
    std::size_t descriptors = 0;  ///< but sockets: a connection of the test itself may be closing still
    std::size_t libraries = 0;    ///< staged copies that are mapped
    bool operator==(const Holdings&) const = default;
  };
  [[nodiscard]] Holdings holdings();
  /// Names of the staged copies that are mapped, "swap.3.0f…".
  [[nodiscard]] std::set<std::string> mapped();

  /// What the sink `numbers` was given so far.
  [[nodiscard]] std::vector<std::uint64_t> received() const { return numbers_in(folder_ / "numbers"); }
  /// Waits for more of them than there are now.
  [[nodiscard]] bool wait_for_numbers(std::size_t more = 3);
  /// sentinel_plugin_zombies of this reason; 0 when it isn't shown. `self` shows it within its 5 s.
  [[nodiscard]] double zombies(const std::string& reason);

  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return folder_ / name; }

 private:
  TempFolder folder_;
  std::optional<AgentProcess> agent_;
};

/// A member of a verdict as text; empty when there is none.
[[nodiscard]] std::string text_of(const boost::json::object& verdict, std::string_view member);
/// The lines of a verdict, each with its end.
[[nodiscard]] std::string lines_of(const boost::json::object& verdict);

}  // namespace sentinel::testing
