#include <cstdio>
#include <string>

#include "core/app/commands.hpp"
#include "core/app/pipeline_file.hpp"
#include "core/config/duration.hpp"
#include "rules/prometheus.hpp"
#include "rules/proof/proof.hpp"

namespace sentinel::app {

int rules_test(const std::vector<std::filesystem::path>& files) {
  bool all_good = true;
  bool all_read = true;
  for (const auto& file : files) {
    const auto proof = rules::prove(file);
    print(proof.diagnostics);
    for (const auto& failure : proof.failures) {
      std::fprintf(stderr, "%s: %s\n", config::to_string(failure.where).c_str(), failure.message.c_str());
    }
    if (config::has_errors(proof.diagnostics)) {
      all_read = false;
      continue;
    }
    if (proof.ok()) {
      std::printf("%s: good: %zu tests, %zu checks\n", file.c_str(), proof.tests, proof.checks);
    } else {
      all_good = false;
      std::printf("%s: %zu of %zu checks failed\n", file.c_str(), proof.failures.size(), proof.checks);
    }
  }
  if (!all_read) return bad_file;
  return all_good ? good : failed;
}

int rules_export(const std::filesystem::path& file, const std::string& scrape_interval) {
  rules::ScrapeOptions options;
  const auto interval = config::parse_duration(scrape_interval);
  if (!interval || interval->count() <= 0) {
    std::fprintf(stderr, "--scrape-interval: %s\n",
                 interval ? "must be more than 0s" : interval.error().message.c_str());
    return failed;
  }
  options.interval = *interval;
  const auto plan = read_plan(file);
  if (!plan) return bad_file;
  std::vector<std::string> not_exportable;
  const auto text = rules::to_prometheus(plan->rules, plan->events, not_exportable, options);
  for (const auto& rule : not_exportable) std::fprintf(stderr, "not exported: %s\n", rule.c_str());
  std::fputs(text.c_str(), stdout);
  return good;
}

}  // namespace sentinel::app
