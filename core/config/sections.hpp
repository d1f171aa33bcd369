#pragma once

#include <filesystem>
#include <sentinel/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/diagnostic.hpp"
#include "core/config/value.hpp"

namespace sentinel::config {

/// A pipeline whose names were not looked up yet.
struct PipelineDraft {
  Pipeline pipeline;  ///< without from, to and alerts_to
  bool from_given = false;
  std::vector<Key> from;
  std::vector<Key> to;
  std::vector<Key> alerts_to;
};

// Each reads one section, whatever it is, and reports every mistake in it. What is wrong or left out has its default.

/// Without `alerts_to:`, whose names were not looked up yet.
[[nodiscard]] Agent read_agent(const Value& section, const std::filesystem::path& file, std::vector<Key>& alerts_to,
                               std::vector<Diagnostic>& diagnostics);
[[nodiscard]] PrometheusRules read_prometheus(const Value& section, std::vector<Diagnostic>& diagnostics);
[[nodiscard]] Collector read_collector(const Key& name, const Value& section, std::vector<Diagnostic>& diagnostics);
[[nodiscard]] Sink read_sink(const Key& name, const Value& section, std::vector<Diagnostic>& diagnostics);
[[nodiscard]] PipelineDraft read_pipeline(const Key& name, const Value& section, std::vector<Diagnostic>& diagnostics);

/// Checks the form of an address to listen on, and gives it back: "127.0.0.1:8000", "[::1]:8000", "localhost:8000",
/// ":8000" for every interface; "none" gives empty text. Errors: invalid_argument, naming these forms.
[[nodiscard]] Result<std::string> parse_listen(std::string_view text);

}  // namespace sentinel::config
