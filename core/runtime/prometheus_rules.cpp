#include "core/runtime/prometheus_rules.hpp"

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "core/runtime/alert_state.hpp"
#include "core/telemetry/log.hpp"
#include "rules/prometheus.hpp"

namespace sentinel::runtime {
namespace {

constexpr std::string_view component = "prometheus";
/// Prometheus runs as another user, which must read it.
constexpr unsigned readable_by_all = 0644;

std::string current_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

void PrometheusRules::update(const config::PrometheusRules& settings, const Chain::Rules& rules,
                             const std::set<std::string>& events) {
  if (settings.rules_file.empty()) return;
  std::vector<std::string> not_exportable;
  const std::string text = rules::to_prometheus(rules, events, not_exportable);
  bool changed = false;
  bool written = true;
  if (current_text(settings.rules_file) != text) {
    const auto done = write_atomically(settings.rules_file, text, readable_by_all);
    written = done.ok();
    changed = done.ok();
    if (!done) telemetry::log_error(component, "prometheus.rules_file: " + done.error().message);
    if (done) telemetry::log_info(component, "wrote " + settings.rules_file.string());
  }
  {
    const std::lock_guard lock(mutex_);
    written_ = written;
  }
  const bool first = std::exchange(asked_url_, settings.reload_url) != settings.reload_url;
  if (!settings.reload_url.empty() && (changed || first)) courier_.post_until_taken(settings.reload_url);
}

bool PrometheusRules::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

}  // namespace sentinel::runtime
