#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sentinel/result.hpp>

#include "core/plugin/library.hpp"
#include "core/plugin/stage.hpp"

namespace sentinel::plugin {

/// The plugin libraries that are mapped into this process, and the proof that a released one is gone. What cannot be
/// proven idle stays mapped, as a zombie: it costs its memory and harms nothing. Thread-safe.
class Libraries {
 public:
  /// A released library that is still mapped, and why:
  /// - "held": a part of the agent holds it, such as a call of it that does not return;
  /// - "thread": a thread that it started has not ended, and would crash without its code, see find_user();
  /// - "thread_local": a thread that called it has not ended, and keeps thread_local objects of it;
  /// - "mapped": the loader keeps it for another cause, such as an object that depends on it.
  struct Zombie {
    std::filesystem::path source;  ///< the user's file
    std::filesystem::path path;    ///< what is mapped: the copy, which may be removed by now
    std::string reason;
    std::string text;  ///< the reason as a sentence
  };

  struct Stats {
    std::size_t resident = 0;                    ///< loaded libraries that the loader still has, zombies included
    std::map<std::string, std::size_t> zombies;  ///< by reason; one without a zombie is absent
  };

  /// `renew_threads` replaces the threads that call plugins, so that the destructors of their thread_local objects run;
  /// it blocks until those threads are gone, or gives up (returns false). Called on the thread that releases, never
  /// twice at once.
  explicit Libraries(std::function<bool()> renew_threads) : renew_threads_(std::move(renew_threads)) {}
  Libraries(const Libraries&) = delete;
  Libraries& operator=(const Libraries&) = delete;
  /// A zombie that was not closed is so for as long as the process lives.
  ~Libraries();

  /// As Library::load. One that is dropped without release() is unloaded without any proof.
  Result<std::shared_ptr<Library>> load(StagedFile file);

  /// Unloads a library after its last instance's destroy, and proves that it is gone. Blocks: some ms, and with a
  /// thread in the way 250 ms and what `renew_threads` takes. Not on a thread that `renew_threads` replaces.
  /// Errors: failed, with the reason, and the library is a zombie now.
  [[nodiscard]] Result<void> release(std::shared_ptr<Library> library);

  /// Unloads the zombies whose reason has gone. Blocks as release() does, for each of them; same thread.
  void look_again();

  [[nodiscard]] Stats stats() const;
  [[nodiscard]] std::vector<Zombie> zombies() const;

 private:
  struct Released {
    std::shared_ptr<Library> library;  ///< null once closed; touched by the releasing thread alone
    std::uint64_t loaded_at = 0;
    Zombie zombie;
  };
  struct Obstacle {
    std::string reason;
    std::string text;
  };

  std::optional<Obstacle> unload(Released& released, std::chrono::milliseconds patience);
  std::optional<Obstacle> prove_gone(const Released& released);
  std::uint64_t loaded_at(const std::filesystem::path& path) const;

  std::function<bool()> renew_threads_;
  std::mutex releasing_;  ///< one release at a time; taken before mutex_
  mutable std::mutex mutex_;
  std::map<std::filesystem::path, std::uint64_t> loaded_;  ///< the copies, with thread_clock() from before their load
  std::vector<Released> zombies_;                          ///< changed with both locked
};

}  // namespace sentinel::plugin
