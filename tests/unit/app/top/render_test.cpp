// What a person sees, compared whole with golden/*.txt; escape codes stand there as ^[. UPDATE_GOLDEN=1 writes the
// files instead.
#include "core/app/top/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/app/top/text.hpp"

namespace sentinel::top {
namespace {

using procfs::CpuMode;
using testing::HasSubstr;
using testing::Not;

const std::string fixtures = std::string(SENTINEL_FIXTURES) + "/procfs/";
const std::string goldens = std::string(SENTINEL_SOURCE_DIR) + "/tests/unit/app/top/golden/";

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

void expect_golden(const std::string& name, std::string text) {
  replace_all(text, "\x1b", "^[");
  const std::string path = goldens + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe): this program has one thread
    std::ofstream(path) << text;
    return;
  }
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str()) << path << "; UPDATE_GOLDEN=1 takes what there is now";
}

/// The facts of a fixture tree at a fixed time; errors name it without the machine's path.
Facts facts_of(const std::string& tree) {
  auto reader = FactsReader::open(fixtures + tree);
  EXPECT_TRUE(reader);
  auto facts = reader->read(std::chrono::system_clock::time_point(std::chrono::seconds(1780000000)));
  EXPECT_TRUE(facts);
  facts->taken_at = {};
  facts->time_of_day = "2026-05-28 20:26:40";
  facts->host = "web-1";
  const auto shorten = [](auto& part) {
    if (part) return;
    Error error = part.error();
    replace_all(error.message, fixtures, "/");
    part = error;
  };
  shorten(facts->stat);
  shorten(facts->meminfo);
  shorten(facts->loadavg);
  shorten(facts->tcp);
  shorten(facts->processes);
  for (auto& pressure : facts->pressure) shorten(pressure);
  return *std::move(facts);
}

void pass(procfs::CpuTimes& times, std::initializer_list<std::pair<CpuMode, std::uint64_t>> ticks) {
  for (const auto& [mode, count] : ticks) times.jiffies[static_cast<std::size_t>(mode)] += count;
}

/// The same host 2 s later: CPU i of n busy for i/n of the time.
Facts two_seconds_later(const std::string& tree) {
  Facts facts = facts_of(tree);
  facts.taken_at += std::chrono::seconds(2);
  const std::uint64_t cpus = facts.stat->cpus.size();
  std::uint64_t busy = 0;
  for (std::uint64_t i = 0; i < cpus; ++i) {
    const std::uint64_t ticks = 200 * i / cpus;
    pass(facts.stat->cpus[i].times, {{CpuMode::user, ticks}, {CpuMode::idle, 200 - ticks}});
    busy += ticks;
  }
  pass(facts.stat->total, {{CpuMode::user, busy}, {CpuMode::idle, 200 * cpus - busy}});
  facts.stat->context_switches += 5000;
  facts.stat->forks += 24;
  return facts;
}

Screen terminal(std::size_t width, std::size_t height) {
  Screen screen;
  screen.width = width;
  screen.height = height;
  screen.unicode = true;
  screen.hint = "every 2 s · q quits";
  return screen;
}

class EachTree : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Render, EachTree,
                         testing::Values("container", "cpus128", "debian12", "hostile", "ipv6_heavy", "no_psi",
                                         "truncated"),
                         [](const auto& tree) { return std::string(tree.param); });

TEST_P(EachTree, PlainLines) {
  const std::string tree = GetParam();
  expect_golden(tree + ".plain.txt", render(facts_of(tree), nullptr, {}));
}

TEST_P(EachTree, ScreenOf80By24) {
  const std::string tree = GetParam();
  expect_golden(tree + ".80x24.txt", render(facts_of(tree), nullptr, terminal(80, 24)));
}

TEST_P(EachTree, NeverLeavesTheScreen) {
  const Facts facts = facts_of(GetParam());
  for (const std::size_t width : {1, 9, 11, 34, 57, 81, 240}) {
    for (const std::size_t height : {1, 2, 7, 13, 20, 26, 60}) {
      std::istringstream text(render(facts, nullptr, terminal(width, height)));
      std::size_t rows = 0;
      for (std::string line; std::getline(text, line); ++rows) {
        ASSERT_LE(columns(line), width) << line;
        ASSERT_EQ(line, printable(line, true));
      }
      ASSERT_LE(rows, height) << width;
      ASSERT_GE(rows, 1U);
    }
  }
}

TEST(Render, UsageAndRatesAreOfTheTimeBetween) {
  const Facts before = facts_of("debian12");
  const Facts now = two_seconds_later("debian12");
  expect_golden("debian12.two.plain.txt", render(now, &before, {}));
  expect_golden("debian12.two.120x40.txt", render(now, &before, terminal(120, 40)));
}

TEST(Render, ManyCpusShowTheBusiest) {
  const Facts before = facts_of("cpus128");
  expect_golden("cpus128.two.120x40.txt", render(two_seconds_later("cpus128"), &before, terminal(120, 40)));
}

TEST(Render, Colours) {
  Screen screen = terminal(100, 30);
  screen.colour = true;
  const Facts before = facts_of("debian12");
  expect_golden("debian12.colour.txt", render(two_seconds_later("debian12"), &before, screen));
}

TEST(Render, AsciiTerminal) {
  Screen screen = terminal(60, 20);
  screen.unicode = false;
  screen.hint.clear();
  const std::string text = render(facts_of("hostile"), nullptr, screen);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); }));
}

TEST(Render, HostileNamesAreDefused) {
  Facts facts = facts_of("debian12");
  facts.host = "\x1b]0;owned\x07";
  facts.processes->zombie_parents = {{7, "\xff\"\n", 2}, {8, "\x1b[2J", 1}};
  for (const auto& screen : {Screen(), terminal(80, 40)}) {
    const std::string text = render(facts, nullptr, screen);
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\xff")));
    EXPECT_THAT(text, Not(HasSubstr("\x07")));
    const std::string mark = screen.unicode ? "\xef\xbf\xbd" : "?";
    EXPECT_THAT(text, HasSubstr("not reaped by " + mark + "\"" + mark + " (pid 7)"));
    EXPECT_THAT(text, HasSubstr("not reaped by " + mark + "[2J (pid 8)"));
  }
}

TEST(Render, CpuThatCameOnlineHasNoUsageYet) {
  Facts before = facts_of("debian12");
  before.stat->cpus.erase(before.stat->cpus.begin() + 1);
  const std::string text = render(two_seconds_later("debian12"), &before, {});
  EXPECT_THAT(text, HasSubstr("each    cpu0 0.0 %  cpu2 50.0 %  cpu3 75.0 %"));
}

TEST(Render, CountersThatStepBackAreNoTime) {
  const Facts before = facts_of("debian12");
  Facts now = two_seconds_later("debian12");
  now.stat->total.jiffies[static_cast<std::size_t>(CpuMode::iowait)] -= 10;
  now.stat->context_switches = 0;
  const std::string text = render(now, &before, {});
  EXPECT_THAT(text, HasSubstr("CPU        37.5 %  4 CPUs, 0 switches/s"));
  EXPECT_THAT(text, HasSubstr("iowait 0.0 %"));
}

TEST(Render, NoTimeBetweenIsSaid) {
  const Facts before = facts_of("debian12");
  EXPECT_THAT(render(facts_of("debian12"), &before, {}), HasSubstr("no CPU time passed"));
}

TEST(Render, EarlierFailureMeansSinceBoot) {
  const Facts before = facts_of("truncated");
  EXPECT_THAT(render(facts_of("debian12"), &before, {}), HasSubstr("since boot"));
}

}  // namespace
}  // namespace sentinel::top
