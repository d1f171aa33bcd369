// docs/metrics.md against what the plugins declare: every metric has its row, and every row its metric.
//
// A section is headed by the plugin's name; its rows are | `name` | type | unit | labels | source | help |, where the
// source is the reader's alone.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

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

/// What a collector declares where there is nothing to read: what it knows by itself.
Rows declared(const std::string& plugin) {
  sentinel::store::Store store(std::size_t{1} << 20U);
  const rig::TemporaryFolder empty;
  const rig::Plugin made(store, plugin, {{"procfs", empty.path() / "missing"}});
  Rows rows;
  for (const auto& metric : made.declared()) {
    const auto& decl = metric->decl;
    rows[decl.name] = joined({kind(decl.kind), decl.unit, joined(decl.label_keys), decl.help});
  }
  return rows;
}

std::vector<std::string> collectors() {
  std::vector<std::string> names;
  std::istringstream in(SENTINEL_COLLECTORS);
  for (std::string name; std::getline(in, name, ',');) names.push_back(name);
  return names;
}

TEST(DocsMetrics, every_metric_has_its_row_and_every_row_its_metric) {
  const auto sections = documented();
  for (const auto& plugin : collectors()) {
    const auto metrics = declared(plugin);
    EXPECT_FALSE(metrics.empty()) << plugin;
    const auto section = sections.find(plugin);
    if (section == sections.end()) {
      ADD_FAILURE() << "docs/metrics.md has no section `" << plugin << "`";
      continue;
    }
    for (const auto& [name, row] : metrics) {
      const auto found = section->second.find(name);
      if (found == section->second.end()) {
        ADD_FAILURE() << plugin << ": no row for " << name << ": " << row;
      } else {
        EXPECT_EQ(found->second, row) << plugin << ": " << name;
      }
    }
    for (const auto& [name, row] : section->second) {
      EXPECT_TRUE(metrics.contains(name)) << plugin << ": a row for " << name << ", which it does not declare";
    }
  }
}

}  // namespace
