#include "core/runtime/holdings.hpp"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>
#include <vector>

namespace sentinel::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_named = 8;

/// The numbers that name a folder's entries.
std::vector<int> numbers_in(const fs::path& folder) {
  std::vector<int> numbers;
  std::error_code failure;
  for (auto entry = fs::directory_iterator(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
  }
  return numbers;
}

std::map<int, std::string> threads() {
  std::map<int, std::string> found;
  const fs::path folder = "/proc/self/task";
  for (const int number : numbers_in(folder)) {
    std::ifstream file(folder / std::to_string(number) / "comm");
    std::string name;
    if (std::getline(file, name)) found[number] = name;
  }
  return found;
}

std::map<int, std::string> descriptors() {
  std::map<int, std::string> found;
  const fs::path folder = "/proc/self/fd";
  // The one that listed the folder is closed by now, and so not found.
  for (const int number : numbers_in(folder)) {
    std::error_code gone;
    const auto target = fs::read_symlink(folder / std::to_string(number), gone);
    if (!gone) found[number] = target.string();
  }
  return found;
}

/// What `now` has beyond `before`; a number that stands for something else is another.
std::map<int, std::string> beyond(const std::map<int, std::string>& before, std::map<int, std::string> now) {
  std::erase_if(now, [&](const auto& one) {
    const auto found = before.find(one.first);
    return found != before.end() && found->second == one.second;
  });
  return now;
}

template <class Text>
std::string list(const std::map<int, std::string>& all, Text&& text) {
  std::string out;
  std::size_t named = 0;
  for (const auto& one : all) {
    if (named++ == most_named) return out + ", …";
    out += (out.empty() ? "" : ", ") + text(one);
  }
  return out;
}

}  // namespace

Holdings holdings() {
  // A sanitizer's runtime begins a thread of its own with the first one of the process.
  std::thread([] {}).join();
  return {threads(), descriptors()};
}

Result<void> no_thread_left(const Holdings& before) {
  // A joined thread is listed until the kernel has done with it, and nothing tells when that is.
  constexpr std::chrono::seconds patience(1);
  constexpr std::chrono::milliseconds pause(1);
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto left = threads();
    std::erase_if(left, [&](const auto& one) { return before.threads.contains(one.first); });
    if (left.empty()) return {};
    if (std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(pause);
      continue;
    }
    const std::string what = left.size() == 1 ? "a thread" : std::to_string(left.size()) + " threads";
    return Error{Errc::failed, "leaves " + what + " behind: " + list(left, [](const auto& one) { return one.second; })};
  }
}

Result<void> no_descriptor_left(const Holdings& before) {
  const auto left = beyond(before.descriptors, descriptors());
  if (left.empty()) return {};
  const std::string what = left.size() == 1 ? "1 descriptor" : std::to_string(left.size()) + " descriptors";
  return Error{Errc::failed, "leaves " + what + " open: " + list(left, [](const auto& one) {
                               return one.second + " (fd " + std::to_string(one.first) + ")";
                             })};
}

}  // namespace sentinel::runtime
