#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "tests/unit/sinks/prometheus/families.hpp"

/// The same families in prometheus-cpp's model, values copied.
std::vector<prometheus::MetricFamily> prometheus_cpp_model(const sentinel::SeriesView& view);

/// What prometheus-cpp's serializer makes of them.
std::string prometheus_cpp_text(const sentinel::SeriesView& view);
