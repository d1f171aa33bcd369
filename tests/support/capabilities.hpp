#pragma once

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace sentinel::testing {

/// Calls it on a thread that has given up every capability, and is joined.
template <class Callable>
void without_capabilities(Callable&& call) {
  std::thread([&call] {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2] = {};
    if (::syscall(SYS_capset, &header, none) != 0) std::abort();
    call();
  }).join();
}

}  // namespace sentinel::testing
