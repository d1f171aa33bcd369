#include "core/runtime/worker_pool.hpp"

#include <algorithm>
#include <utility>

namespace sentinel::runtime {

WorkerPool::WorkerPool(std::size_t threads, std::size_t most_replacements) : replacements_left_(most_replacements) {
  for (std::size_t i = 0; i < threads; ++i) add_thread();
}

WorkerPool::~WorkerPool() {
  join();
}

void WorkerPool::join() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkerPool::submit(Job job) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
  }
  state_->changed.notify_one();
}

bool WorkerPool::add_replacement() {
  const std::lock_guard lock(threads_mutex_);
  if (replacements_left_ == 0) return false;
  --replacements_left_;
  join_ended();
  add_thread();
  return true;
}

void WorkerPool::return_one() {
  const std::lock_guard lock(threads_mutex_);
  ++replacements_left_;
  join_ended();
  {
    const std::lock_guard state_lock(state_->mutex);
    ++state_->surplus;
  }
  state_->changed.notify_all();
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->threads;
}

std::size_t WorkerPool::queued() const {
  const std::lock_guard lock(state_->mutex);
  return state_->jobs.size();
}

void WorkerPool::add_thread() {
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->threads;
  }
  threads_.emplace_back([state = state_] { work(state); });
}

void WorkerPool::join_ended() {
  std::vector<std::thread::id> ended;
  {
    const std::lock_guard lock(state_->mutex);
    ended.swap(state_->ended);
  }
  std::erase_if(threads_, [&](std::thread& thread) {
    if (std::find(ended.begin(), ended.end(), thread.get_id()) == ended.end()) return false;
    thread.join();
    return true;
  });
}

void WorkerPool::work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    state->changed.wait(lock, [&] { return !state->jobs.empty() || state->surplus > 0 || state->stopping; });
    if (!state->jobs.empty()) {
      Job job = std::move(state->jobs.front());
      state->jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // what it captured goes before the lock is taken again
      lock.lock();
    } else if (state->surplus > 0) {
      --state->surplus;
      state->ended.push_back(std::this_thread::get_id());
      break;
    } else {
      break;
    }
  }
  --state->threads;
}

void Strand::post(Job job) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
    if (state_->running) return;
    state_->running = true;
  }
  pool_.submit([&pool = pool_, state = state_] { run_one(pool, state); });
}

void Strand::run_one(WorkerPool& pool, const std::shared_ptr<State>& state) {
  Job job;
  {
    const std::lock_guard lock(state->mutex);
    job = std::move(state->jobs.front());
    state->jobs.pop_front();
  }
  job();
  job = nullptr;
  const std::lock_guard lock(state->mutex);
  if (state->jobs.empty()) {
    state->running = false;
  } else {
    // Through the pool again, so that one busy instance does not hold a thread that others wait for.
    pool.submit([&pool, state] { run_one(pool, state); });
  }
}

}  // namespace sentinel::runtime
