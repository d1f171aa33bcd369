// Saved alerts that somebody else wrote.
#include "tests/fuzz/rules_engine/engine.hpp"

using namespace sentinel;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto rules = fuzz::some_rules();
  constexpr std::int64_t unix_ns = 1'700'000'000'000'000'000;
  rules::Engine engine{rules::Labels()};
  fuzz::Counted out;
  engine.set_rules(rules, {1'000'000'000, unix_ns}, out);
  const auto restored = engine.restore(fuzz::text(data, size), {2'000'000'000, unix_ns + 1'000'000'000});
  if (!restored) {
    fuzz::require_refusal(restored.error());
    fuzz::require(engine.alerts().empty(), "nothing was restored");
    return 0;
  }
  rules::Engine next{rules::Labels()};
  next.set_rules(rules, {1'000'000'000, unix_ns}, out);
  fuzz::require(next.restore(engine.save(), {2'000'000'000, unix_ns}).ok(), "what was saved is restored");
  engine.advance({3'600'000'000'000, unix_ns + 3'600'000'000'000}, out);
  fuzz::require(engine.alerts().empty() || engine.next_ns() != ~0ULL, "what fires is waited for");
  return 0;
}
