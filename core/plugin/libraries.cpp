#include "core/plugin/libraries.hpp"

#include <algorithm>
#include <utility>

#include "core/plugin/loader.hpp"
#include "core/plugin/threads.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

/// How long a release waits for threads to stand still, and for one that ends with its plugin to be gone.
constexpr std::chrono::milliseconds release_patience{250};
/// The same when zombies are looked at again: there is always a next time.
constexpr std::chrono::milliseconds later_patience{20};

bool is_gone(const fs::path& path) {
  return segments_of(path).empty() && !is_mapped(path);
}

/// Closing it would take the code from under a thread that runs it.
void keep_for_good(std::shared_ptr<Library> library) {
  static auto& kept = *new std::vector<std::shared_ptr<Library>>;
  static auto& mutex = *new std::mutex;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(library));
}

}  // namespace

Libraries::~Libraries() {
  for (auto& zombie : zombies_) {
    if (zombie.library) keep_for_good(std::move(zombie.library));
  }
}

Result<std::shared_ptr<Library>> Libraries::load(StagedFile file) {
  const OwnThread own;
  const auto before = thread_clock();
  auto library = Library::load(std::move(file));
  if (library) {
    const std::lock_guard lock(mutex_);
    std::erase_if(loaded_, [](const auto& known) { return segments_of(known.first).empty(); });
    loaded_[(*library)->file().path] = before;
  }
  return library;
}

Result<void> Libraries::release(std::shared_ptr<Library> library) {
  if (!library) return {};
  const OwnThread own;
  const std::lock_guard releasing(releasing_);
  Released released;
  released.zombie.source = library->file().source;
  released.zombie.path = library->file().path;
  released.loaded_at = loaded_at(released.zombie.path);
  released.library = std::move(library);
  auto obstacle = unload(released, release_patience);
  if (!obstacle) return {};
  const Error error{Errc::failed, released.zombie.source.string() + " stays mapped: " + obstacle->text};
  released.zombie.reason = std::move(obstacle->reason);
  released.zombie.text = std::move(obstacle->text);
  const std::lock_guard lock(mutex_);
  zombies_.push_back(std::move(released));
  return error;
}

void Libraries::look_again() {
  const OwnThread own;
  const std::lock_guard releasing(releasing_);
  std::vector<fs::path> gone;
  for (auto& released : zombies_) {
    auto obstacle = unload(released, later_patience);
    const std::lock_guard lock(mutex_);
    if (!obstacle) {
      gone.push_back(released.zombie.path);
    } else {
      released.zombie.reason = std::move(obstacle->reason);
      released.zombie.text = std::move(obstacle->text);
    }
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(zombies_, [&](const Released& released) {
    return std::find(gone.begin(), gone.end(), released.zombie.path) != gone.end();
  });
}

Libraries::Stats Libraries::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats;
  for (const auto& [path, loaded_at] : loaded_) stats.resident += segments_of(path).empty() ? 0 : 1;
  for (const auto& released : zombies_) ++stats.zombies[released.zombie.reason];
  return stats;
}

std::vector<Libraries::Zombie> Libraries::zombies() const {
  const std::lock_guard lock(mutex_);
  std::vector<Zombie> all;
  all.reserve(zombies_.size());
  for (const auto& released : zombies_) all.push_back(released.zombie);
  return all;
}

std::optional<Libraries::Obstacle> Libraries::unload(Released& released, std::chrono::milliseconds patience) {
  if (released.library) {
    if (const auto others = released.library.use_count() - 1; others > 0) {
      return Obstacle{"held", std::to_string(others) + " more of the agent's parts hold it"};
    }
    if (auto user = find_user(released.zombie.path, released.loaded_at, patience)) {
      return Obstacle{"thread", std::move(*user)};
    }
    released.library.reset();
  }
  return prove_gone(released);
}

std::optional<Libraries::Obstacle> Libraries::prove_gone(const Released& released) {
  const auto& path = released.zombie.path;
  if (is_gone(path)) return {};
  // What was in the way may have gone since: a thread has ended, a dependant was closed.
  collect_unused(path);
  if (is_gone(path)) return {};
  const bool renewed = renew_threads_();
  collect_unused(path);
  if (is_gone(path)) return {};
  if (!renewed) return Obstacle{"thread_local", "a thread that called it has not ended and keeps objects of it"};
  return Obstacle{"mapped",
                  "it was closed and every thread that called it has ended, and the loader keeps it: "
                  "another object may depend on it"};
}

std::uint64_t Libraries::loaded_at(const fs::path& path) const {
  const std::lock_guard lock(mutex_);
  const auto known = loaded_.find(path);
  return known == loaded_.end() ? 0 : known->second;  // loaded elsewhere: any thread may be its
}

}  // namespace sentinel::plugin
