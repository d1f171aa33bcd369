#include "core/config/dotenv.hpp"

#include "tests/fuzz/harness.hpp"

using namespace sentinel::config;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<Diagnostic> diagnostics;
  for (const auto& [name, value] : parse_dotenv(text(data, size), ".env", diagnostics)) {
    require(is_variable_name(name), "a name is a variable's");
    require(value.size() <= size, "a value is a part of the file");
  }
  for (const auto& diagnostic : diagnostics) {
    require(diagnostic.where.line >= 1 && diagnostic.where.column >= 1, "a mistake has its place");
    for (const char c : diagnostic.message) require(static_cast<unsigned char>(c) >= 0x20, "a message is one line");
  }
  return 0;
}
