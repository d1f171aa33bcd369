#include "core/runtime/retirement.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>

#include "core/runtime/aside.hpp"
#include "core/runtime/await_all.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

asio::awaitable<void> retire_one(std::shared_ptr<Instance> instance, steady_clock::time_point deadline,
                                 std::shared_ptr<Retirement::Instances> retired) {
  const Result<void> done = co_await instance->retire(deadline);
  if (done) retired->push_back(instance);
}

bool contains(const Retirement::Instances& all, const std::shared_ptr<Instance>& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

Retirement::Retirement(asio::io_context& control, WorkerPool& workers)
    : control_(control), libraries_([&workers] { return workers.renew(); }) {}

asio::awaitable<void> Retirement::retire(Instances old, nanoseconds timeout) {
  const auto stopped = std::make_shared<Instances>();
  co_await stop_within(old, timeout, stopped);
  for (const auto& instance : old) {
    if (contains(*stopped, instance)) continue;
    const auto call = instance->status().call;
    telemetry::log_error(instance->name(), (call.empty() ? std::string("it") : "'" + call + "'") +
                                               " does not return: its code stays in memory until it does");
    keep(instance);
  }
  old.clear();
  Instances gone = *stopped;
  stopped->clear();
  co_await unload(std::move(gone));
}

asio::awaitable<Retirement::Outcome> Retirement::retire_for_good(Instances old, nanoseconds timeout) {
  old.insert(old.end(), hanging_.begin(), hanging_.end());
  hanging_.clear();
  const auto stopped = std::make_shared<Instances>();
  co_await stop_within(old, timeout, stopped);
  Outcome outcome;
  for (const auto& instance : old) {
    if (contains(*stopped, instance)) {
      outcome.stopped.push_back(instance->name());
      (void)instance->surrender_library();  // now, not when the last coroutine lets go of the instance
    } else {
      outcome.hanging.emplace_back(instance->name(), instance->status().call);
    }
  }
  co_return outcome;
}

asio::awaitable<void> Retirement::stop_within(Instances old, nanoseconds timeout, std::shared_ptr<Instances> stopped) {
  const auto now = steady_clock::now();
  // Collectors first, so that sinks still take what they hand over last. The last quarter of the time is the sinks'
  // own: a collector that hangs must not make them look as if they did.
  const std::pair<Kind, steady_clock::time_point> turns[] = {{Kind::collector, now + timeout * 3 / 4},
                                                             {Kind::sink, now + timeout}};
  for (const auto& [kind, deadline] : turns) {
    std::vector<asio::awaitable<void>> tasks;
    for (const auto& instance : old) {
      if (instance->spec().kind == kind) tasks.push_back(retire_one(instance, deadline, stopped));
    }
    co_await await_all(control_, std::move(tasks), deadline);
  }
}

/// Proves that the code of these is gone, where no other instance runs it.
asio::awaitable<void> Retirement::unload(Instances gone) {
  const auto libraries = std::make_shared<std::vector<std::shared_ptr<plugin::Library>>>();
  for (const auto& instance : gone) {
    if (auto library = instance->surrender_library()) libraries->push_back(std::move(library));
  }
  gone.clear();
  if (libraries->empty()) co_return;
  std::function<void()> job = [this, libraries] {
    for (auto& library : *libraries) {
      // A rollback leaves two instances of one library behind, and one that goes on.
      if (library.use_count() > 1) {
        library.reset();
        continue;
      }
      const std::string name = library->file().source.filename().string();
      if (const auto released = libraries_.release(std::move(library)); !released) {
        telemetry::log_warning("plugins", name + ": " + released.error().message);
      }
    }
  };
  co_await run_aside(control_, std::move(job));
}

void Retirement::keep(std::shared_ptr<Instance> hanging) {
  hanging_.push_back(std::move(hanging));
  hanging_count_ = hanging_.size();
}

void Retirement::clean_up(nanoseconds timeout) {
  if (cleaning_ || (hanging_.empty() && libraries_.zombies().empty())) return;
  cleaning_ = true;
  asio::co_spawn(control_, clean(timeout), asio::detached);
}

asio::awaitable<void> Retirement::clean(nanoseconds timeout) {
  Instances returned;
  std::erase_if(hanging_, [&](const auto& instance) {
    if (instance->hangs()) return false;
    returned.push_back(instance);
    return true;
  });
  hanging_count_ = hanging_.size();
  co_await retire(std::move(returned), timeout);
  std::function<void()> look = [this] { libraries_.look_again(); };
  co_await run_aside(control_, std::move(look));
  cleaning_ = false;
}

telemetry::LibraryStats Retirement::stats() const {
  const auto libraries = libraries_.stats();
  telemetry::LibraryStats stats;
  stats.resident = libraries.resident;
  for (const auto& [reason, count] : libraries.zombies) stats.zombies[reason] = count;
  if (const auto hanging = hanging_count_.load(); hanging > 0) stats.zombies["hung_call"] = hanging;
  return stats;
}

}  // namespace sentinel::runtime
