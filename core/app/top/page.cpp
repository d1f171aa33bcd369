#include "core/app/top/page.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/app/top/text.hpp"

namespace sentinel::top {
namespace {

constexpr std::size_t cell_gap = 2;

std::string_view escape(Style style) {
  switch (style) {
    case Style::title:
      return "\x1b[1m";
    case Style::dim:
      return "\x1b[2m";
    case Style::good:
      return "\x1b[32m";
    case Style::warning:
      return "\x1b[33m";
    case Style::bad:
      return "\x1b[1;31m";
    case Style::plain:
      break;
  }
  return {};
}

}  // namespace

Line& Line::add(std::string_view text, Style style) {
  if (text.empty()) return *this;
  pieces_.push_back({printable(text, unicode_), style});
  columns_ += top::columns(pieces_.back().text);
  return *this;
}

Line& Line::add(const Line& other) {
  pieces_.insert(pieces_.end(), other.pieces_.begin(), other.pieces_.end());
  columns_ += other.columns_;
  return *this;
}

Line& Line::pad_to(std::size_t column) {
  if (column > columns_) add(std::string(column - columns_, ' '));
  return *this;
}

void Line::write(std::string& out, std::size_t width, bool colour) const {
  std::size_t used = 0;
  for (const auto& piece : pieces_) {
    std::string_view text = piece.text;
    if (width != 0) text = fit(text, width - used);
    const std::string_view begin = colour ? escape(piece.style) : std::string_view();
    out.append(begin).append(text).append(begin.empty() ? "" : "\x1b[0m");
    used += top::columns(text);
    if (text.size() < piece.text.size()) return;
  }
}

std::size_t Page::content_width() const noexcept {
  return screen_.width > gutter ? screen_.width - gutter : 0;
}

Line Page::titled(std::string_view title, Style style) const {
  Line result = line();
  result.add(title, style).pad_to(gutter);
  return result;
}

Line Page::bar(double ratio, std::size_t width, Style style) const {
  const double share = std::isfinite(ratio) ? std::clamp(ratio, 0.0, 1.0) : 0.0;
  const auto filled = static_cast<std::size_t>(std::lround(share * static_cast<double>(width)));
  const auto repeat = [](std::string_view glyph, std::size_t times) {
    std::string text;
    while (times-- > 0) text += glyph;
    return text;
  };
  Line result = line();
  result.add(repeat(screen_.unicode ? "█" : "#", filled), style);
  result.add(repeat(screen_.unicode ? "░" : ".", width - filled), Style::dim);
  return result;
}

void Page::put(Rank rank, Line line) {
  rows_.push_back({rank, std::move(line)});
}

void Page::blank() {
  if (!is_plain()) put(Rank::blank, line());
}

void Page::grid(Rank rank, std::string_view caption, const std::vector<Line>& cells) {
  std::size_t cell_width = 0;
  if (!is_plain()) {
    for (const auto& cell : cells) cell_width = std::max(cell_width, cell.columns());
  }
  const std::size_t most = is_plain() ? std::max<std::size_t>(cells.size(), 1) : cells_per_row(cell_width);
  const std::size_t rows = (cells.size() + most - 1) / most;
  const std::size_t per_row = rows == 0 ? 1 : (cells.size() + rows - 1) / rows;
  for (std::size_t first = 0; first < cells.size(); first += per_row) {
    Line row = titled(first == 0 ? caption : "", Style::dim);
    const std::size_t last = std::min(first + per_row, cells.size());
    for (std::size_t i = first; i < last; ++i) {
      row.add(cells[i]);
      if (i + 1 < last) row.add(std::string(cell_gap + (is_plain() ? 0 : cell_width - cells[i].columns()), ' '));
    }
    put(rank, std::move(row));
  }
}

std::size_t Page::cells_per_row(std::size_t cell_width) const noexcept {
  return std::max<std::size_t>((content_width() + cell_gap) / (cell_width + cell_gap), 1);
}

std::string Page::text() const {
  const auto count_up_to = [&](Rank rank) {
    return static_cast<std::size_t>(
        std::count_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.rank <= rank; }));
  };
  const std::size_t height = screen_.height == 0 ? rows_.size() : screen_.height;
  Rank highest = Rank::blank;
  while (highest != Rank::always && count_up_to(highest) > height) {
    highest = static_cast<Rank>(static_cast<std::uint8_t>(highest) - 1);
  }
  std::string out;
  std::size_t written = 0;
  for (const auto& row : rows_) {
    if (row.rank > highest) continue;
    if (written++ == height) break;
    row.line.write(out, screen_.width, screen_.colour);
    out += '\n';
  }
  return out;
}

}  // namespace sentinel::top
