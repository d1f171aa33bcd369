#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sentinel::runtime {

using Job = std::function<void()>;

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

  /// Queues a job, which must not throw.
  void submit(Job job);

  /// One thread more; false when the bound is reached.
  bool add_replacement();
  /// One thread less, as soon as one is idle.
  void return_one();

  [[nodiscard]] std::size_t threads() const;
  [[nodiscard]] std::size_t queued() const;

 private:
  /// Owned by the threads too, so that one that hangs at the process's end finds it alive.
  struct State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    std::size_t threads = 0;
    std::size_t surplus = 0;
    std::vector<std::thread::id> ended;  // returned ones, to be joined
    bool stopping = false;
  };

  void add_thread();
  void join_ended();
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_ = std::make_shared<State>();
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
  void post(Job job);

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
