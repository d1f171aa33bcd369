#include "sentinel/procfs/buffer.hpp"

#include <algorithm>

namespace sentinel::procfs {

bool Buffer::grow() {
  constexpr std::size_t page_bytes = 4096;
  if (bytes_.size() >= limit_bytes_) return false;
  bytes_.resize(std::min(std::max(bytes_.size() * 2, page_bytes), limit_bytes_));
  return true;
}

}  // namespace sentinel::procfs
