#pragma once

#include "core/runtime/plan.hpp"
#include "core/runtime/reloader.hpp"

namespace sentinel::runtime {

/// Runs what `plan`, made of `source`, says until SIGTERM or SIGINT: the topology, the listener, the unix socket.
/// Returns the exit code: 0 after an orderly stop, 1 when it could not start (the reason is logged). When a plugin
/// hangs at the end it does not return but names it and leaves the process with code 1. Blocks; once per process, on
/// the main thread.
int run_agent(Plan plan, ConfigSource source);

/// One collection of everything, then what the first rendering sink shows on standard output. Exit code as above.
int run_once(Plan plan);

}  // namespace sentinel::runtime
