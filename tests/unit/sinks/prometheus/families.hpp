#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sentinel/sink.hpp>

/// Series as plain values, for tests and benchmarks that have no store.
struct SeriesData {
  std::vector<std::string> labels = {};
  double value = 0;
  std::vector<std::uint64_t> buckets = {};
};

struct FamilyData {
  std::string name;
  std::string help;
  sentinel_metric_kind kind = SENTINEL_GAUGE;
  std::vector<std::string> label_keys = {};
  std::vector<double> bounds = {};
  std::vector<SeriesData> series = {};
};

/// The families as a sink sees them. Refers to `data`, which must outlive it and stay as it is.
class Families {
 public:
  explicit Families(const std::vector<FamilyData>& data) {
    // Filled before anything points into them, so that no pointer is left behind by growth.
    std::size_t text_count = 0;
    std::size_t series_count = 0;
    for (const auto& family : data) {
      text_count += family.label_keys.size() * (family.series.size() + 1);
      series_count += family.series.size();
    }
    texts_.reserve(text_count);
    series_.reserve(series_count);
    families_.reserve(data.size());
    for (const auto& family : data) add(family);
  }
  Families(const Families&) = delete;
  Families& operator=(const Families&) = delete;

  [[nodiscard]] sentinel::SeriesView view() const { return {families_.data(), families_.size()}; }

 private:
  const sentinel_string* add(const std::vector<std::string>& texts) {
    const auto* first = texts_.data() + texts_.size();
    for (const auto& text : texts) texts_.push_back(sentinel::to_abi(text));
    return first;
  }

  void add(const FamilyData& family) {
    const auto* keys = add(family.label_keys);
    const auto* first = series_.data() + series_.size();
    for (const auto& series : family.series) {
      series_.push_back({sizeof(sentinel_series), static_cast<std::uint32_t>(series.buckets.size()), add(series.labels),
                         1, series.value, series.buckets.data()});
    }
    families_.push_back({sizeof(sentinel_family),
                         static_cast<std::uint32_t>(family.kind),
                         sentinel::to_abi(family.name),
                         sentinel::to_abi(family.help),
                         {},
                         {},
                         keys,
                         family.bounds.data(),
                         first,
                         family.series.size(),
                         static_cast<std::uint32_t>(family.label_keys.size()),
                         static_cast<std::uint32_t>(family.bounds.size())});
  }

  std::vector<sentinel_string> texts_;
  std::vector<sentinel_series> series_;
  std::vector<sentinel_family> families_;
};

/// Keeps what is written, up to a limit at which it takes no more.
class TextWriter {
 public:
  explicit TextWriter(std::size_t limit = SIZE_MAX) : limit_(limit) {}
  TextWriter(const TextWriter&) = delete;
  TextWriter& operator=(const TextWriter&) = delete;

  [[nodiscard]] sentinel::Writer writer() { return sentinel::Writer(&abi_); }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] int calls() const { return calls_; }
  void clear() { text_.clear(); }

 private:
  static int32_t write(sentinel_writer* self, const char* data, uint64_t size) {
    auto& writer = *static_cast<TextWriter*>(self->context);
    ++writer.calls_;
    if (writer.text_.size() + size > writer.limit_) return SENTINEL_EXHAUSTED;
    writer.text_.append(data, size);
    return SENTINEL_OK;
  }

  std::string text_;
  std::size_t limit_;
  int calls_ = 0;
  sentinel_writer abi_{sizeof(sentinel_writer), 0, this, &write};
};
