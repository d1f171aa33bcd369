#include "core/config/config.hpp"

#include <algorithm>

namespace sentinel::config {

namespace {

template <class Item>
const Item* find(const std::vector<Item>& items, std::string_view name) {
  const auto found = std::find_if(items.begin(), items.end(), [name](const Item& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace

const Collector* Config::find_collector(std::string_view name) const {
  return find(collectors, name);
}
const Sink* Config::find_sink(std::string_view name) const {
  return find(sinks, name);
}
const Pipeline* Config::find_pipeline(std::string_view name) const {
  return find(pipelines, name);
}

}  // namespace sentinel::config
