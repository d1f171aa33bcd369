#pragma once

#include <sentinel/result.hpp>
#include <string>

#include "core/delivery/courier.hpp"

namespace sentinel::delivery {

/// The value of the Authorization header: from the receiver's files as they are now, the newline at their end left out;
/// empty when it has no credentials. Errors: invalid_argument, not_found, permission; they never hold the secret.
[[nodiscard]] Result<std::string> authorization(const Receiver& receiver);

}  // namespace sentinel::delivery
