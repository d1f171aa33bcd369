// A recorded stream that somebody else wrote, replayed against rules.
#include "rules/engine/recording.hpp"

#include "tests/fuzz/rules_engine/engine.hpp"

using namespace sentinel;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto rules = fuzz::some_rules();
  rules::Engine engine{rules::Labels()};
  fuzz::Counted out;
  engine.set_rules(rules, {}, out);
  const auto replayed = rules::replay_bytes(fuzz::text(data, size), engine, out);
  if (!replayed) fuzz::require_refusal(replayed.error());
  // What it led to can be saved, and goes on elsewhere.
  rules::Engine next{rules::Labels()};
  next.set_rules(rules, {}, out);
  fuzz::require(next.restore(engine.save(), {}).ok(), "what was saved is restored");
  return 0;
}
