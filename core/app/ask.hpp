#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sentinel::app {

/// Which running agent a command asks.
struct AskOptions {
  std::filesystem::path file;    ///< pipeline file, whose state_dir holds the socket
  std::filesystem::path socket;  ///< goes before `file`
  std::string address;           ///< goes before both
};

/// What an agent answered.
struct Answer {
  int status = 0;
  std::string body;
  boost::json::value json;  ///< null when the body is none
};

/// Asks by GET, or by POST when there is a `json` body, and waits for `timeout`. What went wrong on the way is printed
/// after the command's name, and \p code is the exit code then.
[[nodiscard]] std::optional<Answer> ask(const AskOptions& options, std::string_view command, std::string_view path,
                                        std::optional<std::string_view> json, int& code,
                                        std::chrono::milliseconds timeout = std::chrono::seconds(5));

}  // namespace sentinel::app
