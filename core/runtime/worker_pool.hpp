#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sentinel::runtime {

using Job = std::function<void()>;

/// Who takes up a job that is queued.
enum class Wake {
  now,        ///< a thread that is idle
  after_job,  ///< the calling thread, a worker whose own job all but ends with this: waking another costs more than it
};

/// The few threads that run plugin code. Thread-safe.
///
/// A job that never returns keeps its thread; add_replacement() then makes up for it, up to a bound, and return_one()
/// gives the surplus back once that job has returned after all.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads, std::size_t most_replacements = 16);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  /// Finishes what is queued and joins every thread, as the destructor does: only legal when no job hangs.
  void join();

  /// Queues a job, which must not throw. On a thread that is not the pool's a thread is woken in any case.
  void submit(Job job, Wake wake = Wake::now);

  /// One thread more; false when the bound is reached.
  bool add_replacement();
  /// One thread less, as soon as one is idle.
  void return_one();

  /// Puts a new thread in the place of each, so that the destructors of what plugins keep in thread_local objects run,
  /// which keep a plugin's code mapped until then. Jobs go on meanwhile: a thread that is busy is replaced after its
  /// job. True when the old threads have ended. False when one has not within `patience`, because its job or such a
  /// destructor takes longer, or because no thread could be started: it keeps its place then.
  /// Blocks; not on one of the pool's threads, and not beside join().
  [[nodiscard]] bool renew(std::chrono::milliseconds patience = std::chrono::seconds(2));

  [[nodiscard]] std::size_t threads() const;
  [[nodiscard]] std::size_t queued() const;

 private:
  using Clock = std::chrono::steady_clock;

  /// A thread that has left its loop; its thread_local objects may still be going.
  struct Ended {
    std::thread::id id;
    pid_t tid = 0;
  };

  /// Owned by the threads too, so that one that hangs at the process's end finds it alive.
  struct State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    std::size_t threads = 0;
    std::size_t surplus = 0;
    std::uint64_t renewals = 0;
    std::size_t old = 0;       // threads from before the last renewal
    std::size_t replaced = 0;  // how many of them are to leave, each as soon as it is idle
    std::condition_variable left;
    std::vector<Ended> ended;  // to be joined
    bool stopping = false;
  };

  void add_thread();
  bool replace_one(Clock::time_point deadline);
  /// Joins those that have ended, which does not block; false when one has yet to.
  bool join_ended();
  static void work(const std::shared_ptr<State>& state, std::uint64_t renewal);

  static thread_local const State* working_for_;  ///< null on threads of no pool

  std::shared_ptr<State> state_ = std::make_shared<State>();
  std::mutex renewing_;  // taken before threads_mutex_, which is never held for long
  std::mutex threads_mutex_;
  std::size_t replacements_left_;
  std::vector<std::thread> threads_;
};

/// Runs the jobs given to it one after another on a pool's threads: what makes calls of one plugin instance never
/// overlap. Thread-safe; may be destroyed while jobs wait, which run all the same.
class Strand {
 public:
  explicit Strand(WorkerPool& pool) : pool_(pool) {}

  /// Queues a job, which must not throw.
  void post(Job job, Wake wake = Wake::now);

 private:
  struct State {
    std::mutex mutex;
    std::deque<Job> jobs;
    bool running = false;
  };

  static void run_one(WorkerPool& pool, const std::shared_ptr<State>& state);

  WorkerPool& pool_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace sentinel::runtime
