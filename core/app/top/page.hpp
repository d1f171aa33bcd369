#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sentinel::top {

/// What a picture is made for.
struct Screen {
  std::size_t width = 0;   ///< columns; 0: plain lines, where nothing is cut, aligned or drawn as a bar
  std::size_t height = 0;  ///< rows; 0: as many as it takes
  bool colour = false;     ///< SGR escape codes (ECMA-48)
  bool unicode = false;    ///< else ASCII alone
  std::string hint;        ///< stands at the right of the first line where there is room
};

enum class Style : std::uint8_t { plain, title, dim, good, warning, bad };

/// What goes when a screen is too low for everything: the last first, each as a whole; `always` stays.
enum class Rank : std::uint8_t {
  always,
  zombie_parents,
  process_states,
  tcp_states,
  pressure,
  cpu_modes,
  each_cpu,
  memory_detail,
  blank
};

/// One line of styled text. All text passes printable(), so nothing that a process called itself reaches the terminal
/// as a control.
class Line {
 public:
  explicit Line(const Screen& screen) : unicode_(screen.unicode) {}

  Line& add(std::string_view text, Style style = Style::plain);
  Line& add(const Line& other);
  /// Spaces up to this column; at least none.
  Line& pad_to(std::size_t column);

  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }

  /// Appends the text, cut to `width` columns (0: not cut), without a newline.
  void write(std::string& out, std::size_t width, bool colour) const;

 private:
  struct Piece {
    std::string text;
    Style style;
  };
  std::vector<Piece> pieces_;
  std::size_t columns_ = 0;
  bool unicode_;
};

/// A picture: titles in a gutter at the left, content beside it.
class Page {
 public:
  static constexpr std::size_t gutter = 10;

  explicit Page(const Screen& screen) : screen_(screen) {}

  [[nodiscard]] const Screen& screen() const noexcept { return screen_; }
  [[nodiscard]] bool is_plain() const noexcept { return screen_.width == 0; }
  /// Columns beside the gutter.
  [[nodiscard]] std::size_t content_width() const noexcept;
  /// Stands between facts of one line.
  [[nodiscard]] std::string_view separator() const noexcept { return screen_.unicode ? " · " : ", "; }

  [[nodiscard]] Line line() const { return Line(screen_); }
  /// A line that begins with its title in the gutter.
  [[nodiscard]] Line titled(std::string_view title, Style style = Style::title) const;
  /// A bar of this many columns, `ratio` of it filled; ratios beyond 0 to 1 are clipped.
  [[nodiscard]] Line bar(double ratio, std::size_t width, Style style) const;

  void put(Rank rank, Line line);
  /// An empty line between sections; none in plain lines, where an empty line ends a block.
  void blank();
  /// Cells of equal width, in as few rows as hold them, evenly; plain lines have one row. `caption` stands in the
  /// gutter.
  void grid(Rank rank, std::string_view caption, const std::vector<Line>& cells);
  /// How many cells of this width fit into a row, at least one.
  [[nodiscard]] std::size_t cells_per_row(std::size_t cell_width) const noexcept;

  /// The lines with a newline after each, no more and no wider than the screen.
  [[nodiscard]] std::string text() const;

 private:
  struct Row {
    Rank rank;
    Line line;
  };
  Screen screen_;
  std::vector<Row> rows_;
};

}  // namespace sentinel::top
