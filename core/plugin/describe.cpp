#include <algorithm>
#include <csignal>
#include <cstring>
#include <string_view>

#include "core/plugin/child.hpp"
#include "core/plugin/description.hpp"
#include "core/plugin/description_json.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

/// Takes the next whole line off the front; empty when there is none.
std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == text.npos) return {};
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::string_view last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const auto begin = text.rfind('\n');
  return begin == text.npos ? text : text.substr(begin + 1);
}

/// How the child ended before it had said all, as a sentence about the plugin.
Error ending(const ChildEnd& child, std::string_view doing, std::chrono::milliseconds deadline) {
  std::string message;
  Errc code = Errc::failed;
  if (child.timed_out) {
    code = Errc::timeout;
    message = "it did not return within " + std::to_string(deadline.count()) + " ms";
  } else if (child.overflowed) {
    message = "it made the describing process answer without end";
  } else if (child.signal != 0) {
    const char* name = ::sigabbrev_np(child.signal);
    message = "it crashed with SIG" + (name == nullptr ? std::to_string(child.signal) : std::string(name));
  } else {
    message = "it ended its process with code " + std::to_string(child.exit_code);
  }
  message += " " + std::string(doing);
  if (const auto line = clean_text(last_line(child.error_tail), 256); !line.empty()) message += ": " + line;
  return {code, std::move(message)};
}

}  // namespace

Result<Description> describe(const fs::path& file, const fs::path& program, std::chrono::milliseconds deadline) {
  const auto child = run_child(program, {"sentinel", "plugin", "describe", file.string()}, deadline);
  if (!child) return child.error().in(file.string());
  Description description;
  description.path = file;
  std::string_view said = child->output;
  const auto first = next_line(said);
  if (first.empty()) return ending(*child, "while being loaded", deadline).in(file.string());
  // The child's errors name the file already.
  if (const auto read = read_descriptor_line(first, description); !read) return read.error();
  const auto second = next_line(said);
  if (second.empty()) {
    description.not_created = ending(*child, "in create or destroy", deadline).message;
    return description;
  }
  if (const auto read = read_instance_line(second, description); !read) return read.error().in(file.string());
  const auto third = next_line(said);
  if (third.empty()) {
    description.not_unloaded = ending(*child, "while being unloaded", deadline).message;
    return description;
  }
  if (const auto read = read_unload_line(third, description); !read) return read.error().in(file.string());
  return description;
}

}  // namespace sentinel::plugin
