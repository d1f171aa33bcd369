#include "rules/proof/test_file.hpp"

#include "tests/fuzz/harness.hpp"

using namespace sentinel;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<config::Diagnostic> diagnostics;
  const auto file = rules::parse_test_file(text(data, size), "t.yaml", diagnostics);
  for (const auto& diagnostic : diagnostics) {
    require(!diagnostic.message.empty() && diagnostic.message.size() < 3000, "a message is there and short");
    for (const char c : diagnostic.message) {
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a message is one printable line");
    }
  }
  std::size_t values = 0;
  for (const auto& test : file.tests) {
    for (const auto& series : test.series) values += series.values.size();
    for (const auto& check : test.checks) require(!check.alertname.empty(), "a check names its alert");
  }
  require(values <= 1'000'000, "values are bounded");
  return 0;
}
