#include <boost/json.hpp>
#include <cstdio>
#include <string>

#include "core/app/commands.hpp"
#include "core/app/pipeline_file.hpp"
#include "core/app/table.hpp"
#include "core/config/config.hpp"
#include "core/plugin/description.hpp"
#include "core/plugin/descriptor.hpp"
#include "core/plugin/find.hpp"
#include "core/plugin/permissions.hpp"

namespace sentinel::app {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string field_line(const config::FieldSpec& field) {
  std::string text = field.help;
  if (field.required) text += " (required)";
  if (field.by_default) text += " (default: " + *field.by_default + ")";
  if (!field.choices.empty()) text += " (one of: " + joined(field.choices) + ")";
  return text;
}

std::string human(const plugin::Description& plugin) {
  std::string text = plugin.name + " " + plugin.version + ": " + plugin.summary + "\n\n";
  std::vector<std::vector<std::string>> facts{
      {"kind", std::string(plugin::kind_name(plugin.kind))},
      {"licence", plugin.licence},
      {"ABI", std::to_string(plugin.abi_major) + "." + std::to_string(plugin.abi_minor)},
      {"threading", std::string(plugin::threading_name(plugin.threading))},
      {"sha256", plugin.sha256},
      {"keeps state", plugin.has_state ? "yes" : "no"}};
  if (!plugin.capabilities.empty()) facts.push_back({"needs", joined(plugin.capabilities)});
  if (!plugin.routes.empty()) facts.push_back({"serves", joined(plugin.routes)});
  text += table(facts);
  if (!plugin.fields.empty()) {
    text += "\nconfig:\n";
    std::vector<std::vector<std::string>> rows;
    for (const auto& field : plugin.fields) rows.push_back({"  " + field.name, field_line(field)});
    text += table(rows);
  }
  if (!plugin.metrics.empty()) {
    text += "\nmetrics:\n";
    std::vector<std::vector<std::string>> rows;
    for (const auto& metric : plugin.metrics) {
      std::string name = "  " + metric.name;
      if (!metric.label_keys.empty()) name += "{" + joined(metric.label_keys) + "}";
      rows.push_back({name, plugin::metric_kind_name(metric.kind), metric.help});
    }
    text += table(rows);
  }
  if (!plugin.not_created.empty()) text += "\nnot created with its default configuration: " + plugin.not_created + "\n";
  if (!plugin.not_unloaded.empty()) text += "\ncannot be unloaded: " + plugin.not_unloaded + "\n";
  return text;
}

boost::json::object to_json(const plugin::Description& plugin) {
  boost::json::array fields;
  for (const auto& field : plugin.fields) {
    fields.push_back({{"name", field.name}, {"help", field.help}, {"required", field.required}});
    if (field.by_default) fields.back().as_object()["default"] = *field.by_default;
  }
  boost::json::array metrics;
  for (const auto& metric : plugin.metrics) {
    boost::json::array keys;
    for (const auto& key : metric.label_keys) keys.emplace_back(key);
    metrics.push_back({{"name", metric.name},
                       {"type", plugin::metric_kind_name(metric.kind)},
                       {"unit", metric.unit},
                       {"help", metric.help},
                       {"labels", std::move(keys)}});
  }
  return {{"name", plugin.name},
          {"version", plugin.version},
          {"kind", plugin::kind_name(plugin.kind)},
          {"licence", plugin.licence},
          {"summary", plugin.summary},
          {"abi", std::to_string(plugin.abi_major) + "." + std::to_string(plugin.abi_minor)},
          {"threading", plugin::threading_name(plugin.threading)},
          {"sha256", plugin.sha256},
          {"config", std::move(fields)},
          {"metrics", std::move(metrics)},
          {"not_created", plugin.not_created},
          {"not_unloaded", plugin.not_unloaded}};
}

Result<plugin::Description> look_at(const std::filesystem::path& file) {
  if (auto allowed = plugin::check_permissions(file); !allowed) return allowed.error();
  return plugin::describe(file, own_program());
}

}  // namespace

int plugin_list(const std::filesystem::path& file, const std::vector<std::filesystem::path>& folders) {
  auto searched = folders;
  if (searched.empty()) {
    const auto loaded = config::load(file, config::process_environment());
    if (!loaded.ok()) {
      print(loaded.diagnostics);
      return bad_file;
    }
    searched = loaded.config.agent.plugin_path;
  }
  std::vector<std::vector<std::string>> rows{{"NAME", "KIND", "VERSION", "SUMMARY"}};
  for (const auto& path : plugin::list(searched)) {
    const auto description = look_at(path);
    if (description) {
      rows.push_back({description->name, std::string(plugin::kind_name(description->kind)), description->version,
                      description->summary});
    } else {
      rows.push_back({path.stem().string(), "-", "-", "refused: " + description.error().message});
    }
  }
  std::fputs(table(rows).c_str(), stdout);
  return good;
}

int plugin_inspect(const std::filesystem::path& file, bool as_json) {
  const auto description = look_at(file);
  if (!description) {
    std::fprintf(stderr, "%s\n", description.error().message.c_str());
    return bad_file;
  }
  const std::string text = as_json ? boost::json::serialize(to_json(*description)) + "\n" : human(*description);
  std::fputs(text.c_str(), stdout);
  return good;
}

}  // namespace sentinel::app
