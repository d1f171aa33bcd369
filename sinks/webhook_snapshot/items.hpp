#pragma once

#include <chrono>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinks/webhook_snapshot/folder.hpp"
#include "sinks/webhook_snapshot/scene.hpp"

namespace snapshot {

/// Takes one item of a snapshot: runs `take(item)`, which gives the bytes written, and notes how it went and how long
/// it took. What is not there, or not supported, is absent; anything else that fails has failed.
template <class Take>
bool take_item(std::vector<Item>& items, std::string name, std::string file, Take&& take) {
  using Clock = std::chrono::steady_clock;
  Item item;
  item.name = std::move(name);
  item.file = std::move(file);
  const auto before = Clock::now();
  const sentinel::Result<std::uint64_t> bytes = take(item);
  item.ms = std::chrono::duration<double, std::milli>(Clock::now() - before).count();
  if (bytes) {
    item.bytes = *bytes;
  } else {
    const auto code = bytes.error().code;
    const bool absent =
        code == sentinel::Errc::not_found || code == sentinel::Errc::unsupported || code == sentinel::Errc::no_data;
    item.state = absent ? Item::State::absent : Item::State::failed;
    item.why = bytes.error().message;
    item.file.clear();
  }
  items.push_back(std::move(item));
  return bytes.ok();
}

/// Writes a raw file as it is, cut to 1 MiB.
inline sentinel::Result<std::uint64_t> write_item(Draft& draft, Item& item, std::string_view text) {
  constexpr std::size_t most = std::size_t{1} << 20U;
  if (text.size() > most) {
    item.state = Item::State::partial;
    item.why = "cut to 1 MiB of " + std::to_string(text.size()) + " bytes";
  }
  return draft.write(item.file, text.substr(0, most));
}

}  // namespace snapshot
