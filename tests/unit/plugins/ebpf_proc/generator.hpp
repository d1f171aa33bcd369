#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

/// A process of a name of its own that waits until it is told, does its work and ends: what it does can be told from
/// what the rest of the machine does, and is counted whole.
class Generator {
 public:
  /// `comm`: at most 15 bytes, any but 0. `work` runs in the process; what it returns is the exit code.
  Generator(const std::string& comm, std::function<int()> work);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  ~Generator();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void go();
  /// Waits for its end; its status as waitpid(2) has it. Lets it go first.
  int wait();

 private:
  pid_t pid_ = -1;
  int start_ = -1;
  bool gone_ = false;
};

/// Forks a child that does `work` and ends with what it returns; reaps it. The status.
int run_child(const std::function<int()>& work);
/// Forks children that end at once, one after the other.
void fork_children(int count);
/// Forks children that run this program, one after the other.
void run_programs(const std::string& path, int count);
/// Starts threads that wait, all of which the end of the process then ends at once.
void start_waiting_threads(int count);
