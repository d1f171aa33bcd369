#include "core/config/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "core/config/suggest.hpp"

namespace sentinel::config {

namespace {

constexpr std::size_t deepest_level = 32;
constexpr std::size_t most_values = 50'000;
constexpr std::size_t most_text_bytes = 8U << 20U;

/// Ends the parse from inside a handler.
struct Refusal {
  Where where;
  std::string message;
};

/// A list or map that is still open.
struct Frame {
  Value value;
  YAML::anchor_t anchor = 0;
  std::unordered_map<std::string, Place> seen;  ///< the keys so far
  std::optional<Key> key;                       ///< of a map: the one whose value comes next
  bool keep = true;                             ///< whether that value is kept
};

/// Builds the tree from yaml-cpp's events. Its own node tree would lose duplicate keys, and doubles as it copies.
class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view text, std::string file, std::vector<Diagnostic>& diagnostics)
      : text_(text), file_(std::move(file)), diagnostics_(diagnostics) {}

  [[nodiscard]] Value take_root() { return std::move(root_); }

  /// Throws a Refusal when the last quoted text has no end: yaml-cpp 0.7 then takes the rest of the file for it.
  void require_closed_quote() const {
    if (last_quoted_.is_null()) return;
    const auto rest = from(last_quoted_);
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return;
    const char quote_mark = rest.front();
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '\\' && quote_mark == '"') {
        ++i;
      } else if (rest[i] == quote_mark) {
        if (quote_mark == '"' || i + 1 == rest.size() || rest[i + 1] != quote_mark) return;
        ++i;
      }
    }
    throw Refusal{place(last_quoted_), std::string("this is no YAML: the closing ") + quote_mark + " is missing"};
  }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Value value;
    value.where = place(mark);
    finish(std::move(value), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refusal{place(mark), "this alias refers to the value that it is part of"};
    count(found->second, place(mark));
    Value value = found->second;
    value.where = place(mark);
    value.source = {};
    place_value(std::move(value));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Value value;
    value.kind = Value::Kind::scalar;
    value.text = text;
    value.quoted = tag != "?";
    if (value.quoted) last_quoted_ = mark;
    value.where = place(mark);
    value.source = source(mark, text);
    check_tag(tag, value.where);
    finish(std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  /// The file from a scalar on, past an anchor or a tag before it.
  [[nodiscard]] std::string_view from(const YAML::Mark& mark) const {
    auto rest = text_.substr(std::min(static_cast<std::size_t>(mark.pos), text_.size()));
    while (!rest.empty() && (rest.front() == '&' || rest.front() == '!')) {
      rest.remove_prefix(std::min(rest.find_first_of(" \t\r\n"), rest.size()));
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    }
    return rest;
  }

  [[nodiscard]] SourceColumn source(const YAML::Mark& mark, std::string_view text) const {
    if (text.find('\n') != std::string_view::npos) return {};
    auto rest = from(mark);
    const auto begin = std::min(static_cast<std::size_t>(mark.pos), text_.size());
    const auto before = text_.substr(begin, text_.size() - rest.size() - begin);
    if (before.find('\n') != std::string_view::npos) return {};
    auto skipped = static_cast<int>(before.size());
    if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) {
      const char mark_of_end = rest.front();
      rest.remove_prefix(1);
      ++skipped;
      if (rest.size() <= text.size() || rest[text.size()] != mark_of_end) return {};
    }
    if (!rest.starts_with(text)) return {};
    return {mark.column + 1 + skipped};
  }

  [[nodiscard]] Place place(const YAML::Mark& mark) const { return {{file_, mark.line + 1, mark.column + 1}}; }

  void check_tag(const std::string& tag, const Where& where) {
    if (tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:str") return;
    add_error(diagnostics_, where, "tags such as " + quote(tag) + " are not read; leave it out");
  }

  void open(Value::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (frames_.size() == deepest_level) throw Refusal{place(mark), "more than 32 levels of lists and maps"};
    Frame frame;
    frame.value.kind = kind;
    frame.value.where = place(mark);
    frame.anchor = anchor;
    check_tag(tag, frame.value.where);
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    finish(std::move(frame.value), frame.anchor);
  }

  /// A value is whole. Its parts were counted when they were.
  void finish(Value value, YAML::anchor_t anchor) {
    count_one(value, value.where);
    if (anchor != 0) {
      // The copy that aliases are made of.
      count(value, value.where);
      anchors_[anchor] = value;
    }
    place_value(std::move(value));
  }

  void place_value(Value value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.kind == Value::Kind::list) {
      frame.value.items.push_back(std::move(value));
    } else if (!frame.key) {
      begin_entry(frame, value);
    } else {
      // yaml-cpp places a value that is not there at the next token.
      if (value.kind == Value::Kind::null) value.where = frame.key->where;
      if (frame.keep) {
        frame.value.keys.push_back(std::move(*frame.key));
        frame.value.items.push_back(std::move(value));
      }
      frame.key.reset();
    }
  }

  void begin_entry(Frame& frame, const Value& key) {
    frame.key = Key{key.text, key.where};
    frame.keep = false;
    if (key.kind != Value::Kind::scalar) {
      add_error(diagnostics_, key.where, "a key must be text, not " + describe(key));
    } else if (key.text == "<<" && !key.quoted) {
      add_error(diagnostics_, key.where, "merge keys (<<) are not read: write the keys themselves");
    } else {
      const auto [first, is_new] = frame.seen.emplace(key.text, key.where);
      frame.keep = is_new;
      if (!is_new) {
        add_error(diagnostics_, key.where,
                  "key " + quote(key.text) + " stands here twice, first in line " + std::to_string(first->second.line));
      }
    }
  }

  void count_one(const Value& value, const Where& where) {
    text_bytes_ += value.text.size();
    if (++values_ > most_values)
      throw Refusal{where, "more than 50,000 values, aliases counted as what they stand for"};
    if (text_bytes_ > most_text_bytes)
      throw Refusal{where, "more than 8 MiB of text, aliases counted as what they stand for"};
  }

  void count(const Value& value, const Where& where) {
    count_one(value, where);
    for (const auto& key : value.keys) text_bytes_ += key.name.size();
    for (const auto& item : value.items) count(item, where);
  }

  std::string_view text_;
  std::string file_;
  std::vector<Diagnostic>& diagnostics_;
  Value root_;
  YAML::Mark last_quoted_ = YAML::Mark::null_mark();
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Value> anchors_;
  std::size_t values_ = 0;
  std::size_t text_bytes_ = 0;
};

/// The cause that is not seen at once: a plain text inside braces ends at the } of its ${NAME}, and > begins a block.
std::string hint(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  text = text.substr(0, text.find('\n'));
  if (text.find(": >") != std::string_view::npos) return "; put a text that begins with > in quotes";
  if (text.find("${") == std::string_view::npos) return {};
  return "; inside { } and [ ] put a text with ${NAME} in quotes";
}

}  // namespace

std::optional<Value> parse_yaml(std::string_view text, const std::string& file, std::vector<Diagnostic>& diagnostics) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder first(text, file, diagnostics);
    if (!parser.HandleNextDocument(first)) {
      Value nothing;
      nothing.where = {{file, 1, 1}};
      return nothing;
    }
    first.require_closed_quote();
    std::vector<Diagnostic> of_the_second;
    Builder second(text, file, of_the_second);
    if (parser.HandleNextDocument(second)) {
      add_error(diagnostics, second.take_root().where, "a second YAML document begins here; a file holds one");
    }
    return first.take_root();
  } catch (const Refusal& refusal) {
    add_error(diagnostics, refusal.where, refusal.message);
  } catch (const YAML::Exception& error) {
    const Where where = error.mark.is_null() ? Where{file} : Where{file, error.mark.line + 1, error.mark.column + 1};
    add_error(diagnostics, where, "this is no YAML: " + printable(error.msg, 200) + hint(text, where.line));
  }
  return std::nullopt;
}

}  // namespace sentinel::config
