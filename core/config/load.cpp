#include <algorithm>
#include <map>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "core/config/config.hpp"
#include "core/config/dotenv.hpp"
#include "core/config/fields.hpp"
#include "core/config/file.hpp"
#include "core/config/references.hpp"
#include "core/config/sections.hpp"
#include "core/config/suggest.hpp"
#include "core/config/yaml.hpp"

namespace sentinel::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t deepest_include = 8;
constexpr std::size_t most_files = 64;
constexpr std::size_t most_diagnostics = 200;

/// One path for all the ways to write it; what cannot be followed is itself.
fs::path identity(const fs::path& path) {
  std::error_code failed;
  auto canonical = fs::weakly_canonical(path, failed);
  return failed ? path : canonical;
}

/// Reads one pipeline file and what it includes.
class Loader {
 public:
  Loader(const Variables& environment, const Texts& remembered)
      : scope_{environment, {}, {}}, remembered_(remembered) {}

  Loaded load(const fs::path& path) {
    read_main(path);
    if (all_read_) check_references(loaded_.config, drafts_, alerts_to_, loaded_.diagnostics);
    put_in_order();
    return std::move(loaded_);
  }

  Loaded load_rules(const fs::path& path) {
    chain_.push_back(identity(path));
    if (auto root = parse(path, std::nullopt)) read_rules(*root, path);
    for (auto& draft : drafts_) {
      Pipeline& pipeline = draft.pipeline;
      pipeline.from_given = draft.from_given;
      for (const auto& name : draft.from) pipeline.from.push_back(name.name);
      for (const auto& name : draft.to) pipeline.to.push_back(name.name);
      for (const auto& name : draft.alerts_to) pipeline.alerts_to.push_back(name.name);
      loaded_.config.pipelines.push_back(std::move(pipeline));
    }
    put_in_order();
    return std::move(loaded_);
  }

 private:
  /// The file's tree; nothing, and a diagnostic at \p asked_at or in the file, when there is none.
  std::optional<Value> parse(const fs::path& path, const std::optional<Where>& asked_at) {
    const std::string name = path.string();
    const auto known = remembered_.find(path);
    const auto text = known == remembered_.end() ? read_text_file(path) : Result<std::string>(known->second);
    if (!text) {
      add_error(diagnostics(), asked_at.value_or(Where{name}),
                (asked_at ? "include: " + quote(name) + ": " : std::string()) + text.error().message);
      all_read_ = false;
      return std::nullopt;
    }
    loaded_.config.files.push_back(path);
    loaded_.texts.emplace(path, *text);
    std::optional<Value> root;
    if (check_text(*text, name, diagnostics())) root = parse_yaml(*text, name, diagnostics());
    if (root && root->kind != Value::Kind::map && root->kind != Value::Kind::null) {
      add_error(diagnostics(), root->where,
                "a pipeline file is a map that begins with version: 1, not " + describe(*root));
      root.reset();
    }
    if (!root) all_read_ = false;
    return root;
  }

  void read_main(const fs::path& path) {
    chain_.push_back(identity(path));
    auto root = parse(path, std::nullopt);
    if (!root) return;
    if (root->kind == Value::Kind::null) {
      add_error(diagnostics(), {path.string(), 1, 1}, "the file is empty; a pipeline file begins with version: 1");
      return;
    }
    read_env_file(*root, path);
    expand(*root, scope_, diagnostics());

    Fields fields(*root, "", "version: 1", diagnostics());
    if (!fields.has("version")) {
      add_error(diagnostics(), {path.string(), 1, 1}, "version is missing; begin the file with version: 1");
    }
    read_version(fields);
    const Value nothing;
    const Value* agent = fields.get("agent");
    loaded_.config.agent = read_agent(agent == nullptr ? nothing : *agent, path, alerts_to_, diagnostics());
    if (env_file_) loaded_.config.agent.env_file = *env_file_;
    if (const Value* prometheus = fields.get("prometheus")) {
      loaded_.config.prometheus = read_prometheus(*prometheus, diagnostics());
    }
    read_items(fields, path);
    fields.finish();
  }

  void read_rules(Value& root, const fs::path& path) {
    expand(root, scope_, diagnostics());
    Fields fields(root, "", "pipelines: {}", diagnostics());
    read_version(fields);
    if (const Value* agent = fields.get("agent")) {
      loaded_.config.agent = read_agent(*agent, path, alerts_to_, diagnostics());
    }
    static_cast<void>(fields.has("prometheus"));
    read_items(fields, path);
    fields.finish();
  }

  /// The env file comes before everything else, because its variables may stand anywhere; its own path may hold
  /// variables of the environment alone.
  void read_env_file(Value& root, const fs::path& main) {
    fs::path path = beside(main, Agent().env_file);
    std::optional<Where> named_at;
    if (Value* named = find_env_file(root)) {
      expand(*named, scope_, diagnostics());
      if (named->broken) named->text.clear();
      if (named->kind != Value::Kind::scalar || named->text.empty()) return;
      path = beside(main, named->text);
      named_at = named->where;
      // The whole tree is expanded next, and what this text holds now is final.
      std::string doubled;
      for (const char c : named->text) doubled.append(c == '$' ? 2 : 1, c);
      named->text = doubled;
    }
    env_file_ = path;
    const auto text = read_text_file(path);
    if (!text) {
      if (!named_at && text.error().code == Errc::not_found) return;
      add_error(diagnostics(), named_at.value_or(Where{path.string()}),
                (named_at ? "agent: env_file: " + quote(path.string()) + ": " : std::string()) + text.error().message);
      return;
    }
    loaded_.env_text = *text;
    loaded_.config.files.push_back(path);
    if (!check_text(*text, path.string(), diagnostics())) return;
    scope_.env_file = parse_dotenv(*text, path.string(), diagnostics());
    scope_.env_file_path = path;
  }

  static Value* find_env_file(Value& root) {
    for (std::size_t i = 0; i < root.keys.size(); ++i) {
      if (root.keys[i].name != "agent") continue;
      Value& agent = root.items[i];
      for (std::size_t j = 0; j < agent.keys.size(); ++j) {
        if (agent.keys[j].name == "env_file") return &agent.items[j];
      }
    }
    return nullptr;
  }

  void read_version(Fields& fields) {
    const Value* version = fields.get("version");
    if (version == nullptr || (version->kind == Value::Kind::scalar && version->text == "1")) return;
    add_error(diagnostics(), version->where,
              "version " + describe(*version) + " is not known here; this agent reads version: 1");
  }

  /// What main and included files may both hold.
  void read_items(Fields& fields, const fs::path& path) {
    each(fields, "collectors", [&](const Key& name, const Value& value) {
      loaded_.config.collectors.push_back(read_collector(name, value, diagnostics()));
    });
    each(fields, "sinks", [&](const Key& name, const Value& value) {
      loaded_.config.sinks.push_back(read_sink(name, value, diagnostics()));
    });
    each(fields, "pipelines",
         [&](const Key& name, const Value& value) { drafts_.push_back(read_pipeline(name, value, diagnostics())); });
    std::vector<Key> includes;
    fields.read_list("include", includes);
    for (const auto& include : includes) read_include(beside(path, include.name), include.where);
  }

  /// Calls \p read for each named item of a section, unless another file has one of that name.
  template <class Read>
  void each(Fields& fields, const std::string& section, Read read) {
    const Value* map = fields.get(section);
    if (map == nullptr || map->kind == Value::Kind::null) return;
    if (map->kind != Value::Kind::map) {
      add_error(diagnostics(), map->where,
                section + ": must be a map from names to their settings, not " + describe(*map));
      return;
    }
    for (std::size_t i = 0; i < map->keys.size(); ++i) {
      const Key& name = map->keys[i];
      const auto [first, is_new] = items_[section].emplace(name.name, name.where);
      if (is_new) {
        read(name, map->items[i]);
      } else {
        add_error(diagnostics(), name.where,
                  section + ": " + quote(name.name) + " stands also at " + to_string(first->second));
      }
    }
  }

  void read_include(const fs::path& path, const Where& asked_at) {
    const fs::path canonical = identity(path);
    const auto refuse = [&](const std::string& why) {
      add_error(diagnostics(), asked_at, "include: " + quote(path.string()) + ": " + why);
      all_read_ = false;
    };
    if (std::find(chain_.begin(), chain_.end(), canonical) != chain_.end()) {
      std::string way;
      for (const auto& file : chain_) way += file.filename().string() + " -> ";
      return refuse("includes itself: " + way + canonical.filename().string());
    }
    if (const auto [first, is_new] = included_.emplace(canonical, asked_at); !is_new) {
      return refuse("is included twice, first at " + to_string(first->second));
    }
    if (chain_.size() > deepest_include) return refuse("is the ninth level of includes; eight are read");
    if (included_.size() > most_files) return refuse("is one file too many; 64 may be included");

    auto root = parse(path, asked_at);
    if (!root) return;
    expand(*root, scope_, diagnostics());
    Fields fields(*root, "", "collectors: {}", diagnostics());
    read_version(fields);
    for (const std::string main_alone : {"agent", "prometheus"}) {
      if (!fields.has(main_alone)) continue;
      add_error(diagnostics(), root->find(main_alone)->where,
                main_alone + ": stands in the main file alone, not in an included one");
    }
    chain_.push_back(canonical);
    read_items(fields, path);
    chain_.pop_back();
    fields.finish();
  }

  /// By file as they were read, then by place; at most most_diagnostics.
  void put_in_order() {
    auto& all = diagnostics();
    std::map<std::string, std::size_t> order;
    for (const auto& file : loaded_.config.files) order.emplace(file.string(), order.size());
    const auto rank = [&](const Diagnostic& diagnostic) {
      const auto found = order.find(diagnostic.where.file);
      return std::tuple(found == order.end() ? order.size() : found->second, diagnostic.where.line,
                        diagnostic.where.column);
    };
    std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    if (all.size() <= most_diagnostics) return;
    const std::size_t more = all.size() - most_diagnostics;
    const bool errors = has_errors(std::span(all).subspan(most_diagnostics));
    const Where where{all.back().where.file};
    all.resize(most_diagnostics);
    all.push_back(
        {errors ? Severity::error : Severity::warning, where, std::to_string(more) + " more mistakes are not shown"});
  }

  std::vector<Diagnostic>& diagnostics() { return loaded_.diagnostics; }

  Loaded loaded_;
  Scope scope_;
  const Texts& remembered_;
  std::optional<fs::path> env_file_;
  std::vector<PipelineDraft> drafts_;
  std::vector<Key> alerts_to_;                                 ///< the agent's
  std::map<std::string, std::map<std::string, Where>> items_;  ///< of each section, by name
  std::vector<fs::path> chain_;                                ///< the file being read and those that led to it
  std::map<fs::path, Where> included_;
  bool all_read_ = true;  ///< no file was given up, so that a name nobody knows is a mistake
};

}  // namespace

Loaded load(const fs::path& path, const Variables& environment, const Texts& remembered) {
  return Loader(environment, remembered).load(path);
}

Loaded load_rules(const fs::path& path, const Variables& environment) {
  return Loader(environment, {}).load_rules(path);
}

}  // namespace sentinel::config
