#include "rules/engine/group.hpp"

#include <algorithm>
#include <functional>

namespace sentinel::rules {
namespace {

constexpr char separator = '\0';  // in no clean text, and before all that is: texts sort as label sets do

std::string_view take(std::string_view& text) {
  const auto end = std::min(text.find(separator), text.size());
  const auto taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

}  // namespace

void append_label(std::string& shown, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  shown.append(name);
  shown.push_back(separator);
  shown.append(value);
  shown.push_back(separator);
}

std::string encode_labels(const Labels& labels) {
  std::string shown;
  for (const auto& [name, value] : labels) append_label(shown, name, value);
  return shown;
}

Labels decode_labels(std::string_view shown) {
  Labels labels;
  while (!shown.empty()) {
    const auto name = take(shown);
    labels.emplace(name, take(shown));
  }
  return labels;
}

Group* Groups::find(std::string_view key) const {
  if (slots_.empty()) return nullptr;
  const std::uint64_t hash = std::hash<std::string_view>{}(key);
  for (std::size_t at = hash & (slots_.size() - 1); slots_[at].group != nullptr; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == hash && slots_[at].group->key == key) return slots_[at].group;
  }
  return nullptr;
}

Group& Groups::add(std::string key) {
  auto& group = *groups_.emplace_back(std::make_unique<Group>());
  group.key = std::move(key);
  if (2 * groups_.size() > slots_.size()) {
    index(std::max<std::size_t>(16, 2 * slots_.size()));
  } else {
    put(std::hash<std::string_view>{}(group.key), group);
  }
  return group;
}

void Groups::index(std::size_t slots) {
  slots_.assign(slots, {});
  for (const auto& group : groups_) put(std::hash<std::string_view>{}(group->key), *group);
}

void Groups::put(std::uint64_t hash, Group& group) {
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].group != nullptr) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {hash, &group};
}

}  // namespace sentinel::rules
