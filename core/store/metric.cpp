#include "core/store/metric.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include <sentinel/config.hpp>
#include <sentinel/text.hpp>

namespace sentinel::store {
namespace {

constexpr std::size_t most_label_keys = 32;
constexpr std::size_t most_bounds = 256;

bool is_name(std::string_view name, bool colons) {
  const auto is_letter = [&](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || (colons && c == ':');
  };
  if (name.empty() || name.size() > 200 || !is_letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

Error refuse(std::string_view name, std::string_view why) {
  std::string buffer;
  return {Errc::invalid_argument, "metric '" + std::string(clean(name, buffer)) + "': " + std::string(why)};
}

}  // namespace

std::string_view kind_name(MetricKind kind) noexcept {
  switch (kind) {
    case MetricKind::gauge:
      return "gauge";
    case MetricKind::counter:
      return "counter";
    case MetricKind::histogram:
      return "histogram";
    case MetricKind::event:
      return "event";
  }
  return "unknown";
}

Result<MetricDecl> checked_decl(const sentinel_metric& metric) {
  MetricDecl decl;
  const std::string_view name = from_abi(metric.name);
  if (!is_name(name, true)) return refuse(name, "its name is not of the form [a-zA-Z_:][a-zA-Z0-9_:]*");
  if (metric.kind < SENTINEL_GAUGE || metric.kind > SENTINEL_EVENT) {
    return refuse(name, "its kind is " + std::to_string(metric.kind) + "; gauge is 1, counter 2, histogram 3, event 4");
  }
  decl.kind = static_cast<MetricKind>(metric.kind);
  decl.name = name;
  std::string buffer;
  decl.help = clean(from_abi(metric.help), buffer);
  if (decl.help.empty()) return refuse(name, "it has no help text");
  decl.unit = clean(from_abi(metric.unit), buffer);

  if (metric.label_count > most_label_keys) return refuse(name, "it has more than 32 label keys");
  for (std::uint32_t i = 0; i < metric.label_count; ++i) {
    const std::string_view key = from_abi(metric.label_keys[i]);
    if (!is_name(key, false) || key.starts_with("__")) {
      return refuse(
          name, "label key " + std::to_string(i + 1) + " is not of the form [a-zA-Z_][a-zA-Z0-9_]*, or starts with __");
    }
    if (key == "le" && decl.kind == MetricKind::histogram) return refuse(name, "'le' names a histogram's buckets");
    if (std::find(decl.label_keys.begin(), decl.label_keys.end(), key) != decl.label_keys.end()) {
      return refuse(name, "label key '" + std::string(key) + "' is there twice");
    }
    decl.label_keys.emplace_back(key);
  }

  if ((metric.bound_count > 0) != (decl.kind == MetricKind::histogram)) {
    return refuse(name, "bounds belong to a histogram, and every histogram has some");
  }
  if (metric.bound_count > most_bounds) return refuse(name, "it has more than 256 bounds");
  if (metric.bound_count > 0) decl.bounds.assign(metric.bounds, metric.bounds + metric.bound_count);
  for (std::size_t i = 0; i < decl.bounds.size(); ++i) {
    if (!std::isfinite(decl.bounds[i]) || (i > 0 && decl.bounds[i] <= decl.bounds[i - 1])) {
      return refuse(name, "its bounds are not finite and ascending");
    }
  }
  return decl;
}

LabelSet::LabelSet(const std::vector<std::string_view>& values) {
  std::size_t size = 0;
  for (const auto value : values) size += value.size();
  text_.reserve(size);
  values_.reserve(values.size());
  for (const auto value : values) {
    values_.push_back({text_.data() + text_.size(), value.size()});
    text_.append(value);
  }
}

MetricInfo::MetricInfo(std::string instance_name, MetricDecl declared, Labels constant_labels)
    : instance(std::move(instance_name)), decl(std::move(declared)), constant(std::move(constant_labels)) {
  for (const auto& key : decl.label_keys) keys_.push_back(to_abi(key));
  for (const auto& [key, value] : constant) keys_.push_back(to_abi(key));
  abi_ = {sizeof(sentinel_metric),
          static_cast<std::uint32_t>(decl.kind),
          to_abi(decl.name),
          to_abi(decl.help),
          to_abi(decl.unit),
          keys_.data(),
          decl.bounds.data(),
          static_cast<std::uint32_t>(keys_.size()),
          static_cast<std::uint32_t>(decl.bounds.size())};
}

}  // namespace sentinel::store
