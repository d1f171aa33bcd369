#pragma once

#include <string>
#include <string_view>

namespace snapshot {

/// What stands where a secret stood.
inline constexpr std::string_view masked = "[masked]";

/// A command line (/proc/<pid>/cmdline: arguments that end with NUL) as one line of text, with what looks like a secret
/// masked: values of options and variables with a telling name (--password=…, --token …, AWS_SECRET_ACCESS_KEY=…), user
/// information in URLs, Authorization headers, tokens of well-known form, long random text after a telling word. Rather
/// too much than too little; what a program calls by an innocent name stays. Any thread.
[[nodiscard]] std::string mask_cmdline(std::string_view cmdline);

}  // namespace snapshot
