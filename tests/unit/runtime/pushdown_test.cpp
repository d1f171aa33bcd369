// Demands as rules and pipelines make them, and the same rules in both placements on the same traffic.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include <sentinel/batch.hpp>
#include <sentinel/pushdown.hpp>

#include "core/runtime/pushdown.hpp"
#include "core/runtime/pushdown_abi.hpp"
#include "core/store/batch.hpp"
#include "core/store/store.hpp"
#include "tests/plugins/toy_kernel.hpp"
#include "tests/unit/rules/engine/rig.hpp"

namespace sentinel::runtime {
namespace {

using rules::ms;
using rules::second;
using ::testing::ElementsAre;
using testing::Hit;
using ::testing::IsEmpty;
using testing::ToyKernel;
using Rules = std::vector<std::shared_ptr<const rules::Rule>>;
using Strings = std::vector<std::string>;

const EventType hit_event{1, "hit", {"state"}, {{"source", "a"}}};

std::vector<Demand> demands(const Rules& rules, const config::Config& config = {}, DemandIds* ids = nullptr) {
  DemandIds fresh;
  return demands_of("tcp", {hit_event}, {config, rules, {"log"}}, ids != nullptr ? *ids : fresh);
}

/// The one demand of a rule that counts what a filter lets through.
std::optional<Demand> demand_of(const std::string& filter) {
  const auto all = demands({rules::make_rule(
      {.windows = {{.filter = filter, .over = second, .fn = rules::Function::count}}, .when = "> 5"})});
  return all.empty() ? std::nullopt : std::optional(all.front());
}

std::string told(const Demand& demand) {
  std::string out;
  for (const auto& predicate : demand.predicates) {
    if (predicate.kind == SENTINEL_COMPARES) {
      out += "value " + std::to_string(predicate.comparison) + " " + std::to_string(static_cast<int>(predicate.number));
    } else {
      out += predicate.field + (predicate.kind == SENTINEL_ANY_OF ? " in" : " not in");
      for (const auto& value : predicate.values) out += " '" + value + "'";
    }
    out += "; ";
  }
  for (const auto& text : demand.user) out += "user " + text + "; ";
  return out;
}

TEST(Demands, AreThePredicatesOfAFilter) {
  const std::pair<const char*, const char*> cases[] = {
      {"hit", ""},
      {"hit{state=\"close\",pid!=\"7\"}", "state in 'close'; pid not in '7'; "},
      {"hit{state=~\"close|time_wait\"}", "state in 'close' 'time_wait'; "},
      {"hit{state!~\"(?:a|b)\"}", "state not in 'a' 'b'; "},
      {"hit{comm=~\"10\\\\.0\\\\.0\\\\.1\"}", "comm in '10.0.0.1'; "},
      {"hit{comm=~\".+\"}", "comm not in ''; "},
      {"hit{comm=~\"a.*\",state=\"x\"}", "state in 'x'; user comm=~\"a.*\"; "},
      {"hit{comm=~\"(a|b)|(c)\"}", "user comm=~\"(a|b)|(c)\"; "},
      {"hit{source=\"a\",absent=\"\"} >= 3", "value 6 3; "},
      {"{__name__=~\"h.t\",exe=\"/bin/x\"}", "exe in '/bin/x'; "},
  };
  for (const auto& [filter, wanted] : cases) {
    const auto demand = demand_of(filter);
    ASSERT_TRUE(demand) << filter;
    EXPECT_EQ(told(*demand), wanted) << filter;
    EXPECT_EQ(demand->fold, demand->user.empty() ? SENTINEL_FOLD_COUNT : SENTINEL_FOLD_NONE) << filter;
  }
}

TEST(Demands, AreNotMadeByWhatCannotMatch) {
  for (const auto* filter : {"other", "hit{source=\"b\"}", "hit{absent=\"x\"}", "{__name__=~\"x.*\"}"}) {
    EXPECT_FALSE(demand_of(filter)) << filter;
  }
  const rules::RuleText text{
      .windows = {{.filter = "hit", .fn = rules::Function::count}}, .when = "> 1", .from = {"another"}};
  EXPECT_THAT(demands({rules::make_rule(text)}), IsEmpty());
}

TEST(Demands, SayWhatAWindowNeeds) {
  using rules::Function;
  const auto of = [](rules::WindowText window, const std::string& when) {
    return demands({rules::make_rule({.windows = {std::move(window)}, .when = when})}).at(0);
  };
  const auto count = of({.filter = "hit",
                         .over = 60 * second,
                         .fn = Function::count,
                         .every = 10 * second,
                         .by = Strings{"pid", "source", "absent", "state"}},
                        "> 600");
  EXPECT_EQ(count.fold, SENTINEL_FOLD_COUNT);
  EXPECT_THAT(count.by, ElementsAre("pid", "state")) << "the host knows the rest";
  EXPECT_EQ(count.pane_ns, 10 * second);
  EXPECT_EQ(count.threshold, 100) << "of six panes together 600, one has 100";
  const auto rate = of({.filter = "hit", .over = 5 * second, .fn = Function::rate}, ">= 20");
  EXPECT_EQ(rate.fold, SENTINEL_FOLD_COUNT);
  EXPECT_EQ(rate.threshold, 100);
  const auto avg = of({.filter = "hit", .over = second, .fn = Function::avg}, "> 3");
  EXPECT_EQ(avg.fold, SENTINEL_FOLD_SUM);
  EXPECT_FALSE(avg.threshold);
  EXPECT_EQ(of({.filter = "hit", .over = second, .fn = Function::sum}, "> 3").threshold, 3);
  EXPECT_FALSE(of({.filter = "hit", .over = second, .fn = Function::sum}, "< 3").threshold);
  EXPECT_FALSE(of({.filter = "hit", .over = second, .fn = Function::sum}, "value * 2 > 3").threshold);
  EXPECT_EQ(of({.filter = "hit", .over = second, .fn = Function::max}, "> 3").fold, SENTINEL_FOLD_NONE);
  EXPECT_EQ(of({.filter = "hit", .over = second, .fn = Function::count, .agg = rules::Aggregation::sum}, "> 3").fold,
            SENTINEL_FOLD_NONE);
}

TEST(Demands, OfPipelinesNeedASinkThatTakesRecords) {
  config::Config config;
  config::Pipeline pipeline;
  pipeline.name = "everything";
  pipeline.from = {"tcp"};
  pipeline.to = {"prometheus"};
  config.pipelines = {pipeline};
  auto tap = *rules::make_rule({.name = "tap", .filter = "hit{state=\"x\"}"});
  tap.to = {"prometheus"};
  EXPECT_THAT(demands({std::make_shared<rules::Rule>(tap)}, config), IsEmpty());
  config.pipelines[0].to = tap.to = {"prometheus", "log"};
  const auto both = demands({std::make_shared<rules::Rule>(tap)}, config);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(told(both[0]), "state in 'x'; ");
  EXPECT_EQ(both[1].consumer, "everything");
  EXPECT_EQ(both[1].fold, SENTINEL_FOLD_NONE);
}

TEST(Demands, KeepTheirNumbersOverReloads) {
  DemandIds ids;
  const auto storm = [](const std::string& when) {
    return rules::make_rule(
        {.name = "storm", .windows = {{.filter = "hit", .fn = rules::Function::count}}, .when = when});
  };
  const auto other = rules::make_rule({.name = "other", .windows = {{.filter = "hit"}}, .when = "> 1"});
  const auto first = demands({storm("> 1")}, {}, &ids);
  const auto second_one = demands({other, storm("> 2")}, {}, &ids);
  EXPECT_EQ(second_one.at(1).id, first.at(0).id) << "another threshold is no other window";
  EXPECT_NE(second_one.at(0).id, first.at(0).id);
  EXPECT_NE(second_one.at(1), first.at(0));
  EXPECT_EQ(demands({storm("> 1")}, {}, &ids), first);
}

/// An engine behind a kernel of one placement, through the batches and demands that the agent makes.
class Side {
 public:
  Side(ToyKernel::Placement placement, std::uint32_t cpus)
      : producer_(store_.producer("tcp", {{"source", "a"}}, 100)), kernel_(placement, cpus), engine_({}) {
    const auto id = producer_->declare({MetricKind::event, "hit", "Hits.", "", {"state"}, {}});
    EXPECT_TRUE(id.ok());
    event_.id = *id;
  }

  void set(const Rules& rules, DemandIds& ids, std::uint64_t now_ns) {
    EventType type = hit_event;
    type.metric = event_.id;
    const config::Config config;
    const auto all = demands_of("tcp", {type}, {config, rules, {"log"}}, ids);
    std::vector<rules::FoldedWindow> folds;
    add_folds("tcp", all, folds);
    engine_.set_rules(rules, rules::at(now_ns), out);
    engine_.set_folds(std::move(folds));
    const AbiDemands abi(all);
    std::vector<sentinel_placement> placements(all.size());
    for (auto& placement : placements) placement.size = sizeof(placement);
    ASSERT_TRUE(kernel_.offer({abi.all().data(), static_cast<std::uint32_t>(all.size()), placements.data()}).ok());
  }

  void step(const std::vector<Hit>& hits, std::uint64_t now_ns, bool open_too) {
    for (const auto& hit : hits) kernel_.submit(hit);
    store::RecordBatch records(*producer_);
    records.reset_for_events(now_ns);
    Batch batch(records.abi());
    kernel_.hand_over(batch, event_, now_ns, open_too);
    ASSERT_TRUE(batch.result().ok()) << batch.result().error().message;
    sent += records.records().size();
    engine_.consume(records.delivery(), now_ns, 0, out);
    engine_.advance(rules::at(now_ns), out);
  }

  [[nodiscard]] const ToyKernel::Ledger& ledger() const { return kernel_.ledger(); }
  /// Every transition with its instants, in an order of its own.
  [[nodiscard]] std::vector<std::string> story() const {
    std::vector<std::string> lines;
    for (const auto& alert : out.transitions) {
      std::string line = alert.rule->name + " " + std::string(to_string(alert.state)) + " " + alert.reason;
      for (const auto& [name, value] : alert.labels) line += " " + name + "=" + value;
      line += " value " + std::to_string(alert.value) + " since " + std::to_string(alert.active_since_ns) + " fired " +
              std::to_string(alert.fired_at_ns) + " resolved " + std::to_string(alert.resolved_at_ns);
      lines.push_back(std::move(line));
    }
    // Those of one instant come in the order in which groups were seen.
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  rules::Outcome out;
  std::size_t sent = 0;  // records

 private:
  store::Store store_{1U << 20U};
  std::unique_ptr<store::Producer> producer_;
  ToyKernel kernel_;
  rules::Engine engine_;
  Event<1> event_;
};

/// Rules of every kind that folds, and of some that do not.
Rules random_rules(std::mt19937& random) {
  using rules::Function;
  const std::vector<rules::WindowText> windows = {
      {.filter = "hit{state=\"close\"}", .over = second, .fn = Function::count, .by = Strings{"comm", "pid"}},
      {.filter = "hit", .over = 2 * second, .fn = Function::rate, .every = 500 * ms, .by = Strings{"state"}},
      {.filter = "hit{comm=~\"a|b\"} > 2", .over = second, .fn = Function::sum, .by = Strings{"comm"}},
      {.filter = "hit{comm!~\"c\"}", .over = 3 * second, .fn = Function::avg, .every = second},
      {.filter = "hit{comm=~\"[ab]\"}", .over = second, .fn = Function::count, .by = Strings{"pid"}},
      {.filter = "hit{state!=\"open\"}", .over = second, .fn = Function::max, .by = Strings{"pid", "source"}},
      {.filter = "hit{state=~\".+\",source=\"a\"}", .over = 4 * second, .fn = Function::count, .by = Strings{"source"}},
      {.filter = "hit", .over = second, .fn = Function::count, .by = Strings{"exe"}},
  };
  Rules made;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    // Seldom what needs each event: it would keep the others from folding.
    const bool whole = i == 4 || i == 5 || i == 7;
    if (random() % (whole ? 8 : 2) != 0) continue;
    made.push_back(rules::make_rule({.name = "rule" + std::to_string(i),
                                     .windows = {windows[i]},
                                     .when = "> " + std::to_string(1 + random() % 12),
                                     .hold = random() % 2 * second,
                                     .keep_firing = random() % 3 * second}));
  }
  return made;
}

std::vector<Hit> random_hits(std::mt19937& random, std::uint64_t from_ns, std::uint64_t to_ns, unsigned most) {
  constexpr const char* comms[] = {"a", "b", "c"};
  constexpr const char* states[] = {"open", "close", ""};
  std::vector<Hit> hits(random() % (most + 1));
  for (auto& hit : hits) {
    hit.time_ns = from_ns + 1 + random() % (to_ns - from_ns);
    hit.value = random() % 6;
    hit.pid = 1 + random() % 3;
    hit.start_time_ns = 1 + random() % 2;
    hit.comm = comms[random() % 3];
    hit.state = states[random() % 3];
    hit.cpu = random() % 4;
  }
  std::sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.time_ns < b.time_ns; });
  return hits;
}

TEST(Placements, MakeTheSameAlertsOfTheSameTraffic) {
  std::size_t transitions = 0;
  std::uint64_t folded = 0;
  for (unsigned seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);
    DemandIds ids;
    Side user(ToyKernel::Placement::user, 4);
    Side kernel(ToyKernel::Placement::kernel, 4);
    Rules rules = random_rules(random);
    user.set(rules, ids, 0);
    kernel.set(rules, ids, 0);
    for (std::uint64_t now = 50 * ms; now <= 20 * second; now += 50 * ms) {
      if (now == 8 * second + 50 * ms && seed % 3 == 0) {  // while it runs, others; what is in panes stays theirs
        auto more = random_rules(random);
        for (const auto& rule : more) {
          const auto same = [&](const auto& other) { return other->name == rule->name; };
          if (std::none_of(rules.begin(), rules.end(), same)) rules.push_back(rule);
        }
        user.set(rules, ids, now);
        kernel.set(rules, ids, now);
      }
      const bool busy = now / second % 7 < 4;
      const auto hits = random_hits(random, now - 50 * ms, now, busy ? 6 : 0);
      user.step(hits, now, false);
      kernel.step(hits, now, random() % 4 == 0);
    }
    ASSERT_EQ(kernel.story(), user.story()) << "seed " << seed;
    transitions += user.story().size();
    folded += kernel.ledger().folded;
    const auto& ledger = kernel.ledger();
    ASSERT_EQ(ledger.seen, ledger.filtered + ledger.folded + ledger.submitted);
    ASSERT_LE(kernel.sent, user.sent + kernel.ledger().folded) << "seed " << seed;
  }
  EXPECT_GT(transitions, 1000u);
  EXPECT_GT(folded, 10'000u);
}

TEST(Placements, SendAnExemplarWithItsStackForAGroupThatOffends) {
  DemandIds ids;
  Side kernel(ToyKernel::Placement::kernel, 4);
  kernel.set({rules::make_rule({.name = "storm",
                                .windows = {{.filter = "hit{state=\"close\"}",
                                             .over = second,
                                             .fn = rules::Function::count,
                                             .by = Strings{"pid"}}},
                                .when = "> 500"})},
             ids, 0);
  for (std::uint64_t now = 50 * ms; now <= 3 * second; now += 50 * ms) {
    std::vector<Hit> hits;
    for (std::uint64_t i = 0; now <= second && i < 500; ++i) {
      hits.push_back({.time_ns = now - i,
                      .pid = 42,
                      .start_time_ns = 7,
                      .comm = "storm",
                      .state = "close",
                      .cpu = static_cast<std::uint32_t>(i % 4)});
    }
    std::reverse(hits.begin(), hits.end());
    kernel.step(hits, now, false);
  }
  ASSERT_EQ(kernel.out.transitions.size(), 2u);
  const auto& alert = kernel.out.transitions.front();
  EXPECT_EQ(alert.value, 10'000);
  ASSERT_TRUE(alert.context);
  EXPECT_EQ(alert.context->pid, 42u);
  EXPECT_EQ(alert.context->comm, "storm");
  EXPECT_EQ(alert.context->exe, "/usr/bin/toy");
  EXPECT_THAT(alert.context->symbols, ElementsAre("tcp_toy+0x10", "entry_toy+0x20"));
  EXPECT_LE(kernel.sent, 5u) << "10,000 events: an exemplar a CPU, and the pane";
}

TEST(Placements, LeaveNothingToSendWhereNobodyConsumes) {
  DemandIds ids;
  Side kernel(ToyKernel::Placement::kernel, 4);
  kernel.set({}, ids, 0);
  kernel.step({{.time_ns = 1, .comm = "x", .state = "close"}}, 50 * ms, true);
  EXPECT_EQ(kernel.sent, 0u);
  EXPECT_EQ(kernel.ledger().filtered, 1u);
}

}  // namespace
}  // namespace sentinel::runtime
