#include <string>
#include <vector>

#include "rules/prometheus.hpp"
#include "tests/fuzz/harness.hpp"

using namespace sentinel;
using namespace sentinel::fuzz;

/// Lines of the input are a filter, an expression, and a text of one pipeline with a window.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = text(data, size);
  const auto take_line = [&rest] {
    config::Text out;
    out.text = std::string(rest.substr(0, rest.find('\n')));
    out.where = {{"f", 1, 1}};
    out.verbatim = out.text.size() % 2 == 0;
    rest.remove_prefix(std::min(rest.size(), out.text.size() + 1));
    return out;
  };
  config::Pipeline pipeline;
  pipeline.name = "r";
  pipeline.filter = take_line();
  config::Window window;
  window.over = std::chrono::seconds(15);
  window.fn = size % 2 == 0 ? "avg" : "rate";
  if (size % 3 == 0) window.agg = "sum";
  pipeline.windows.push_back(window);
  config::Alert alert;
  alert.when = take_line();
  alert.annotations.emplace("summary", take_line());
  pipeline.alert = alert;
  config::Config config;
  config.pipelines.push_back(pipeline);

  std::vector<config::Diagnostic> diagnostics;
  const auto rules = rules::compile_all(config, diagnostics);
  for (const auto& diagnostic : diagnostics) {
    require(diagnostic.where.column > 0 && diagnostic.message.size() < 3000, "a mistake has a place and is short");
  }
  if (rules.empty()) return 0;
  require(!rules[0]->expression().empty() && !rules[0]->identity().empty(), "a rule is read and known");
  std::vector<std::string> refused;
  const auto exported = rules::to_prometheus(rules, {}, refused);
  for (const char c : exported) {
    require(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F), "a rule file has no control characters");
  }
  return 0;
}
