#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "rules/engine/recording.hpp"
#include "tests/unit/rules/engine/rig.hpp"

namespace sentinel::rules {
namespace {

using Strings = std::vector<std::string>;

/// Every byte of what the chain says.
class Transcript : public Output {
 public:
  void transition(const Alert& alert) override {
    line("alert", alert.rule->name, alert.value);
    for (const auto& [name, value] : alert.labels) text += " " + name + "=" + value;
    for (const auto& [name, value] : alert.annotations) text += " " + name + "=" + value;
    text += " " + std::string(to_string(alert.state)) + " " + alert.reason;
    for (const auto number : {alert.active_since_ns, alert.fired_at_ns, alert.resolved_at_ns}) {
      text += " " + std::to_string(number);
    }
    text += " " + std::to_string(alert.time_ns) + " " + std::to_string(alert.lost) + (alert.silent ? " silent" : "");
    if (!alert.context) return;
    text += " " + alert.context->comm + " " + alert.context->container_id;
    for (const auto address : alert.context->stack) text += " " + std::to_string(address);
  }
  void window_value(const WindowValue& value) override {
    line("value", value.rule.name, value.value);
    for (const auto& [name, label] : value.labels) text += " " + name + "=" + label;
    text += " " + std::to_string(value.time_ns);
  }
  void record(const Rule& rule, const sentinel_delivery&, const sentinel_record& record) override {
    line("record", rule.name, record.value);
    text += " " + std::to_string(record.time_ns);
  }
  std::string text;

 private:
  void line(const char* what, const std::string& rule, double value) {
    text += std::string("\n") + what + " " + rule + " " + std::to_string(value);
  }
};

std::vector<std::shared_ptr<const Rule>> rules() {
  return {make_rule({.name = "storm",
                     .windows = {{.filter = "hit{newstate=\"close\"}",
                                  .over = second,
                                  .fn = Function::count,
                                  .by = Strings{"comm", "pid"}}},
                     .when = "> 2",
                     .keep_firing = 3 * second,
                     .cooldown = 10 * second,
                     .annotations = {{"summary", "{{ labels.comm }} made {{ value }}"}}}),
          make_rule({.name = "rate",
                     .windows = {{.filter = "c_total",
                                  .over = 3 * second,
                                  .fn = Function::rate,
                                  .agg = Aggregation::sum,
                                  .by = Strings{"mode"}}}}),
          make_rule({.name = "p90",
                     .windows = {{.filter = "hit", .over = 2 * second, .fn = Function::quantile, .quantile = 0.9}}}),
          make_rule({.name = "through", .filter = "c_total{mode=\"a\"} > 50"})};
}

class Recording : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "sentinel_recording_XXXXXX").string();
    ASSERT_NE(mkdtemp(made.data()), nullptr);
    folder_ = made;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return folder_ / "stream.rec"; }
  [[nodiscard]] std::string bytes() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// Twenty seconds of samples and bursts of events, written down; returns what the chain said.
  std::string record(std::uint64_t limit, bool& complete) {
    Engine engine(Labels{{"instance", "here"}});
    Transcript out;
    engine.set_rules(rules(), at(0), out);
    auto recorder = Recorder::create(path(), engine, limit);
    EXPECT_TRUE(recorder.ok());
    Host host;
    const auto counter = host.counter("c_total", {"cpu", "mode"});
    const auto hit = host.event("hit", {"newstate"});
    std::mt19937 random(7);
    for (std::uint64_t t = 1; t <= 20; ++t) {
      host.begin("cpu", t * second);
      for (int cpu = 0; cpu < 3; ++cpu) {
        host.sample(counter, {std::to_string(cpu), "a"}, static_cast<double>(t * 10));
        host.sample(counter, {std::to_string(cpu), "b"}, static_cast<double>(t % 5));
      }
      recorder->consume(host.delivery(), t * second, second, out);
      host.begin("tcp", t * second);
      for (int i = 0; t % 8 < 2 && i < 12; ++i) {
        host.add_event(hit, {random() % 4 == 0 ? "open" : "close"}, t * second - random() % second,
                       {.pid = static_cast<std::uint32_t>(1 + random() % 4),
                        .comm = "c\u00e4",
                        .start_time_ns = 9,
                        .container = "id",
                        .stack = {random(), 2}},
                       static_cast<double>(random() % 100));
      }
      recorder->consume(host.delivery(), t * second, 0, out);
      if (t % 3 == 0) recorder->lost("tcp", t, t * second - 1);
      recorder->advance(at(t * second + 200 * ms), out);
    }
    complete = recorder->finish().ok();
    EXPECT_EQ(engine.stats().at(0).idle, false);
    return out.text;
  }

  static std::string replayed(const std::string& bytes, Result<Replayed>* result = nullptr) {
    Engine engine(Labels{{"instance", "here"}});
    Transcript out;
    engine.set_rules(rules(), at(0), out);
    auto done = replay_bytes(bytes, engine, out);
    if (result != nullptr) {
      *result = std::move(done);
    } else {
      EXPECT_TRUE(done.ok());
    }
    return out.text;
  }

  std::filesystem::path folder_;
};

TEST_F(Recording, ReplaysToTheSameBytesAgainAndAgain) {
  bool complete = false;
  const auto said = record(1U << 20, complete);
  EXPECT_TRUE(complete);
  for (const auto* what : {"alert storm", "value rate", "value p90", "record through", "silent"}) {
    EXPECT_NE(said.find(what), std::string::npos) << what;
  }
  EXPECT_EQ(replayed(bytes()), said);

  Engine engine(Labels{{"instance", "here"}});
  Transcript out;
  engine.set_rules(rules(), at(0), out);
  const auto first = replay(path(), engine, out);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(out.text, said);
  EXPECT_EQ(first->collections, 40u);
  EXPECT_EQ(first->records, 20u * 6 + 5u * 12);
  EXPECT_EQ(first->end.boottime_ns, 20'200 * ms);
}

TEST_F(Recording, TheSameCallsMakeTheSameFile) {
  bool complete = false;
  record(1U << 20, complete);
  const auto before = bytes();
  record(1U << 20, complete);
  EXPECT_EQ(bytes(), before);
}

TEST_F(Recording, IsBoundedAndSaysSo) {
  bool complete = true;
  const auto said = record(4'000, complete);
  EXPECT_FALSE(complete);
  EXPECT_LE(bytes().size(), 4'000u);
  const auto part = replayed(bytes());
  EXPECT_FALSE(part.empty());
  EXPECT_EQ(said.substr(0, part.size()), part) << "what is in it is the beginning";
}

TEST_F(Recording, RefusesWhatIsMalformed) {
  bool complete = false;
  record(1U << 20, complete);
  const auto good = bytes();
  Result<Replayed> result = Replayed{};
  for (const std::string& bad : {std::string(), std::string("SNTLREC3"), good + "x", good.substr(1)}) {
    replayed(bad, &result);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Errc::invalid_argument);
  }
  for (const auto* text : {"c\xff\xff", "c\xc3\x01", "c\x01\x02", "c\xc2\x85", "c\xc0\xaf"}) {
    auto bad = good;
    bad.replace(bad.find("c\u00e4"), 3, text);
    replayed(bad, &result);
    EXPECT_FALSE(result.ok()) << "text that no host lets through";
  }
  for (const auto* text : {"c\u00df", "abc", "\u20ac"}) {
    auto other = good;
    other.replace(other.find("c\u00e4"), 3, text);
    replayed(other, &result);
    EXPECT_TRUE(result.ok());
  }
  std::size_t refused = 0;
  for (std::size_t size = 9; size < 2'000; size += 13) {
    replayed(good.substr(0, size), &result);
    if (!result.ok()) ++refused;
  }
  EXPECT_GT(refused, 100u) << "few places are ends of frames";
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    auto bad = good;
    for (int n = 0; n < 3; ++n) bad[8 + random() % 1'000] = static_cast<char>(random());
    replayed(bad, &result);  // must not crash; whether it is refused depends on what was hit
  }
}

TEST_F(Recording, NamesTheFileThatIsNotThere) {
  Engine engine{Labels()};
  Transcript out;
  const auto result = replay(folder_ / "none", engine, out);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::not_found);
  EXPECT_NE(result.error().message.find("none"), std::string::npos);
  const auto recorder = Recorder::create(folder_ / "no" / "folder", engine, 1);
  ASSERT_FALSE(recorder.ok());
  EXPECT_EQ(recorder.error().code, Errc::not_found);
}

}  // namespace
}  // namespace sentinel::rules
