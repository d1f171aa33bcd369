#include "tests/unit/sinks/prometheus/oracle.hpp"

#include <prometheus/text_serializer.h>

#include <limits>
#include <sstream>

using sentinel::from_abi;

namespace {

prometheus::ClientMetric metric_of(const sentinel_family& family, const sentinel_series& series) {
  prometheus::ClientMetric metric;
  for (std::uint32_t i = 0; i < family.label_count; ++i) {
    metric.label.push_back({std::string(from_abi(family.label_keys[i])), std::string(from_abi(series.labels[i]))});
  }
  metric.counter.value = series.value;
  metric.gauge.value = series.value;
  metric.histogram.sample_sum = series.value;
  for (std::uint32_t i = 0; i < series.bucket_count; ++i) {
    const double bound = i < family.bound_count ? family.bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({series.buckets[i], bound});
    metric.histogram.sample_count = series.buckets[i];
  }
  return metric;
}

}  // namespace

std::vector<prometheus::MetricFamily> prometheus_cpp_model(const sentinel::SeriesView& view) {
  std::vector<prometheus::MetricFamily> model;
  for (const auto& family : view) {
    const auto type = family.kind == SENTINEL_COUNTER     ? prometheus::MetricType::Counter
                      : family.kind == SENTINEL_HISTOGRAM ? prometheus::MetricType::Histogram
                                                          : prometheus::MetricType::Gauge;
    model.push_back({std::string(from_abi(family.name)), std::string(from_abi(family.help)), type, {}});
    for (const auto& series : sentinel::series_of(family)) model.back().metric.push_back(metric_of(family, series));
  }
  return model;
}

std::string prometheus_cpp_text(const sentinel::SeriesView& view) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, prometheus_cpp_model(view));
  return out.str();
}
