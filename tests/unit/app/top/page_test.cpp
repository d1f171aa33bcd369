#include "core/app/top/page.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace sentinel::top {
namespace {

Screen screen(std::size_t width, std::size_t height) {
  Screen result;
  result.width = width;
  result.height = height;
  return result;
}

std::string written(const Line& line, std::size_t width, bool colour) {
  std::string out;
  line.write(out, width, colour);
  return out;
}

TEST(Line, CutsAtTheWidthAndClosesItsColour) {
  Line line((Screen()));
  line.add("load ").add("12.00", Style::bad).add(" high");
  EXPECT_EQ(line.columns(), 15U);
  EXPECT_EQ(written(line, 0, false), "load 12.00 high");
  EXPECT_EQ(written(line, 8, false), "load 12.");
  EXPECT_EQ(written(line, 8, true), "load \x1b[1;31m12.\x1b[0m");
  EXPECT_EQ(written(line, 15, true), "load \x1b[1;31m12.00\x1b[0m high");
}

TEST(Line, PrintsNoControlWhateverItIsGiven) {
  Line line((Screen()));
  line.add("\x1b[2J\n");
  EXPECT_EQ(written(line, 0, true), "?[2J?");
}

TEST(Page, BarsAreClippedToTheirWidth) {
  const Page page(screen(80, 24));
  EXPECT_EQ(written(page.bar(0, 4, Style::good), 0, false), "....");
  EXPECT_EQ(written(page.bar(0.5, 4, Style::good), 0, false), "##..");
  EXPECT_EQ(written(page.bar(7, 4, Style::good), 0, false), "####");
  EXPECT_EQ(written(page.bar(-1, 4, Style::good), 0, false), "....");
  EXPECT_EQ(written(page.bar(std::nan(""), 4, Style::good), 0, false), "....");
}

TEST(Page, GridFlowsIntoTheWidth) {
  const auto grid = [](std::size_t width) {
    Page page(screen(width, 24));
    std::vector<Line> cells;
    for (const auto* text : {"one", "two", "three"}) cells.push_back(page.line().add(text));
    page.grid(Rank::always, "  each", cells);
    return page.text();
  };
  EXPECT_EQ(grid(29), "  each    one    two    three\n");
  EXPECT_EQ(grid(28), "  each    one    two\n          three\n");
  EXPECT_EQ(grid(0), "  each    one  two  three\n");
  EXPECT_EQ(grid(3), "  e\n   \n   \n");
}

TEST(Page, DropsByRankThenFromTheBottom) {
  const auto text = [](std::size_t height) {
    Page page(screen(80, height));
    page.put(Rank::always, page.line().add("first"));
    page.blank();
    page.put(Rank::each_cpu, page.line().add("cpu"));
    page.put(Rank::tcp_states, page.line().add("tcp"));
    page.put(Rank::always, page.line().add("last"));
    return page.text();
  };
  EXPECT_EQ(text(0), "first\n\ncpu\ntcp\nlast\n");
  EXPECT_EQ(text(5), "first\n\ncpu\ntcp\nlast\n");
  EXPECT_EQ(text(4), "first\ncpu\ntcp\nlast\n");
  EXPECT_EQ(text(3), "first\ntcp\nlast\n");
  EXPECT_EQ(text(2), "first\nlast\n");
  EXPECT_EQ(text(1), "first\n");
}

}  // namespace
}  // namespace sentinel::top
