#include "tests/support/swapping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <system_error>

namespace sentinel::testing {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

/// Entries of a folder of /proc for which `counts` holds.
std::size_t entries_of(const fs::path& folder, const std::function<bool(const fs::path&)>& counts) {
  std::error_code gone;
  const fs::directory_iterator all(folder, gone);
  if (gone) return 0;
  return static_cast<std::size_t>(
      std::count_if(fs::begin(all), fs::end(all), [&](const auto& entry) { return counts(entry.path()); }));
}

bool is_no_socket(const fs::path& descriptor) {
  std::error_code gone;
  const std::string target = fs::read_symlink(descriptor, gone).string();
  return !gone && !target.starts_with("socket:");
}

json::object parsed(std::string_view text) {
  boost::system::error_code bad;
  json::value value = json::parse(text, bad);
  return bad || !value.is_object() ? json::object() : value.as_object();
}

}  // namespace

fs::path swap_variant(std::string_view plugin, std::string_view variant) {
  return plugin_file("test_sink").parent_path() / "swap" / variant / (std::string(plugin) + ".so");
}

std::vector<std::uint64_t> numbers_in(const fs::path& file) {
  const std::string text = read_text(file);
  std::istringstream in(text.substr(0, text.rfind('\n') + 1));
  return {std::istream_iterator<std::uint64_t>(in), {}};
}

std::string SwapAgent::usual(std::string_view swap, std::string_view more) {
  std::string text = "collectors:\n  swap: {plugin: test_swap, every: 100ms, deadline: 500ms";
  text.append(swap).append(R"(}
  steady: {plugin: proc_mem, every: 200ms, deadline: 30s}
pipelines:
  host: {to: [prometheus, numbers]}
sinks:
  prometheus: {plugin: prometheus}
  numbers: {plugin: test_swap_sink, config: {file: numbers}}
)");
  return text.append(more);
}

SwapAgent::SwapAgent() {
  fs::create_directory(plugins());
  install("test_swap", "v1");
  install("test_swap_sink", "v1");
}

fs::path SwapAgent::file_of(std::string_view plugin) const {
  return plugins() / (std::string(plugin) + ".so");
}

void SwapAgent::install(std::string_view plugin, std::string_view variant) const {
  const fs::path beside = plugins() / "new";
  fs::copy_file(swap_variant(plugin, variant), beside, fs::copy_options::overwrite_existing);
  fs::rename(beside, file_of(plugin));
}

void SwapAgent::install_other_content(std::string_view plugin, std::string_view tail) const {
  const fs::path beside = plugins() / "new";
  fs::copy_file(plugin_file(plugin), beside, fs::copy_options::overwrite_existing);
  std::ofstream(beside, std::ios::app | std::ios::binary) << tail;
  fs::rename(beside, file_of(plugin));
}

std::string SwapAgent::file(std::string_view body, std::string_view agent) const {
  const fs::path built = plugin_file("test_sink").parent_path().parent_path().parent_path();
  std::string text = "version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state, stop_timeout: 1s, probation: 1s, ";
  text += "plugin_path: ['" + plugins().string() + "', '" + (built / "plugins").string() + "', '" +
          (built / "tests" / "plugins").string() + "']";
  if (!agent.empty()) text.append(", ").append(agent);
  text.append("}\n").append(body);
  // The sink opens it in the agent's folder, wherever that is.
  const std::string_view relative = "file: numbers}";
  for (auto at = text.find(relative); at != std::string::npos; at = text.find(relative, at + 1)) {
    text.replace(at, relative.size(), "file: '" + (folder_ / "numbers").string() + "'}");
  }
  return text;
}

void SwapAgent::run(std::string_view body) {
  agent_.emplace(folder_, file(body));
  ASSERT_TRUE(agent_->wait_ready()) << agent_->log();
}

void SwapAgent::edit(std::string_view body) const {
  write_text(folder_ / "sentinel.yaml", file(body));
}

json::object SwapAgent::reload() {
  const auto response = agent_->post("/-/reload", "{}");
  if (!response) {
    ADD_FAILURE() << "no answer to POST /-/reload\n" << agent_->log();
    return {};
  }
  return parsed(response->body);
}

json::object SwapAgent::reload_to_the_end() {
  auto verdict = reload();
  if (text_of(verdict, "result") != "committed") return verdict;
  EXPECT_TRUE(wait_idle()) << agent_->log();
  return last_reload();
}

json::object SwapAgent::last_reload() {
  const auto status = agent_->status();
  const auto* reload = status.if_contains("reload");
  if (reload == nullptr || !reload->at("last").is_object()) return {};
  return reload->at("last").as_object();
}

bool SwapAgent::wait_idle() {
  return eventually([&] {
    const auto status = agent_->status();
    return !status.empty() && status.at("reload").at("state").as_string() == "idle";
  });
}

SwapAgent::Lives SwapAgent::lives(const std::set<std::string>& without) {
  Lives all;
  const auto status = agent_->status();
  if (status.empty()) return all;
  for (const auto& each : status.at("instances").as_array()) {
    const std::string name(each.at("name").as_string());
    if (without.contains(name)) continue;
    all[name] = {each.at("generation").to_number<std::int64_t>(), json::serialize(each.at("started"))};
  }
  return all;
}

SwapAgent::Holdings SwapAgent::holdings() {
  const fs::path process = fs::path("/proc") / std::to_string(agent_->process().pid());
  const auto any = [](const fs::path&) { return true; };
  return {entries_of(process / "task", any), entries_of(process / "fd", is_no_socket), mapped().size()};
}

std::set<std::string> SwapAgent::mapped() {
  std::set<std::string> all;
  std::istringstream maps(read_text("/proc/" + std::to_string(agent_->process().pid()) + "/maps"));
  for (std::string line; std::getline(maps, line);) {
    const auto folder = line.find("/plugins.");
    if (folder == std::string::npos) continue;
    const auto name = line.find('/', folder + 1);
    if (name != std::string::npos) all.insert(line.substr(name + 1));
  }
  return all;
}

bool SwapAgent::wait_for_numbers(std::size_t more) {
  const auto before = received().size();
  return eventually([&] { return received().size() >= before + more; });
}

double SwapAgent::zombies(const std::string& reason) {
  return agent_->metric("sentinel_plugin_zombies{reason=\"" + reason + "\"}").value_or(0);
}

std::string text_of(const json::object& verdict, std::string_view member) {
  const auto* value = verdict.if_contains(member);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->as_string());
}

std::string lines_of(const json::object& verdict) {
  std::string text;
  const auto* lines = verdict.if_contains("lines");
  if (lines == nullptr) return text;
  for (const auto& line : lines->as_array()) text.append(line.as_string()).append("\n");
  return text;
}

}  // namespace sentinel::testing
