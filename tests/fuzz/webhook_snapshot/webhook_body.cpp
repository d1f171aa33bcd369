// What anyone may post: any bytes are either alerts whose texts are clean, or refused with a place.
#include "sinks/webhook_snapshot/folder.hpp"
#include "sinks/webhook_snapshot/mask.hpp"
#include "sinks/webhook_snapshot/take.hpp"
#include "sinks/webhook_snapshot/text.hpp"
#include "sinks/webhook_snapshot/webhook.hpp"
#include "tests/fuzz/harness.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace snapshot;
  using sentinel::fuzz::require;
  const auto text = sentinel::fuzz::text(data, size);
  if (text.size() > most_body_bytes) return 0;

  const auto posted = parse_webhook(text);
  require(!posted.bad || !posted.bad->at.empty(), "a refusal has a place");
  for (const auto& alert : posted.alerts) {
    require(!alert.name.empty(), "an alert has a name");
    for (const auto& label : alert.labels) {
      require(clean(label.value, SIZE_MAX) == label.value, "a label's value is clean");
    }
    const auto name = make_name(1'714'999'980'000'000'000, alert.name, alert.fingerprint);
    require(parse_name(name).has_value(), "its snapshot has a name");
    const auto file = parse_alert_file(Taker::alert_json(alert, {}, 0));
    require(file && file->fingerprint == alert.fingerprint, "alert.json reads back");
  }
  const auto by_hand = parse_by_hand(text);
  require(by_hand.bad || clean(by_hand.reason, SIZE_MAX) == by_hand.reason, "a reason is clean");

  const auto masked_line = mask_cmdline(text);
  require(clean(masked_line, SIZE_MAX) == masked_line, "a command line is clean");
  return 0;
}
