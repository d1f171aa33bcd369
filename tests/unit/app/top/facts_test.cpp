#include "core/app/top/facts.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>

namespace sentinel::top {
namespace {

const std::string fixtures = std::string(SENTINEL_FIXTURES) + "/procfs/";
constexpr std::chrono::system_clock::time_point noon{std::chrono::seconds(1780000000)};

Result<Facts> facts_of(const std::string& path) {
  auto reader = FactsReader::open(path);
  if (!reader) return reader.error();
  return reader->read(noon);
}

/// A tree that the test makes, gone with it.
class Tree {
 public:
  Tree() {
    std::string name = std::filesystem::temp_directory_path() / "sentinel-top-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { std::filesystem::remove_all(path_); }

  void file(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  void process(int pid, const std::string& comm, char state, int ppid) const {
    file(std::to_string(pid) + "/stat", std::to_string(pid) + " (" + comm + ") " + state + " " + std::to_string(ppid) +
                                            " 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0 0 0\n");
  }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(FactsReader, ReadsEachPartOfATree) {
  const auto facts = facts_of(fixtures + "debian12");
  ASSERT_TRUE(facts) << facts.error().message;
  ASSERT_TRUE(facts->stat && facts->meminfo && facts->loadavg && facts->tcp && facts->processes);
  EXPECT_EQ(facts->stat->cpus.size(), 4U);
  EXPECT_EQ(facts->loadavg->load1, 0.42);
  EXPECT_EQ(facts->uptime_seconds, 1780000000 - facts->stat->boot_time_seconds);
  ASSERT_TRUE(facts->tcp->ipv6);
  for (const auto& pressure : facts->pressure) EXPECT_TRUE(pressure);
  const auto& states = facts->processes->states;
  EXPECT_EQ(std::accumulate(states.begin(), states.end(), std::uint64_t{0}), facts->processes->walked.read);
  EXPECT_EQ(facts->time_of_day.size(), std::string("2026-05-28 20:26:40").size());
}

TEST(FactsReader, TellsAbsentFromBroken) {
  const auto old = facts_of(fixtures + "no_psi");
  ASSERT_TRUE(old) << old.error().message;
  ASSERT_TRUE(old->tcp);
  EXPECT_FALSE(old->tcp->ipv6);
  for (const auto& pressure : old->pressure) {
    ASSERT_FALSE(pressure);
    EXPECT_TRUE(is_absent(pressure.error()));
  }
  const auto cut = facts_of(fixtures + "truncated");
  ASSERT_TRUE(cut) << cut.error().message;
  ASSERT_FALSE(cut->stat);
  EXPECT_FALSE(is_absent(cut->stat.error()));
  EXPECT_NE(cut->stat.error().message.find(fixtures + "truncated/stat"), std::string::npos);
}

TEST(FactsReader, RefusesWhatIsNoProc) {
  const Tree empty;
  const auto facts = facts_of(empty.path());
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, Errc::not_found);
  EXPECT_NE(facts.error().message.find(empty.path()), std::string::npos);

  const auto missing = facts_of(empty.path() + "/none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
}

TEST(FactsReader, OnePartIsEnough) {
  const Tree tree;
  tree.file("loadavg", "0.50 0.40 0.30 1/2 3\n");
  const auto facts = facts_of(tree.path());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_TRUE(facts->loadavg);
  EXPECT_FALSE(facts->stat);
  EXPECT_FALSE(facts->uptime_seconds);
  ASSERT_FALSE(facts->processes);
  EXPECT_EQ(facts->processes.error().code, Errc::no_data);
}

TEST(FactsReader, NamesTheHostAndTheWorstParentsOfZombies) {
  const Tree tree;
  tree.file("loadavg", "0.50 0.40 0.30 1/2 3\n");
  tree.file("sys/kernel/hostname", "web-1\n");
  tree.process(10, "one", 'S', 1);
  tree.process(20, "three\xff\"\n", 'S', 1);
  int pid = 100;
  for (const auto& [parent, children] : {std::pair{10, 1}, {20, 3}, {30, 2}, {40, 1}, {50, 1}}) {
    for (int i = 0; i < children; ++i) tree.process(pid++, "child", 'Z', parent);
  }
  const auto facts = facts_of(tree.path());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->host, "web-1");
  ASSERT_TRUE(facts->processes) << facts->processes.error().message;
  const auto& parents = facts->processes->zombie_parents;
  ASSERT_EQ(parents.size(), most_zombie_parents);
  EXPECT_EQ(facts->processes->more_zombie_parents, 2U);
  EXPECT_EQ(parents[0].pid, 20);
  EXPECT_EQ(parents[0].zombies, 3U);
  EXPECT_EQ(parents[0].comm, "three\xff\"\n");
  EXPECT_EQ(parents[1].pid, 30);
  EXPECT_EQ(parents[1].comm, "");
  EXPECT_EQ(parents[2].pid, 10);
}

TEST(FactsReader, ReadsTheSameTreeAgain) {
  auto reader = FactsReader::open(fixtures + "debian12");
  ASSERT_TRUE(reader);
  const auto first = reader->read(noon);
  const auto second = reader->read(noon);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->processes->states, second->processes->states);
  EXPECT_EQ(first->processes->zombie_parents.size(), second->processes->zombie_parents.size());
  EXPECT_LE(first->taken_at, second->taken_at);
}

}  // namespace
}  // namespace sentinel::top
