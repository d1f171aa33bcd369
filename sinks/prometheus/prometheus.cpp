// The live series for Prometheus to scrape, in its text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Holds nothing: series live in the agent's store.
#include "sinks/prometheus/exposition.hpp"

#include <sentinel/sink.hpp>

namespace {

class Prometheus {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "path", .by_default = "/metrics", .help = "where the agent's listener serves the series"}};

  Prometheus(const sentinel::Config& config, sentinel::Host& host) {
    host.serve(config.string("path"), Exposition::content_type);
  }

  sentinel::Result<void> render(const sentinel::SeriesView& view, sentinel::Writer& out) {
    // A writer that takes no more is a client that went away: no failure of the sink.
    exposition_.write(view, out);
    return {};
  }

 private:
  Exposition exposition_;
};

}  // namespace

SENTINEL_SINK(Prometheus, {.name = "prometheus",
                           .version = "0.1.0",
                           .licence = "Apache-2.0",
                           .summary = "Serves the live series in the Prometheus text format"});
