#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rules/engine/engine.hpp"
#include "tests/fuzz/harness.hpp"

namespace sentinel::fuzz {

/// A rule over `filter` with few groups; an alert when `when` is not empty.
inline std::shared_ptr<const rules::Rule> rule(const std::string& name, const std::string& filter,
                                               rules::Function function, std::vector<std::string> by,
                                               const std::string& when) {
  auto made = std::make_shared<rules::Rule>();
  made->name = name;
  rules::WindowSpec& window = made->windows.emplace_back();
  window.name = "value";
  window.filter = *rules::parse_selector(filter).value;
  window.over = std::chrono::seconds(2);
  window.function = function;
  window.quantile = 0.5;
  window.by = std::move(by);
  window.groups = 8;
  if (when.empty()) return made;
  const std::array<std::string, 1> names = {"value"};
  rules::AlertSpec& alert = made->alert.emplace();
  alert.when = *rules::parse_expression(when, names).value;
  alert.keep_firing = std::chrono::seconds(1);
  alert.cooldown = std::chrono::seconds(5);
  alert.annotations.emplace("summary", *rules::parse_template("{{ labels.pid }} at {{ value | humanize }}").value);
  return made;
}

inline std::vector<std::shared_ptr<const rules::Rule>> some_rules() {
  return {rule("events", "hit{comm!=\"x\"}", rules::Function::count, {"pid", "comm"}, "> 1"),
          rule("samples", "m", rules::Function::rate, {"n"}, "> 0"),
          rule("middle", "{__name__=~\".+\"}", rules::Function::quantile, {}, "")};
}

/// Counts what comes out, and looks at all of it.
class Counted : public rules::Output {
 public:
  void transition(const rules::Alert& alert) override {
    require(alert.rule != nullptr && alert.state != rules::AlertState::pending,
            "a transition is to firing or inactive");
    require(alert.fingerprint == rules::fingerprint(alert.labels), "a fingerprint is of the labels");
    ++count;
  }
  void window_value(const rules::WindowValue& value) override { count += value.labels.size(); }
  void record(const rules::Rule&, const sentinel_delivery&, const sentinel_record&) override { ++count; }
  std::size_t count = 0;
};

}  // namespace sentinel::fuzz
