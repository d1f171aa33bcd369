#include "core/runtime/worker_pool.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/plugin/threads.hpp"

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

thread_local const WorkerPool::State* WorkerPool::working_for_ = nullptr;

void WorkerPool::submit(Job job, Wake wake) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
  }
  if (wake == Wake::now || working_for_ != state_.get()) state_->changed.notify_one();
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

bool WorkerPool::renew(std::chrono::milliseconds patience) {
  const std::lock_guard renewing(renewing_);
  const auto deadline = Clock::now() + patience;
  std::size_t old = 0;
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->renewals;
    old = state_->old = state_->threads;
  }
  for (std::size_t i = 0; i < old; ++i) {
    if (!replace_one(deadline)) return false;
  }
  while (true) {
    {
      const std::lock_guard lock(threads_mutex_);
      if (join_ended()) return true;
    }
    if (Clock::now() >= deadline) return false;
    // A thread tells nobody when the last of its thread_local objects has gone.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

bool WorkerPool::replace_one(Clock::time_point deadline) {
  {
    const std::lock_guard lock(threads_mutex_);
    try {
      add_thread();
    } catch (const std::system_error&) {
      return false;
    }
  }
  std::unique_lock lock(state_->mutex);
  ++state_->replaced;
  state_->changed.notify_all();
  state_->left.wait_until(lock, deadline, [&] { return state_->replaced == 0 || state_->old == 0; });
  if (state_->replaced == 0) return true;
  // None left for the new one, which is one too many now.
  state_->replaced = 0;
  ++state_->surplus;
  const bool none_old = state_->old == 0;
  state_->changed.notify_all();
  return none_old;
}

void WorkerPool::add_thread() {
  std::uint64_t renewal = 0;
  {
    const std::lock_guard lock(state_->mutex);
    ++state_->threads;
    renewal = state_->renewals;
  }
  try {
    threads_.emplace_back([state = state_, renewal] { work(state, renewal); });
  } catch (const std::system_error&) {
    const std::lock_guard lock(state_->mutex);
    --state_->threads;
    throw;
  }
}

bool WorkerPool::join_ended() {
  std::vector<Ended> ended;
  {
    const std::lock_guard lock(state_->mutex);
    ended.swap(state_->ended);
  }
  std::erase_if(ended, [&](const Ended& one) {
    if (::tgkill(::getpid(), one.tid, 0) == 0 || errno != ESRCH) return false;
    const auto thread = std::find_if(threads_.begin(), threads_.end(),
                                     [&](const std::thread& each) { return each.get_id() == one.id; });
    if (thread != threads_.end()) {
      if (thread->joinable()) thread->join();
      threads_.erase(thread);
    }
    return true;
  });
  const std::lock_guard lock(state_->mutex);
  state_->ended.insert(state_->ended.end(), ended.begin(), ended.end());
  return state_->ended.empty();
}

void WorkerPool::work(const std::shared_ptr<State>& state, std::uint64_t renewal) {
  const plugin::OwnThread own;
  working_for_ = state.get();
  std::unique_lock lock(state->mutex);
  const auto is_old = [&] { return renewal < state->renewals; };
  const auto is_replaced = [&] { return is_old() && state->replaced > 0; };
  while (true) {
    state->changed.wait(lock,
                        [&] { return is_replaced() || !state->jobs.empty() || state->surplus > 0 || state->stopping; });
    if (is_replaced()) {
      --state->replaced;
      state->ended.push_back({std::this_thread::get_id(), ::gettid()});
      state->changed.notify_one();  // for a job that this one was to take up
      break;
    }
    if (!state->jobs.empty()) {
      Job job = std::move(state->jobs.front());
      state->jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // what it captured goes before the lock is taken again
      lock.lock();
    } else if (state->surplus > 0) {
      --state->surplus;
      state->ended.push_back({std::this_thread::get_id(), ::gettid()});
      break;
    } else {
      break;
    }
  }
  --state->threads;
  if (is_old()) --state->old;
  state->left.notify_all();
}

void Strand::post(Job job, Wake wake) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back(std::move(job));
    if (state_->running) return;
    state_->running = true;
  }
  pool_.submit([&pool = pool_, state = state_] { run_one(pool, state); }, wake);
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
