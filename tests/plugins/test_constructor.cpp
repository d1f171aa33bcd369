// Plugins whose static constructor ends the process that loads them, or never ends.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sentinel/collector.hpp>
#include <stdexcept>

namespace {

struct Constructor {
  enum How { throws, aborts, hangs, exits };

  explicit Constructor(How how) {
    std::fputs("the constructor runs\n", stderr);
    if (how == throws) throw std::runtime_error("no start today");
    if (how == aborts) std::abort();
    if (how == exits) std::_Exit(7);
    for (;;) ::pause();
  }
};

const Constructor constructor(HOW);

class Never {
 public:
  Never(const sentinel::Config&, sentinel::Host&) {}
  sentinel::Result<void> collect(sentinel::Batch&) { return {}; }
};

}  // namespace

SENTINEL_COLLECTOR(Never, {.name = NAME, .version = "1", .licence = "Apache-2.0", .summary = "Never loads."});
