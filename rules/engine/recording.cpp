#include "rules/engine/recording.hpp"

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rules/engine/field.hpp"
#include "rules/engine/recording_format.hpp"

namespace sentinel::rules {
namespace {

Error cannot(const char* what, const std::string& path) {
  const int code = errno;
  const Errc errc = code == ENOENT ? Errc::not_found : code == EACCES ? Errc::permission : Errc::failed;
  return {errc,
          std::string("cannot ") + what + " the recording '" + path + "': " + std::generic_category().message(code)};
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

}  // namespace

struct Recorder::State {
  std::string path;
  Engine* engine = nullptr;
  File file;
  std::uint64_t left = 0;
  bool full = false;
  bool failed = false;
  std::map<std::pair<std::string, std::uint32_t>, std::uint32_t> metrics;   // by instance and id
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> series;  // by metric's number and handle
  FrameWriter frame;

  void write(std::string_view bytes) {
    if (full || failed) return;
    if (bytes.size() > left) {
      full = true;
    } else if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size()) {
      failed = true;
    }
    left -= std::min<std::uint64_t>(left, bytes.size());
  }

  std::uint32_t metric_number(const sentinel_delivery& batch, const sentinel_record& record,
                              const sentinel_metric& of) {
    const auto next = static_cast<std::uint32_t>(metrics.size());
    const auto [found, added] = metrics.try_emplace({std::string(text_of(batch.instance)), record.metric}, next);
    if (added) {
      frame.begin(FrameType::metric);
      frame.u8(static_cast<std::uint8_t>(of.kind));
      frame.text(text_of(of.name));
      frame.text(text_of(of.unit));
      frame.u32(of.label_count);
      for (std::uint32_t i = 0; i < of.label_count; ++i) frame.text(text_of(of.label_keys[i]));
      write(frame.end());
    }
    return found->second;
  }

  std::uint32_t series_number(const sentinel_delivery& batch, const sentinel_record& record, std::uint32_t metric,
                              const sentinel_metric& of) {
    const auto next = static_cast<std::uint32_t>(series.size());
    const auto [found, added] = series.try_emplace({metric, record.series}, next);
    if (added) {
      frame.begin(FrameType::series);
      frame.u32(metric);
      const sentinel_string* labels = batch.labels(&batch, &record);
      for (std::uint32_t i = 0; i < of.label_count; ++i) frame.text(text_of(labels[i]));
      write(frame.end());
    }
    return found->second;
  }
};

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::create(const std::string& path, Engine& engine, std::uint64_t limit) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->engine = &engine;
  state->left = limit;
  state->file.reset(std::fopen(path.c_str(), "wbe"));
  if (!state->file) return cannot("create", path);
  state->write(recording_magic);
  return Recorder(std::move(state));
}

void Recorder::consume(const sentinel_delivery& batch, std::uint64_t tick_ns, std::uint64_t every_ns, Output& out) {
  struct Numbers {
    std::uint32_t metric;
    std::uint32_t series;
    const sentinel_metric* of;
  };
  std::vector<Numbers> numbers;
  const auto* first = reinterpret_cast<const char*>(batch.records);
  const auto at = [&](std::uint64_t i) -> const sentinel_record& {
    return *reinterpret_cast<const sentinel_record*>(first + i * batch.records->size);
  };
  // What is new is declared before the collection that holds it.
  for (std::uint64_t i = 0; i < batch.count && !state_->full; ++i) {
    const sentinel_metric& metric = *batch.metric(&batch, &at(i));
    const auto number = state_->metric_number(batch, at(i), metric);
    const bool event = metric.kind == SENTINEL_EVENT;
    numbers.push_back({number, event ? 0 : state_->series_number(batch, at(i), number, metric), &metric});
  }
  FrameWriter& frame = state_->frame;
  frame.begin(FrameType::collection);
  frame.text(text_of(batch.instance));
  frame.u64(tick_ns);
  frame.u64(every_ns);
  frame.u32(static_cast<std::uint32_t>(numbers.size()));
  for (std::uint64_t i = 0; i < numbers.size(); ++i) {
    const sentinel_record& record = at(i);
    frame.u32(numbers[i].metric);
    if (numbers[i].of->kind == SENTINEL_EVENT) {
      frame.event(record, batch.labels(&batch, &record), numbers[i].of->label_count);
    } else {
      frame.u32(numbers[i].series);
      frame.u64(record.time_ns);
      frame.f64(record.value);
    }
  }
  state_->write(frame.end());
  state_->engine->consume(batch, tick_ns, every_ns, out);
}

void Recorder::lost(std::string_view instance, std::uint64_t count, std::uint64_t time_ns, std::uint64_t spread_ns) {
  FrameWriter& frame = state_->frame;
  frame.begin(FrameType::lost);
  frame.text(instance);
  frame.u64(count);
  frame.u64(time_ns);
  frame.u64(spread_ns);
  state_->write(frame.end());
  state_->engine->lost(instance, count, time_ns, spread_ns);
}

void Recorder::advance(Moment now, Output& out) {
  FrameWriter& frame = state_->frame;
  frame.begin(FrameType::advance);
  frame.u64(now.boottime_ns);
  frame.u64(std::bit_cast<std::uint64_t>(now.unix_ns));
  state_->write(frame.end());
  state_->engine->advance(now, out);
}

Result<void> Recorder::finish() {
  if (std::fclose(state_->file.release()) != 0) state_->failed = true;
  if (state_->failed) return cannot("write", state_->path);
  if (state_->full) {
    return Error{Errc::exhausted,
                 "the recording '" + state_->path + "' reached its limit of bytes: what came after is not in it"};
  }
  return {};
}

Result<Replayed> replay(const std::string& path, Engine& engine, Output& out) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) return cannot("open", path);
  constexpr std::size_t most_bytes = 1ULL << 30;
  std::string bytes;
  std::vector<char> buffer(1U << 16);
  while (const std::size_t read = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    bytes.append(buffer.data(), read);
    if (bytes.size() > most_bytes) {
      return Error{Errc::invalid_argument, "the recording '" + path + "' is larger than 1 GiB"};
    }
  }
  if (std::ferror(file.get()) != 0) return cannot("read", path);
  auto replayed = replay_bytes(bytes, engine, out);
  if (!replayed) return replayed.error().in(path);
  return replayed;
}

}  // namespace sentinel::rules
