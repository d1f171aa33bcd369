#include "sentinel/bpf/entries.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <sentinel/bpf/object.hpp>
#include <vector>

namespace sentinel::bpf {

Result<void> read_entries(int map_fd, std::size_t key_size, std::size_t value_size, std::size_t most,
                          const std::function<void(const std::byte* key, const std::byte* value)>& take) {
  std::vector<std::byte> keys(most * key_size);
  std::vector<std::byte> values(most * value_size);
  // Where the kernel goes on: a bucket's number, or a key of maps of other kinds.
  std::vector<std::byte> place(std::max(key_size, sizeof(__u32)));
  bool begun = false;
  bool ended = false;
  while (!ended) {
    auto count = static_cast<__u32>(most);
    const int failed = bpf_map_lookup_batch(map_fd, begun ? place.data() : nullptr, place.data(), keys.data(),
                                            values.data(), &count, nullptr);
    ended = failed != 0;
    if (ended && errno != ENOENT) return bpf_error(errno, "read a map of the BPF program");
    begun = true;
    for (std::size_t i = 0; i < count; ++i) take(keys.data() + i * key_size, values.data() + i * value_size);
  }
  return {};
}

}  // namespace sentinel::bpf
