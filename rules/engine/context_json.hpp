#pragma once

#include <boost/json/object.hpp>
#include <memory>

#include "rules/engine/alert.hpp"

namespace sentinel::rules {

/// A context as it outlives its process.
[[nodiscard]] boost::json::object to_json(const Context& context);

/// Reads what to_json() wrote, or anybody else. Throws std::exception when something is missing, of another kind, or
/// more than a host lets through.
[[nodiscard]] std::shared_ptr<const Context> context_from_json(const boost::json::object& in);

}  // namespace sentinel::rules
