#pragma once

#include <sentinel/abi.h>

#include <cstdint>
#include <mutex>
#include <sentinel/host.hpp>
#include <sentinel/result.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "sinks/webhook_snapshot/alert.hpp"

namespace snapshot {

/// Hands alerts to the agent's delivery, for every receiver; knows which fire. Any thread.
class Posts {
 public:
  Posts(sentinel::Host host, std::vector<std::uint32_t> receivers) : host_(host), receivers_(std::move(receivers)) {}

  /// At once, as it came. Errors: the first of the host's; the other receivers get it all the same.
  sentinel::Result<void> first(const sentinel_alert& alert);
  /// Once more, with what its snapshot found; not when it was resolved meanwhile.
  sentinel::Result<void> again(const Alert& alert, const Labels& annotations);
  [[nodiscard]] bool fires(const Alert& alert) const;

 private:
  sentinel::Result<void> submit(const sentinel_alert& alert);

  sentinel::Host host_;
  std::vector<std::uint32_t> receivers_;
  /// Held over a look and its post, so that nothing is posted as firing after it was posted as resolved.
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::int64_t> firing_;  ///< since when, by fingerprint
};

}  // namespace snapshot
