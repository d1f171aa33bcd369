// docs/metrics.md against what the plugins declare: every metric has its row, and every row its metric.
//
// A section is headed by the plugin's name; its rows are | `name` | type | unit | labels | source | help |, where the
// source is the reader's alone.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/telemetry/snapshot.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace {

/// Rows by metric, without the source.
using Rows = std::map<std::string, std::string>;

std::string trimmed(std::string text) {
  std::erase(text, '`');
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream in(line.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) all.push_back(trimmed(cell));
  return all;
}

std::map<std::string, Rows> documented() {
  std::ifstream file(SENTINEL_SOURCE_DIR "/docs/metrics.md");
  std::map<std::string, Rows> sections;
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) section = trimmed(line.substr(3));
    if (section.empty() || !line.starts_with("| `")) continue;
    const auto row = cells(line);
    if (row.size() != 6) {
      ADD_FAILURE() << "six columns expected: " << line;
      continue;
    }
    const auto added = sections[section].emplace(row[0], joined({row[1], row[2], row[3], row[5]}));
    EXPECT_TRUE(added.second) << row[0] << " has two rows in " << section;
  }
  return sections;
}

std::string kind(sentinel::MetricKind kind) {
  switch (kind) {
    case sentinel::MetricKind::gauge:
      return "gauge";
    case sentinel::MetricKind::counter:
      return "counter";
    case sentinel::MetricKind::histogram:
      return "histogram";
    case sentinel::MetricKind::event:
      return "event";
  }
  return "?";
}

std::string row(const sentinel::MetricKind metric_kind, const std::string& unit, const std::vector<std::string>& keys,
                const std::string& help) {
  auto text = joined({kind(metric_kind), unit, joined(keys), help});
  std::erase(text, '`');
  return text;
}

/// What a collector declares where there is nothing to read: what it knows by itself.
Rows declared(const std::string& plugin) {
  sentinel::store::Store store(std::size_t{1} << 20U);
  const rig::TemporaryFolder empty;
  const rig::Plugin made(store, plugin, {{"procfs", empty.path() / "missing"}});
  Rows rows;
  for (const auto& metric : made.declared()) {
    const auto& decl = metric->decl;
    rows[decl.name] = row(decl.kind, decl.unit, decl.label_keys, decl.help);
  }
  return rows;
}

/// What the built-in collector declares; its source of facts is only looked for, not asked.
Rows declared_by_self() {
  sentinel::testing::FakeHost fake;
  sentinel_host host = *fake.raw();
  host.extension = [](const sentinel_host*, const char* id) -> const void* {
    static constexpr char source = 0;
    return std::string_view(id) == sentinel::telemetry::snapshot_extension ? &source : nullptr;
  };
  const sentinel_config config{sizeof(sentinel_config), 0, nullptr};
  const auto self = sentinel::plugin::Instance::create(*sentinel::telemetry::self_plugin(), nullptr, &host, &config);
  EXPECT_TRUE(self) << self.error().message;
  Rows rows;
  for (const auto& metric : fake.declared)
    rows[metric.name] = row(metric.kind, metric.unit, metric.label_keys, metric.help);
  return rows;
}

void compare(const std::string& plugin, const Rows& metrics) {
  EXPECT_FALSE(metrics.empty()) << plugin;
  const auto sections = documented();
  const auto section = sections.find(plugin);
  if (section == sections.end()) {
    FAIL() << "docs/metrics.md has no section `" << plugin << "`";
  }
  for (const auto& [name, expected] : metrics) {
    const auto found = section->second.find(name);
    if (found == section->second.end()) {
      ADD_FAILURE() << plugin << ": no row for " << name << ": " << expected;
    } else {
      EXPECT_EQ(found->second, expected) << plugin << ": " << name;
    }
  }
  for (const auto& [name, documented_row] : section->second) {
    EXPECT_TRUE(metrics.contains(name)) << plugin << ": a row for " << name << ", which it does not declare";
  }
}

std::vector<std::string> collectors() {
  std::vector<std::string> names;
  std::istringstream in(SENTINEL_COLLECTORS);
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  return names;
}

TEST(DocsMetrics, every_metric_has_its_row_and_every_row_its_metric) {
  for (const auto& plugin : collectors()) compare(plugin, declared(plugin));
}

TEST(DocsMetrics, the_agents_own_too) {
  compare("self", declared_by_self());
}

}  // namespace
