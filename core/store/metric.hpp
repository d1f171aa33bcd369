#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/metric.hpp>
#include <sentinel/result.hpp>

namespace sentinel::store {

/// Number of a metric of one instance; never used again for another.
using MetricId = std::uint32_t;
/// Number of a series; dead as soon as the series ends, and never 0.
using SeriesHandle = std::uint64_t;
/// Constant labels of an instance, from the pipeline file.
using Labels = std::map<std::string, std::string, std::less<>>;

/// A metric as a collector declares it. Two are the same metric when all but the help agree.
struct MetricDecl {
  MetricKind kind = MetricKind::gauge;
  std::string name;
  std::string help;
  std::string unit;
  std::vector<std::string> label_keys;
  std::vector<double> bounds;

  [[nodiscard]] bool same_identity(const MetricDecl& other) const {
    return kind == other.kind && name == other.name && unit == other.unit && label_keys == other.label_keys &&
           bounds == other.bounds;
  }
};

/// A declaration as it came over the ABI, checked: names, label keys (none of `__…`, `le` of histograms), bounds.
/// Errors: invalid_argument, naming the metric, what is wrong, and what is allowed.
Result<MetricDecl> checked_decl(const sentinel_metric& metric);

[[nodiscard]] std::string_view kind_name(MetricKind kind) noexcept;

/// An immutable set of label values, in the order of the keys, and its text in one piece.
class LabelSet {
 public:
  explicit LabelSet(const std::vector<std::string_view>& values);
  LabelSet(const LabelSet&) = delete;
  LabelSet& operator=(const LabelSet&) = delete;

  [[nodiscard]] const std::vector<sentinel_string>& values() const { return values_; }
  [[nodiscard]] std::size_t bytes() const { return text_.capacity() + values_.capacity() * sizeof(sentinel_string); }

 private:
  std::string text_;
  std::vector<sentinel_string> values_;
};

/// What is common to all series of a metric of one instance, in the shape of the ABI. Immutable and shared, so that a
/// view or a batch outlives the metric.
class MetricInfo {
 public:
  MetricInfo(std::string instance, MetricDecl decl, Labels constant);
  MetricInfo(const MetricInfo&) = delete;
  MetricInfo& operator=(const MetricInfo&) = delete;

  const std::string instance;
  const MetricDecl decl;
  const Labels constant;

  /// The declared keys, then the constant ones.
  [[nodiscard]] const std::vector<sentinel_string>& keys() const { return keys_; }
  /// As a sink sees it: with the constant keys.
  [[nodiscard]] const sentinel_metric& abi() const { return abi_; }

 private:
  std::vector<sentinel_string> keys_;
  sentinel_metric abi_;
};

}  // namespace sentinel::store
