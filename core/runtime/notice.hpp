#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "rules/engine/alert.hpp"

namespace sentinel::runtime {

/// An alert that began to fire or was resolved, on its way to sinks: owns all that it says, so that it outlives its
/// rule and this process. Times are Unix nanoseconds, unless said.
struct Notice {
  std::uint64_t id = 0;  ///< rises with each notice of a state_dir
  bool firing = true;
  std::uint64_t fingerprint = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::int64_t starts_at_ns = 0;
  std::int64_t ends_at_ns = 0;
  std::uint64_t time_ns = 0;  ///< CLOCK_BOOTTIME of what tripped or resolved it
  double value = 0;
  std::uint64_t lost = 0;
  std::string metric;
  std::string expression;
  std::string reason;
  std::optional<rules::Context> context;
  std::vector<std::string> sinks;  ///< that have not taken it yet
};

[[nodiscard]] Notice make_notice(const rules::Alert& alert);

[[nodiscard]] boost::json::object to_json(const Notice& notice);
/// Errors: invalid_argument, naming what is missing.
[[nodiscard]] Result<Notice> notice_from_json(const boost::json::object& json);

/// A notice in the shape of the ABI; points into the notice, which must outlive it.
class AbiAlert {
 public:
  explicit AbiAlert(const Notice& notice);
  AbiAlert(const AbiAlert&) = delete;
  AbiAlert& operator=(const AbiAlert&) = delete;
  [[nodiscard]] const sentinel_alert& raw() const { return alert_; }

 private:
  std::vector<sentinel_label> labels_;
  std::vector<sentinel_label> annotations_;
  std::vector<sentinel_string> symbols_;
  sentinel_context context_{};
  sentinel_alert alert_{};
};

/// The reverse, as a sink hands it back to be posted.
[[nodiscard]] Result<Notice> notice_from_abi(const sentinel_alert& alert);

}  // namespace sentinel::runtime
