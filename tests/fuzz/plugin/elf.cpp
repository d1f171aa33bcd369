#include "core/plugin/elf.hpp"

#include "tests/fuzz/harness.hpp"

using namespace sentinel::plugin;
using namespace sentinel::fuzz;

namespace {

void require_sentence(std::string_view message) {
  require(!message.empty() && message.size() < 2000, "a message is there and short");
  for (const char c : message) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a message is one line");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = parse_elf(std::as_bytes(std::span(data, size)));
  if (!facts) {
    require_sentence(facts.error().message);
    return 0;
  }
  require(size >= 64, "a shared object has a header");
  const auto found = lint(*facts, "cpu");
  for (const auto& one : found.refusals) require_sentence(one);
  for (const auto& one : found.warnings) require_sentence(one);
  require(facts->note.has_value() || found.refusals.size() == 1, "what has no note is no plugin, and that is all");
  require(static_cast<bool>(require_clean(*facts, "cpu")) == found.refusals.empty(), "a refusal is an error");
  return 0;
}
