// Linked into a variant of test_swap, whose loading it ends.
#include <stdexcept>

namespace {

struct Constructor {
  Constructor() { throw std::runtime_error("no start today"); }
};

const Constructor constructor;

}  // namespace
