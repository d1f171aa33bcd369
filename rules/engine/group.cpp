#include "rules/engine/group.hpp"

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
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

Group& Groups::add(std::string key) {
  auto group = std::make_unique<Group>();
  group->key = std::move(key);
  by_key_.emplace(group->key, group.get());
  return *groups_.emplace_back(std::move(group));
}

void Groups::clear() {
  by_key_.clear();
  groups_.clear();
}

}  // namespace sentinel::rules
