#pragma once

#include <cstddef>
#include <functional>
#include <sentinel/result.hpp>

namespace sentinel::bpf {

/// Hands over each entry of a hash map that is not per CPU, of at most `most` entries, in two or three calls of the
/// kernel. What changes meanwhile may be missed. Key and value are valid during the call of `take`. Errors: failed,
/// unsupported before Linux 5.6.
Result<void> read_entries(int map_fd, std::size_t key_size, std::size_t value_size, std::size_t most,
                          const std::function<void(const std::byte* key, const std::byte* value)>& take);

}  // namespace sentinel::bpf
