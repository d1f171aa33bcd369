#include "core/plugin/abi_config.hpp"

#include <sentinel/config.hpp>
#include <utility>

namespace sentinel::plugin {

AbiConfig::AbiConfig(config::Resolved values) : values_(std::move(values)) {
  // Reserved, because the elements are pointed to.
  strings_.reserve(values_.size());
  abi_values_.reserve(values_.size());
  for (const auto& value : values_) {
    auto& strings = strings_.emplace_back();
    strings.reserve(value.strings.size());
    for (const auto& one : value.strings) strings.push_back(to_abi(one));
    const bool is_integers = value.type == FieldType::integer_list;
    abi_values_.push_back({sizeof(sentinel_config_value), static_cast<std::uint32_t>(value.type), to_abi(value.name),
                           to_abi(value.text), value.integer, value.number, strings.data(), value.integers.data(),
                           is_integers ? value.integers.size() : strings.size()});
  }
  config_ = {sizeof(sentinel_config), static_cast<std::uint32_t>(abi_values_.size()), abi_values_.data()};
}

}  // namespace sentinel::plugin
