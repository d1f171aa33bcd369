#include <bit>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "rules/engine/field.hpp"
#include "rules/engine/recording.hpp"
#include "rules/engine/recording_format.hpp"

namespace sentinel::rules {
namespace {

constexpr std::uint32_t most_label_keys = 64;
constexpr std::uint32_t most_frames = 256;
constexpr std::size_t most_metrics = 10'000;
constexpr std::size_t most_instances = 1'000;

sentinel_string abi(std::string_view text) {
  return {text.data(), text.size()};
}

/// A host for an Engine, whose collections come out of a recording. All text lies in the recording's bytes.
class Player {
 public:
  /// `version` is the recording's.
  Player(Engine& engine, Output& out, int version) : engine_(engine), out_(out), version_(version) {}

  void play(FrameType type, FrameReader& in) {
    switch (type) {
      case FrameType::metric:
        return metric(in);
      case FrameType::series:
        return series(in);
      case FrameType::collection:
        return collection(in);
      case FrameType::lost:
        return lost(in);
      case FrameType::advance:
        return advance(in);
    }
    in.fail();
  }
  [[nodiscard]] const Replayed& replayed() const { return replayed_; }

 private:
  struct Metric {
    sentinel_metric abi;
    std::vector<sentinel_string> keys;
  };
  struct Series {
    std::uint32_t metric;
    std::vector<sentinel_string> values;
  };
  struct Event {
    sentinel_context context;
    std::vector<std::uint64_t> stack;
    std::vector<sentinel_string> labels;
    std::vector<sentinel_string> symbols;
  };

  static std::vector<sentinel_string> texts(FrameReader& in, std::uint32_t count) {
    std::vector<sentinel_string> texts;
    for (std::uint32_t i = 0; i < count; ++i) texts.push_back(abi(in.text()));
    return texts;
  }

  void metric(FrameReader& in) {
    Metric made{};
    const std::uint32_t kind = in.u8();
    const auto name = in.text();
    const auto unit = in.text();
    const std::uint32_t keys = in.count(4);
    if (kind < SENTINEL_GAUGE || kind > SENTINEL_EVENT || name.empty() || keys > most_label_keys ||
        metrics_.size() >= most_metrics) {
      in.fail();
    }
    made.keys = texts(in, in.ok() ? keys : 0);
    if (!in.ok()) return;
    made.abi = {sizeof(sentinel_metric), kind, abi(name), {}, abi(unit), nullptr, nullptr, keys, 0};
    metrics_.push_back(std::move(made));
    metrics_.back().abi.label_keys = metrics_.back().keys.data();
  }

  /// The name of the collector that comes next: the engine remembers each.
  std::string_view instance(FrameReader& in) {
    const auto name = in.text();
    if (instances_.size() >= most_instances && !instances_.contains(name)) in.fail();
    if (in.ok()) instances_.insert(name);
    return name;
  }

  /// The metric of the number that comes next.
  const Metric* known_metric(FrameReader& in, std::uint32_t& number) {
    number = in.u32();
    if (number >= metrics_.size()) in.fail();
    return in.ok() ? &metrics_[number] : nullptr;
  }

  void series(FrameReader& in) {
    std::uint32_t number = 0;
    const Metric* of = known_metric(in, number);
    if (of == nullptr || of->abi.kind == SENTINEL_EVENT) return in.fail();
    auto values = texts(in, of->abi.label_count);
    if (in.ok()) series_.push_back({number, std::move(values)});
  }

  void sample(FrameReader& in, std::uint32_t metric) {
    const std::uint32_t series = in.u32();
    if (!in.ok() || series >= series_.size() || series_[series].metric != metric) return in.fail();
    const std::uint64_t time_ns = in.u64();
    const double value = in.f64();
    records_.push_back(
        {sizeof(sentinel_record), metric, 1ULL << 32 | series, time_ns, value, 0, 0, nullptr, nullptr, 0, 0});
  }

  void event(FrameReader& in, std::uint32_t metric, const Metric& of) {
    Event& event = events_.emplace_back();
    sentinel_context& context = event.context;
    const std::uint64_t time_ns = in.u64();
    const double value = in.f64();
    context = {};
    context.size = sizeof(sentinel_context);
    context.pid = in.u32();
    context.tid = in.u32();
    context.ppid = in.u32();
    context.start_time_ns = in.u64();
    context.cgroup_id = in.u64();
    context.comm = abi(in.text());
    context.parent_comm = abi(in.text());
    context.container_id = abi(in.text());
    context.stack_count = in.count(8);
    if (context.stack_count > most_frames) return in.fail();
    for (std::uint32_t i = 0; i < context.stack_count; ++i) event.stack.push_back(in.u64());
    event.labels = texts(in, of.abi.label_count);
    context.stack = event.stack.data();
    context.labels = event.labels.data();
    context.label_count = of.abi.label_count;
    records_.push_back({sizeof(sentinel_record), metric, 0, time_ns, value, 0, 0, nullptr, &context, 0, 0});
    if (version_ > 1) rest_of(event, in);
  }

  /// What version 2 has of an event more than version 1; the event's record is the last one.
  void rest_of(Event& event, FrameReader& in) {
    sentinel_context& context = event.context;
    context.exe = abi(in.text());
    context.pod = abi(in.text());
    const std::uint32_t symbols = in.count(4);
    if (symbols != 0 && symbols != context.stack_count) return in.fail();
    event.symbols = texts(in, symbols);
    if (symbols != 0) context.symbols = event.symbols.data();
    sentinel_record& record = records_.back();
    record.count = in.u64();
    if (record.count == 0) return;
    record.flags = SENTINEL_RECORD_FOLDED;
    record.demand = in.u64();
  }

  void collection(FrameReader& in) {
    records_.clear();
    events_.clear();
    instance_ = abi(instance(in));
    const std::uint64_t tick_ns = in.u64();
    const std::uint64_t every_ns = in.u64();
    const std::uint32_t count = in.count(24);
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      std::uint32_t number = 0;
      const Metric* of = known_metric(in, number);
      if (of == nullptr) return;
      if (of->abi.kind == SENTINEL_EVENT) {
        event(in, number, *of);
      } else {
        sample(in, number);
      }
    }
    if (!in.ok() || !in.at_end()) return in.fail();
    replayed_.records += count;
    ++replayed_.collections;
    engine_.consume(delivery(), tick_ns, every_ns, out_);
  }

  void lost(FrameReader& in) {
    const auto name = instance(in);
    const std::uint64_t count = in.u64();
    const std::uint64_t time_ns = in.u64();
    const std::uint64_t spread_ns = version_ > 1 ? in.u64() : 1;
    if (in.ok()) engine_.lost(name, count, time_ns, spread_ns);
  }

  void advance(FrameReader& in) {
    const std::uint64_t boottime_ns = in.u64();
    const auto unix_ns = std::bit_cast<std::int64_t>(in.u64());
    if (!in.ok()) return;
    replayed_.end = {boottime_ns, unix_ns};
    engine_.advance(replayed_.end, out_);
  }

  [[nodiscard]] sentinel_delivery delivery() {
    const auto metric_of = [](const sentinel_delivery* self, const sentinel_record* record) {
      return static_cast<const sentinel_metric*>(&static_cast<Player*>(self->context)->metrics_[record->metric].abi);
    };
    const auto labels_of = [](const sentinel_delivery* self, const sentinel_record* record) {
      if (record->context != nullptr) return record->context->labels;
      const auto& series = static_cast<Player*>(self->context)->series_[record->series & 0xffffffffU];
      return static_cast<const sentinel_string*>(series.values.data());
    };
    return {sizeof(sentinel_delivery), 0, records_.data(), records_.size(), instance_, this, metric_of, labels_of};
  }

  Engine& engine_;
  Output& out_;
  const int version_;
  Replayed replayed_;
  std::deque<Metric> metrics_;
  std::vector<Series> series_;
  std::set<std::string_view> instances_;
  sentinel_string instance_{};
  std::vector<sentinel_record> records_;
  std::deque<Event> events_;
};

}  // namespace

Result<Replayed> replay_bytes(std::string_view bytes, Engine& engine, Output& out) {
  const bool first = bytes.starts_with(recording_magic_1);
  if (!first && !bytes.starts_with(recording_magic)) {
    return Error{Errc::invalid_argument, "this is no recording, or one of another version: it does not begin with " +
                                             std::string(recording_magic)};
  }
  Player player(engine, out, first ? 1 : 2);
  FrameReader file(bytes);
  file.take(recording_magic.size());
  while (!file.at_end()) {
    const std::size_t offset = file.offset();
    const auto type = static_cast<FrameType>(file.u8());
    const std::uint32_t size = file.u32();
    const std::size_t body_offset = file.offset();
    FrameReader body(file.take(size), body_offset);
    if (file.ok()) player.play(type, body);
    if (!file.ok() || !body.ok() || !body.at_end()) {
      const std::size_t at = file.ok() ? body.offset() : offset;
      return Error{Errc::invalid_argument, "the recording is malformed, or ends short, at byte " + std::to_string(at)};
    }
  }
  return player.replayed();
}

}  // namespace sentinel::rules
