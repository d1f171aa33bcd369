#include "core/app/pipeline_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/config/config.hpp"
#include "core/http/web_config.hpp"

namespace sentinel::app {

std::filesystem::path own_program() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? std::filesystem::path("/proc/self/exe") : program;
}

void print(std::span<const config::Diagnostic> diagnostics) {
  for (const auto& diagnostic : diagnostics) std::fprintf(stderr, "%s\n", config::to_string(diagnostic).c_str());
}

namespace {

/// By line within each file; the files in the order in which they were first mentioned.
void in_order(std::vector<config::Diagnostic>& diagnostics) {
  std::map<std::string, std::size_t, std::less<>> rank;
  for (const auto& each : diagnostics) rank.try_emplace(each.where.file, rank.size());
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [&](const auto& a, const auto& b) {
    return std::pair(rank.at(a.where.file), a.where.line) < std::pair(rank.at(b.where.file), b.where.line);
  });
}

/// Prints what is wrong with `agent.web_config`, which is a file of a format of its own.
bool check_web_config(const std::filesystem::path& file) {
  if (file.empty()) return true;
  const auto checked = http::check_web_config(file);
  if (!checked) std::fprintf(stderr, "%s\n", checked.error().message.c_str());
  return checked.ok();
}

}  // namespace

std::optional<runtime::Plan> read_plan(const std::filesystem::path& file) {
  auto loaded = config::load(file, config::process_environment());
  // Planned even when the file is bad: what is wrong with its plugins belongs to the same report.
  auto planned = runtime::make_plan({}, std::move(loaded.config), own_program());
  auto all = std::move(loaded.diagnostics);
  all.insert(all.end(), planned.diagnostics.begin(), planned.diagnostics.end());
  in_order(all);
  print(all);
  const bool web_good = check_web_config(planned.plan.config.agent.web_config);
  if (config::has_errors(all) || !web_good) return std::nullopt;
  planned.plan.texts = std::move(loaded.texts);
  planned.plan.env_text = std::move(loaded.env_text);
  return std::move(planned.plan);
}

}  // namespace sentinel::app
