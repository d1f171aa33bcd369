// A plugin that goes wrong at some stage of a reload: the verdict names the stage and the reason, everything else goes
// on as if nothing had been tried, no record is lost or doubled, and the next reload works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "tests/support/swapping.hpp"

namespace sentinel::testing {
namespace {

using ::testing::HasSubstr;

struct Fault {
  const char* variant;
  const char* result;
  const char* stage;
  const char* reason;       ///< in the verdict
  const char* zombie = "";  ///< what stays mapped is counted under this reason

  // NOLINTNEXTLINE(readability-identifier-naming): GoogleTest looks for it by this name
  friend void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.variant; }
};

std::string name_of(const ::testing::TestParamInfo<Fault>& info) {
  return info.param.variant;
}

class SwapFault : public ::testing::TestWithParam<Fault> {
 protected:
  void TearDown() override {
    // One in which a call hangs says so by its exit code.
    const bool hangs = std::string_view(GetParam().zombie) == "hung_call";
    EXPECT_EQ(swap_.agent().stop().exit_code, hangs ? 1 : 0);
  }

  /// Each number once, from 1 on.
  void expect_no_gap() {
    const auto numbers = swap_.received();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      ASSERT_EQ(numbers[i], i + 1) << "of " << numbers.size() << "\n" << swap_.agent().log();
    }
  }

  void expect_verdict(const boost::json::object& verdict) {
    EXPECT_EQ(text_of(verdict, "result"), GetParam().result) << swap_.agent().log();
    EXPECT_EQ(text_of(verdict, "stage"), GetParam().stage);
    EXPECT_THAT(text_of(verdict, "reason"), HasSubstr(GetParam().reason));
    EXPECT_THAT(text_of(verdict, "reason"), HasSubstr("swap"));
    EXPECT_TRUE(swap_.agent().logs(text_of(verdict, "reason"))) << swap_.agent().log();
    EXPECT_EQ(text_of(swap_.last_reload(), "reason"), text_of(verdict, "reason"));
  }

  std::string version() { return std::string(swap_.agent().instance("swap").at("version").as_string()); }

  /// What stays of a hanging call is its thread and its library.
  void expect_holdings(SwapAgent::Holdings wanted) {
    const std::string_view zombie = GetParam().zombie;
    if (!zombie.empty()) {
      ++wanted.threads;
      ++wanted.libraries;
      EXPECT_TRUE(eventually([&] { return swap_.zombies(GetParam().zombie) == 1; })) << swap_.agent().log();
    }
    EXPECT_TRUE(eventually([&] { return swap_.holdings() == wanted; }))
        << swap_.holdings().threads << " threads, not " << wanted.threads << "; " << swap_.holdings().descriptors
        << " descriptors, not " << wanted.descriptors << "; " << swap_.holdings().libraries << " libraries, not "
        << wanted.libraries << "\n"
        << ::testing::PrintToString(swap_.mapped()) << swap_.agent().log();
  }

  SwapAgent swap_;
};

class FaultyNewcomer : public SwapFault {};

TEST_P(FaultyNewcomer, LeavesWhatRan) {
  swap_.run(SwapAgent::usual());
  ASSERT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  const auto before = swap_.lives();
  const auto held = swap_.holdings();

  swap_.install("test_swap", GetParam().variant);
  expect_verdict(swap_.reload_to_the_end());
  EXPECT_EQ(version(), "1.0.0");
  if (std::string_view(GetParam().result) == "refused") {
    EXPECT_EQ(swap_.lives(), before);
  } else {
    auto others = before;
    others.erase("swap");
    EXPECT_EQ(swap_.lives({"swap"}), others);
  }
  EXPECT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  expect_no_gap();
  expect_holdings(held);

  swap_.install("test_swap", "v2");
  const auto good = swap_.reload_to_the_end();
  EXPECT_EQ(text_of(good, "result"), "committed") << swap_.agent().log();
  EXPECT_EQ(version(), "2.0.0");
  EXPECT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  expect_no_gap();
  expect_holdings(held);
}

INSTANTIATE_TEST_SUITE_P(AtTheCheck, FaultyNewcomer,
                         ::testing::Values(Fault{"other_abi", "refused", "check",
                                                 "was built for ABI 2.2, this agent speaks"},
                                           Fault{"other_schema", "refused", "check", "breadth"},
                                           Fault{"unique", "refused", "check", "GNU-unique"},
                                           Fault{"throws_in_loading", "refused", "check", "no start today"}),
                         name_of);

INSTANTIATE_TEST_SUITE_P(
    InTheProbe, FaultyNewcomer,
    ::testing::Values(Fault{"throws_in_create_anywhere", "refused", "probe", "it does wrong in create, as built"},
                      Fault{"aborts_in_collect_anywhere", "refused", "probe", "SIGABRT in collect"},
                      Fault{"leaks_thread_anywhere", "refused", "probe", "leaves a thread behind: left_behind"},
                      Fault{"leaks_fd_anywhere", "refused", "probe", "leaves 1 descriptor open: /dev/full"},
                      Fault{"hangs_in_create_anywhere", "refused", "probe", "in create"},
                      Fault{"hangs_in_start_anywhere", "refused", "probe", "in start"},
                      Fault{"hangs_in_collect_anywhere", "refused", "probe", "in collect"},
                      Fault{"hangs_in_stop_anywhere", "refused", "probe", "in stop"},
                      Fault{"hangs_in_destroy_anywhere", "refused", "probe", "in destroy"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    BesideWhatRuns, FaultyNewcomer,
    ::testing::Values(Fault{"throws_in_create", "refused", "prepare", "it does wrong in create, as built"},
                      Fault{"hangs_in_create", "refused", "prepare", "'create' overran its deadline", "hung_call"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    AtTheHandover, FaultyNewcomer,
    ::testing::Values(Fault{"fails_in_start", "refused", "commit", "start: it does wrong in start, as built"},
                      Fault{"hangs_in_start", "refused", "commit", "'start' overran its deadline", "hung_call"},
                      Fault{"throws_in_restore", "refused", "commit",
                            "restore: threw: it does wrong in restore, as built"},
                      Fault{"hangs_in_restore", "refused", "commit", "'restore' overran its deadline", "hung_call"},
                      Fault{"refuses_state", "refused", "commit", "cannot read state of version 1"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(OnProbation, FaultyNewcomer,
                         ::testing::Values(Fault{"throws_in_collect", "rolled_back", "probation",
                                                 "it does wrong in collect, as built"},
                                           Fault{"throws_in_collect_later", "rolled_back", "probation",
                                                 "it does wrong in collect, as built"},
                                           Fault{"hangs_in_collect", "rolled_back", "probation",
                                                 "'collect' overran its deadline", "hung_call"}),
                         name_of);

/// What ran is at fault, when it has to make room.
class FaultyOld : public SwapFault {};

TEST_P(FaultyOld, GoesOnWhenItCannotHandOver) {
  swap_.install("test_swap", GetParam().variant);
  swap_.run(SwapAgent::usual());
  ASSERT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  const auto before = swap_.lives();
  const auto held = swap_.holdings();

  swap_.install("test_swap", "v1");
  expect_verdict(swap_.reload_to_the_end());
  EXPECT_EQ(version(), "2.0.0");
  EXPECT_EQ(swap_.lives(), before);
  EXPECT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  expect_no_gap();
  expect_holdings(held);
}

INSTANTIATE_TEST_SUITE_P(
    AtTheHandover, FaultyOld,
    ::testing::Values(Fault{"fails_in_drain", "refused", "commit", "drain: it does wrong in drain, as built"},
                      Fault{"fails_in_save", "refused", "commit", "save: it does wrong in save, as built"}),
    name_of);

class HangingOld : public SwapFault {};

TEST_P(HangingOld, IsReplacedByTheNextReload) {
  swap_.install("test_swap", GetParam().variant);
  swap_.run(SwapAgent::usual());
  ASSERT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  const auto before = swap_.lives();
  const auto held = swap_.holdings();

  swap_.install("test_swap", "v1");
  expect_verdict(swap_.reload_to_the_end());
  EXPECT_EQ(swap_.lives(), before);
  EXPECT_EQ(swap_.agent().state("swap"), "quarantined");

  // It can hand nothing over, so there is nothing to wait for.
  const auto good = swap_.reload_to_the_end();
  EXPECT_EQ(text_of(good, "result"), "committed") << swap_.agent().log();
  EXPECT_EQ(version(), "1.0.0");
  auto others = before;
  others.erase("swap");
  EXPECT_EQ(swap_.lives({"swap"}), others);
  EXPECT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  expect_holdings(held);
}

INSTANTIATE_TEST_SUITE_P(
    AtTheHandover, HangingOld,
    ::testing::Values(Fault{"hangs_in_drain", "refused", "commit", "'drain' overran its deadline", "hung_call"},
                      Fault{"hangs_in_save", "refused", "commit", "overran its deadline", "hung_call"}),
    name_of);

class OldThatStays : public SwapFault {};

TEST_P(OldThatStays, IsCountedAndHindersNobody) {
  swap_.install("test_swap", GetParam().variant);
  swap_.run(SwapAgent::usual());
  ASSERT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
  auto others = swap_.lives({"swap"});
  auto held = swap_.holdings();
  // Its own thread runs already.
  if (std::string_view(GetParam().zombie) == "thread") --held.threads;

  for (const char* next : {"v1", "v2", "newer_state"}) {
    swap_.install("test_swap", next);
    const auto verdict = swap_.reload_to_the_end();
    EXPECT_EQ(text_of(verdict, "result"), "committed") << swap_.agent().log();
    EXPECT_EQ(swap_.lives({"swap"}), others);
    EXPECT_TRUE(swap_.wait_for_numbers()) << swap_.agent().log();
    expect_no_gap();
    expect_holdings(held);
  }
}

INSTANTIATE_TEST_SUITE_P(AfterTheSwitch, OldThatStays,
                         ::testing::Values(Fault{"hangs_in_stop", "", "", "", "hung_call"},
                                           Fault{"hangs_in_destroy", "", "", "", "hung_call"},
                                           Fault{"leaks_thread", "", "", "", "thread"},
                                           Fault{"stays_loaded", "", "", "", ""}),
                         name_of);

}  // namespace
}  // namespace sentinel::testing
