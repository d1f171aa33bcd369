#include <sentinel/abi.h>

#include <algorithm>

#include "core/plugin/elf.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace {

/// The first few of a list, so that a sentence stays one. Symbols may be called anything.
std::string some_of(const std::vector<std::string>& all) {
  constexpr std::size_t shown = 3;
  constexpr std::size_t longest = 128;
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), shown); ++i) {
    text += (i == 0 ? "" : ", ") + clean_text(all[i], longest);
  }
  if (all.size() > shown) text += " and " + std::to_string(all.size() - shown) + " more";
  return text;
}

bool has(const std::vector<std::string>& all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

void lint_note(const NoteFacts& note, std::string_view name, Lint& out) {
  const std::string built = std::to_string(note.abi_major) + "." + std::to_string(note.abi_minor);
  const std::string spoken = std::to_string(SENTINEL_ABI_MAJOR) + "." + std::to_string(SENTINEL_ABI_MINOR);
  if (note.abi_major != SENTINEL_ABI_MAJOR) {
    out.refusals.push_back("plugin " + note.name + " was built for ABI " + built + ", this agent speaks " + spoken +
                           ": rebuild it against this agent's SDK");
  } else if (note.abi_minor > SENTINEL_ABI_MINOR) {
    out.warnings.push_back("plugin " + note.name + " was built for ABI " + built + ", this agent speaks " + spoken +
                           ": what is new in it stays unused");
  }
  if (note.kind != SENTINEL_KIND_COLLECTOR && note.kind != SENTINEL_KIND_SINK) {
    out.refusals.push_back("its note says kind " + std::to_string(note.kind) +
                           ", this agent knows 1 (collector) and 2 (sink): use a newer agent");
  }
  if (!name.empty() && note.name != name) {
    out.refusals.push_back("the file is called " + std::string(name) + ".so, the plugin in it " + note.name +
                           ": rename the file to " + note.name + ".so");
  }
}

}  // namespace

Lint lint(const ElfFacts& facts, std::string_view name) {
  Lint out;
  if (!facts.note) {
    out.refusals.emplace_back(
        "it is a shared object without a plugin note, so no plugin: make it with sentinel_add_plugin and "
        "SENTINEL_COLLECTOR or SENTINEL_SINK");
    return out;
  }
  lint_note(*facts.note, name, out);
  if (!has(facts.exported, SENTINEL_PLUGIN_ENTRY)) {
    out.refusals.emplace_back("it does not export " SENTINEL_PLUGIN_ENTRY
                              ": SENTINEL_COLLECTOR and SENTINEL_SINK define it; check the linker's version script");
  }
  if (!facts.unique_symbols.empty()) {
    out.refusals.push_back("it has GNU-unique symbols (" + some_of(facts.unique_symbols) +
                           "), which would keep it mapped for good and share state between its generations: build it "
                           "with sentinel_add_plugin, or with -fno-gnu-unique and a version script");
  }
  if (facts.nodelete) {
    out.refusals.emplace_back("it is marked NODELETE, so it could never be unloaded: link it without -z nodelete");
  }
  if (facts.static_tls) {
    out.warnings.emplace_back(
        "it uses static TLS, of which a process has little: loading it may fail; build it without "
        "-ftls-model=initial-exec");
  }
  if (has(facts.undefined, "__cxa_thread_atexit") || has(facts.undefined, "__cxa_thread_atexit_impl")) {
    out.warnings.emplace_back(
        "it has thread_local objects with destructors: it stays mapped until every thread that used them has ended");
  }
  auto others = facts.exported;
  std::erase(others, SENTINEL_PLUGIN_ENTRY);
  if (!others.empty()) {
    out.warnings.push_back("it exports more than " SENTINEL_PLUGIN_ENTRY " (" + some_of(others) +
                           "): build it with sentinel_add_plugin, whose version script hides the rest");
  }
  return out;
}

Result<void> require_clean(const ElfFacts& facts, std::string_view name) {
  const Lint found = lint(facts, name);
  if (found.refusals.empty()) return {};
  std::string text;
  for (const auto& refusal : found.refusals) text += (text.empty() ? "" : "; ") + refusal;
  return Error{Errc::invalid_argument, std::move(text)};
}

}  // namespace sentinel::plugin
