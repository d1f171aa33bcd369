#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace sentinel::plugin {

/// Marks the thread that makes it, for its scope, as one of the agent's own that call plugins: what such a call uses
/// is held by the caller, so find_user() passes the thread over, however busy it is and whatever earlier calls left on
/// its stack. For the threads that the agent starts while plugins are loaded; those older than every plugin need
/// none. Scopes may be nested.
class OwnThread {
 public:
  OwnThread();
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;
  ~OwnThread();

 private:
  pid_t tid_;
};

/// Now, on the clock by which the kernel tells the start of a thread: ticks of _SC_CLK_TCK since boot. Source: proc(5),
/// `starttime` of stat.
[[nodiscard]] std::uint64_t thread_clock();

/// Looks for a thread that runs code of a loaded object, or may come back to it: unloading it would crash the process.
/// Nothing: there is none, and none can appear that is not started by a call into the object. Else what to tell of it.
///
/// Looked at is every thread but the caller and the OwnThreads: the place it stands at, the words of its stack that
/// point into the object's code, and what it was started with. That can be done of a thread that waits alone; one that
/// runs is looked at again until it waits, for `patience` at most in all. What then still runs counts as a user, unless
/// it was started before `loaded_at` (thread_clock() from before the object was loaded).
///
/// A wrong alarm is possible (an old word in a part of a stack that its function left unused), a thread missed is not,
/// but for one that keeps its way back to the object neither on its stack nor in its start routine, such as a thread of
/// another library with a callback registered and no call of it going on.
///
/// Source: proc(5) on /proc/<pid>/task/<tid>/syscall, process_vm_readv(2). Any thread. Blocks for `patience` at most.
[[nodiscard]] std::optional<std::string> find_user(const std::filesystem::path& object, std::uint64_t loaded_at,
                                                   std::chrono::milliseconds patience);

}  // namespace sentinel::plugin
