#include "rules/template.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/config/suggest.hpp"
#include "rules/humanize.hpp"
#include "rules/scanner.hpp"

namespace sentinel::rules {

using Piece = Template::Piece;
using Format = Template::Piece::Format;

namespace {

using config::quote;

constexpr std::size_t most_pieces = 256;
constexpr std::size_t longest_output_bytes = 4U << 10U;

const std::vector<std::pair<std::string, Format>>& formats() {
  static const std::vector<std::pair<std::string, Format>> all = {{"humanize", Format::humanize},
                                                                  {"humanize1024", Format::humanize1024},
                                                                  {"humanizePercentage", Format::percentage},
                                                                  {"humanizeDuration", Format::duration},
                                                                  {"printf", Format::printf}};
  return all;
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const auto& [name, format] : formats()) names.push_back(name);
  return names;
}

std::string format(const Piece& piece, double value) {
  switch (piece.format) {
    case Format::plain:
      return format_go(value);
    case Format::humanize:
      return humanize(value);
    case Format::humanize1024:
      return humanize_1024(value);
    case Format::percentage:
      return humanize_percentage(value);
    case Format::duration:
      return humanize_duration(value);
    case Format::printf:
      return format_printf(piece.pattern, value);
  }
  return {};
}

/// A label is text: what shows numbers leaves it alone unless it is one.
std::string format_label(const Piece& piece, std::string_view text) {
  if (piece.format == Format::plain) return std::string(text);
  const auto number = parse_go_number(text);
  return number ? format(piece, *number) : std::string(text);
}

/// Cuts at the beginning of a character.
void cut(std::string& text, std::size_t most) {
  if (text.size() <= most) return;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  text.resize(most);
}

}  // namespace

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : text_(text) {}

  Parsed<Template> parse() {
    if (!read()) return {{}, mistake_};
    return {std::move(template_), {}};
  }

 private:
  bool read() {
    if (text_.size() > longest_expression_bytes) return fail(0, "is longer than 8 KiB");
    std::size_t at = 0;
    while (at < text_.size()) {
      const auto open = std::min(text_.find("{{", at), text_.size());
      add_text(text_.substr(at, open - at));
      if (open == text_.size()) return true;
      const auto end = read_action(open);
      if (!end) return false;
      at = *end;
      if (template_.pieces_.size() > most_pieces) return fail(open, "is one {{ }} too many; 128 may stand in a text");
    }
    return true;
  }

  /// What stands between {{ and }}; the offset after it.
  std::optional<std::size_t> read_action(std::size_t open) {
    Scanner scanner(text_.substr(open + 2));
    const std::size_t base = open + 2;
    const auto refuse = [&](std::size_t offset, std::string message) -> std::optional<std::size_t> {
      fail(base + offset, std::move(message));
      return std::nullopt;
    };
    if (text_.find("}}", base) == std::string_view::npos) {
      fail(open, "the }} of this {{ is missing");
      return std::nullopt;
    }
    if (scanner.peek() == '-') return refuse(0, "{{- trims in Prometheus and is not read here; write {{");
    scanner.skip_space();
    Piece piece;
    if (scanner.peek() == '"' || scanner.peek() == '`') {
      const auto literal = scanner.take_string();
      if (!literal) return refuse(scanner.mistake()->offset, scanner.mistake()->message);
      add_text(*literal);
    } else {
      if (!read_subject(scanner, base, piece)) return std::nullopt;
      scanner.skip_space();
      if (scanner.take("|") && !read_format(scanner, base, piece)) return std::nullopt;
      template_.pieces_.push_back(std::move(piece));
    }
    scanner.skip_space();
    if (scanner.peek() == '|') return refuse(scanner.offset(), "a second | cannot stand here; one format is read");
    if (scanner.rest().starts_with("-}}")) return refuse(scanner.offset(), "-}} trims in Prometheus; write }}");
    if (!scanner.take("}}")) {
      return refuse(scanner.offset(), scanner.describe_next() + " cannot stand here; write | and a format, or }}");
    }
    return base + scanner.offset();
  }

  bool read_subject(Scanner& scanner, std::size_t base, Piece& piece) {
    const std::size_t begin = scanner.offset();
    scanner.take("$");
    const std::string word(scanner.take_name());
    if (word == "value") {
      piece.kind = Piece::Kind::value;
      return true;
    }
    if (word == "labels") {
      piece.kind = Piece::Kind::label;
      const std::size_t dot = scanner.offset();
      if (scanner.take(".")) piece.text = scanner.take_name();
      return !piece.text.empty() || fail(base + dot, "a label's name is missing here, as in {{ labels.pid }}");
    }
    for (const std::string_view control : {"if", "else", "end", "range", "with", "define", "template", "query"}) {
      if (word == control) {
        return fail(base + begin, quote(word) +
                                      " is Prometheus' and not read here; a text shows {{ value }} and "
                                      "{{ labels.NAME }}");
      }
    }
    const std::string what = word.empty() ? scanner.describe_next() : quote(word);
    return fail(base + begin, what + " is nothing that a text can show" +
                                  config::did_you_mean(word, {"value", "labels"}) +
                                  "; write {{ value }} or {{ labels.NAME }}");
  }

  bool read_format(Scanner& scanner, std::size_t base, Piece& piece) {
    scanner.skip_space();
    const std::size_t begin = scanner.offset();
    const std::string word(scanner.take_name());
    const auto& all = formats();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == word; });
    if (found == all.end()) {
      return fail(base + begin, (word.empty() ? scanner.describe_next() : quote(word)) + " is none of " +
                                    config::join_names(format_names()) + config::did_you_mean(word, format_names()));
    }
    piece.format = found->second;
    if (piece.format != Format::printf) return true;
    scanner.skip_space();
    const std::size_t pattern_begin = scanner.offset();
    auto pattern = scanner.take_string();
    if (!pattern) return fail(base + scanner.mistake()->offset, scanner.mistake()->message);
    if (const auto checked = check_printf(*pattern); !checked) {
      return fail(base + pattern_begin, checked.error().message);
    }
    if (piece.kind == Piece::Kind::label) {
      return fail(base + begin, "printf shows a number, and a label is text; leave it out");
    }
    piece.pattern = std::move(*pattern);
    return true;
  }

  void add_text(std::string_view text) {
    if (text.empty()) return;
    auto& pieces = template_.pieces_;
    if (pieces.empty() || pieces.back().kind != Piece::Kind::text) pieces.emplace_back();
    pieces.back().text += text;
  }

  bool fail(std::size_t offset, std::string message) {
    mistake_ = Mistake{offset, std::move(message)};
    return false;
  }

  std::string_view text_;
  Template template_;
  std::optional<Mistake> mistake_;
};

std::string Template::render(double value, const std::function<std::string_view(std::string_view)>& label) const {
  std::string out;
  for (const auto& piece : pieces_) {
    switch (piece.kind) {
      case Piece::Kind::text:
        out += piece.text;
        break;
      case Piece::Kind::value:
        out += format(piece, value);
        break;
      case Piece::Kind::label:
        out += format_label(piece, label(piece.text));
        break;
    }
    if (out.size() > longest_output_bytes) break;
  }
  cut(out, longest_output_bytes);
  return out;
}

Parsed<Template> parse_template(std::string_view text) {
  return TemplateParser(text).parse();
}

std::string to_prometheus(const Template& text) {
  std::string out;
  for (const auto& piece : text.pieces()) {
    if (piece.kind == Piece::Kind::text) {
      // Braces of the text itself must not begin an action.
      for (std::size_t i = 0; i < piece.text.size(); ++i) {
        const bool opens = piece.text[i] == '{' && (i + 1 == piece.text.size() || piece.text[i + 1] == '{');
        out += opens ? std::string(R"({{ "{" }})") : std::string(1, piece.text[i]);
      }
      continue;
    }
    out += piece.kind == Piece::Kind::value ? "{{ $value" : "{{ $labels." + piece.text;
    for (const auto& [name, format] : formats()) {
      if (format == piece.format) out += " | " + name;
    }
    if (piece.format == Format::printf) out += ' ' + quote_string(piece.pattern);
    out += " }}";
  }
  return out;
}

}  // namespace sentinel::rules
