#include "tests/unit/plugins/ebpf_proc/loaded.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <deque>
#include <stdexcept>

#include "core/plugin/library.hpp"
#include "core/plugin/stage.hpp"
#include "tests/support/process.hpp"

using sentinel::testing::FakeBatch;
using sentinel::testing::FakeConfig;
using sentinel::testing::FakeRecord;
using sentinel::testing::FakeRows;

namespace {

std::chrono::nanoseconds boottime() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

template <class T>
T required(sentinel::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::shared_ptr<sentinel::plugin::Library> load() {
  static const sentinel::testing::TempFolder folder;
  static const auto stage = required(sentinel::plugin::Stage::open(folder.path()));
  static std::uint64_t generation = 0;
  auto file = required(stage.stage(SENTINEL_BINARY_DIR "/plugins/ebpf_proc.so", "test", ++generation));
  return required(sentinel::plugin::Library::load(std::move(file)));
}

}  // namespace

Loaded::Loaded(const Configure& configure, const std::string& hooks) {
  FakeConfig config;
  configure(config);  // first: what is set first counts
  config.string("hooks", hooks).string("stacks", "some").string("budget", "");
  config.bytes("ring", 256 * 1024).duration("period", std::chrono::milliseconds(100));
  config.boolean("descriptors", true);
  config.duration("short_lived", std::chrono::minutes(10));
  instance_ = std::make_unique<sentinel::plugin::Instance>(
      required(sentinel::plugin::Instance::create(load(), host_.raw(), config.raw())));
}

Loaded::~Loaded() {
  if (started_) (void)instance_->stop();
}

sentinel::Result<void> Loaded::start() {
  auto started = instance_->start();
  started_ = started.ok();
  return started;
}

void Loaded::demand(const std::vector<Wanted>& wanted) {
  std::uint32_t metric = 0;
  for (std::uint32_t i = 0; i < host_.declared.size(); ++i) {
    if (host_.declared[i].name == "sentinel_process_event") metric = i + 1;
  }
  std::deque<std::vector<sentinel_predicate>> predicates;
  std::deque<std::vector<sentinel_string>> keys;
  std::deque<sentinel_string> values;
  std::vector<sentinel_demand> demands;
  for (const auto& one : wanted) {
    auto& all = predicates.emplace_back();
    for (const auto& [field, value] : one.equal) {
      values.push_back(sentinel::to_abi(value));
      all.push_back({sizeof(sentinel_predicate), SENTINEL_ANY_OF, sentinel::to_abi(field), &values.back(), 1, 0, 0});
    }
    auto& by = keys.emplace_back();
    for (const auto& key : one.by) by.push_back(sentinel::to_abi(key));
    sentinel_demand made = {};
    made.size = sizeof(made);
    made.metric = metric;
    made.id = demands.size() + 1;
    made.consumer = sentinel::to_abi("test");
    made.predicates = all.data();
    made.predicate_count = static_cast<std::uint32_t>(all.size());
    made.by = by.data();
    made.by_count = static_cast<std::uint32_t>(by.size());
    made.complete = 1;
    made.fold = one.threshold > 0 ? SENTINEL_FOLD_COUNT : SENTINEL_FOLD_NONE;
    made.pane_ns = 1'000'000'000;
    made.has_threshold = one.threshold > 0 ? 1 : 0;
    made.threshold = one.threshold;
    demands.push_back(made);
  }
  std::vector<sentinel_placement> placements(demands.size());
  for (auto& placement : placements) placement.size = sizeof(placement);
  const auto offered = instance_->offer(demands, placements);
  ASSERT_TRUE(offered) << offered.error().message;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    EXPECT_EQ(placements[i].folds, demands[i].fold == SENTINEL_FOLD_COUNT ? 1U : 0U) << placements[i].reason;
    EXPECT_EQ(placements[i].predicates, (std::uint64_t{1} << demands[i].predicate_count) - 1) << placements[i].reason;
  }
}

std::vector<FakeRecord> Loaded::events() {
  host_.time = boottime();
  FakeBatch batch(host_);
  const auto done = instance_->ready(batch.raw());
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(batch.lost, 0U);
  return batch.records;
}

std::map<std::string, double> Loaded::metrics() {
  host_.time = boottime();
  FakeBatch batch(host_);
  const auto done = instance_->collect(batch.raw());
  EXPECT_TRUE(done) << done.error().message;
  return batch.values();
}

double Loaded::metric(const std::string& series) {
  const auto all = metrics();
  const auto found = all.find(series);
  return found == all.end() ? -1 : found->second;
}

std::vector<std::map<std::string, std::string>> Loaded::details(const std::string& table) {
  FakeRows rows;
  EXPECT_TRUE(instance_->details(rows.raw()));
  std::vector<std::map<std::string, std::string>> all;
  for (const auto& row : rows.tables[table]) all.emplace_back(row.begin(), row.end());
  return all;
}

void Loaded::hand_over_to(Loaded& successor) {
  ASSERT_TRUE(instance_->drain(0));
  const auto state = instance_->save();
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_TRUE(successor.instance_->restore(*state));
  const auto started = successor.start();
  ASSERT_TRUE(started) << started.error().message;
  ASSERT_TRUE(instance_->stop());
  started_ = false;
}
