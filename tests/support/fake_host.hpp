#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sentinel/abi.h>
#include <sentinel/config.hpp>
#include <sentinel/error.hpp>
#include <sentinel/metric.hpp>
#include <sentinel/result.hpp>

/// An agent in memory, against which a plugin class or a loaded plugin can be tested without one:
///
///   FakeHost host;
///   FakeConfig config;
///   config.path("procfs", fixtures + "/plain/proc");
///   sentinel::Host wrapped(host.raw());
///   ProcCpu collector(sentinel::Config(config.raw()), wrapped);
///   FakeBatch batch(host);
///   sentinel::Batch records(batch.raw());
///   ASSERT_TRUE(collector.collect(records));
///   EXPECT_EQ(batch.value("sentinel_loadavg{interval=\"load1\"}"), 0.5);
///
/// It records; it also refuses what the agent would (a metric declared twice, a wrong number of labels). One thread.
namespace sentinel::testing {

inline std::string owned(sentinel_string text) {
  return std::string(from_abi(text));
}

struct Declared {
  MetricKind kind = MetricKind::gauge;
  std::string name;
  std::string help;
  std::string unit;
  std::vector<std::string> label_keys;
  std::vector<double> bounds;
};

struct LogLine {
  int level = 0;  ///< sentinel_log_level
  std::string text;
};

struct Route {
  std::string path;
  std::string content_type;
};

class FakeHost {
 public:
  FakeHost()
      : host_{sizeof(sentinel_host), 0, this, &FakeHost::now, &FakeHost::declare_metric, &FakeHost::extension},
        log_{sizeof(sentinel_host_log), 0, &FakeHost::write_log},
        routes_{sizeof(sentinel_host_http_routes), 0, &FakeHost::add_render, &FakeHost::add_handler},
        agent_{sizeof(sentinel_host_agent), 0, &FakeHost::agent_labels, &FakeHost::unix_now},
        history_{sizeof(sentinel_host_history), 0, &FakeHost::read_history},
        delivery_{sizeof(sentinel_host_delivery), 0, &FakeHost::add_receiver, &FakeHost::submit} {}
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  [[nodiscard]] const sentinel_host* raw() const { return &host_; }

  /// The id of a declared metric is its place here plus 1.
  std::vector<Declared> declared;
  std::vector<LogLine> logs;
  std::vector<Route> routes;
  /// The handlers asked for: method and path.
  std::vector<std::pair<std::string, std::string>> handlers;
  /// The URLs of receivers; the id of one is its place here plus 1.
  std::vector<std::string> receivers;
  /// What was submitted: receiver and name of the alert.
  std::vector<std::pair<std::uint32_t, std::string>> submitted;
  /// What labels() answers; must not change while an instance lives.
  std::vector<sentinel_label> labels;
  /// What history() reads: each with its name as `metric`.
  std::vector<sentinel_track> tracks;
  /// What unix_time() answers.
  std::chrono::nanoseconds unix_time{std::chrono::hours(400'000)};
  /// What now() answers.
  std::chrono::nanoseconds time{std::chrono::hours(1)};
  /// Makes the next declarations and routes fail with it.
  std::optional<Error> refusal;
  /// Makes every extension absent, as an older agent does.
  bool no_extensions = false;

  [[nodiscard]] const Declared* find(std::string_view name) const {
    for (const auto& metric : declared) {
      if (metric.name == name) return &metric;
    }
    return nullptr;
  }
  [[nodiscard]] const Declared* by_id(std::uint32_t id) const {
    return id == 0 || id > declared.size() ? nullptr : &declared[id - 1];
  }

 private:
  static FakeHost& self(const sentinel_host* host) { return *static_cast<FakeHost*>(host->context); }

  static std::uint64_t now(const sentinel_host* host) { return static_cast<std::uint64_t>(self(host).time.count()); }

  static std::int32_t declare_metric(const sentinel_host* host, const sentinel_metric* metric, std::uint32_t* id,
                                     sentinel_error* error) {
    FakeHost& fake = self(host);
    if (fake.refusal) return detail::fill(error, fake.refusal->code, fake.refusal->message);
    Declared made{static_cast<MetricKind>(metric->kind),
                  owned(metric->name),
                  owned(metric->help),
                  owned(metric->unit),
                  {},
                  {metric->bounds, metric->bounds + metric->bound_count}};
    for (std::uint32_t i = 0; i < metric->label_count; ++i) made.label_keys.push_back(owned(metric->label_keys[i]));
    if (fake.find(made.name) != nullptr) {
      return detail::fill(error, Errc::invalid_argument, "metric " + made.name + " is declared twice");
    }
    fake.declared.push_back(std::move(made));
    *id = static_cast<std::uint32_t>(fake.declared.size());
    return SENTINEL_OK;
  }

  static const void* extension(const sentinel_host* host, const char* id) {
    const FakeHost& fake = self(host);
    if (fake.no_extensions) return nullptr;
    if (std::string_view(id) == SENTINEL_EXTENSION_LOG) return &fake.log_;
    if (std::string_view(id) == SENTINEL_EXTENSION_HTTP_ROUTES) return &fake.routes_;
    if (std::string_view(id) == SENTINEL_EXTENSION_AGENT) return &fake.agent_;
    if (std::string_view(id) == SENTINEL_EXTENSION_HISTORY) return &fake.history_;
    if (std::string_view(id) == SENTINEL_EXTENSION_DELIVERY) return &fake.delivery_;
    return nullptr;
  }

  static void write_log(const sentinel_host* host, std::int32_t level, sentinel_string message) {
    self(host).logs.push_back({level, owned(message)});
  }

  static std::int32_t add_render(const sentinel_host* host, sentinel_string path, sentinel_string content_type,
                                 sentinel_error* error) {
    FakeHost& fake = self(host);
    if (fake.refusal) return detail::fill(error, fake.refusal->code, fake.refusal->message);
    fake.routes.push_back({owned(path), owned(content_type)});
    return SENTINEL_OK;
  }

  static std::int32_t add_handler(const sentinel_host* host, sentinel_string method, sentinel_string path,
                                  sentinel_error* error) {
    FakeHost& fake = self(host);
    if (fake.refusal) return detail::fill(error, fake.refusal->code, fake.refusal->message);
    fake.handlers.emplace_back(owned(method), owned(path));
    return SENTINEL_OK;
  }

  static std::uint32_t agent_labels(const sentinel_host* host, const sentinel_label** out) {
    *out = self(host).labels.data();
    return static_cast<std::uint32_t>(self(host).labels.size());
  }

  static std::int64_t unix_now(const sentinel_host* host) { return self(host).unix_time.count(); }

  static std::int32_t read_history(const sentinel_host* host, sentinel_string metric, std::uint64_t, std::uint64_t,
                                   void* context, void (*take)(void* context, const sentinel_track* track),
                                   sentinel_error*) {
    for (const auto& track : self(host).tracks) {
      if (metric.size == 0 || from_abi(track.metric) == from_abi(metric)) take(context, &track);
    }
    return SENTINEL_OK;
  }

  static std::int32_t add_receiver(const sentinel_host* host, const sentinel_receiver* receiver, std::uint32_t* id,
                                   sentinel_error* error) {
    FakeHost& fake = self(host);
    if (fake.refusal) return detail::fill(error, fake.refusal->code, fake.refusal->message);
    fake.receivers.push_back(owned(receiver->url));
    *id = static_cast<std::uint32_t>(fake.receivers.size());
    return SENTINEL_OK;
  }

  static std::int32_t submit(const sentinel_host* host, std::uint32_t receiver, const sentinel_alert* alert,
                             sentinel_error* error) {
    FakeHost& fake = self(host);
    if (receiver == 0 || receiver > fake.receivers.size()) {
      return detail::fill(error, Errc::invalid_argument, "no receiver of this number");
    }
    fake.submitted.emplace_back(receiver, owned(alert->name));
    return SENTINEL_OK;
  }

  sentinel_host host_;
  sentinel_host_log log_;
  sentinel_host_http_routes routes_;
  sentinel_host_agent agent_;
  sentinel_host_history history_;
  sentinel_host_delivery delivery_;
};

/// The context of an event with its own texts.
struct EventContext {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  std::uint32_t ppid = 0;
  std::uint64_t start_time_ns = 0;
  std::uint64_t cgroup_id = 0;
  std::string comm;
  std::string parent_comm;
  std::string container_id;
  std::vector<std::uint64_t> stack;
  std::string exe;
  std::string pod;
  std::vector<std::string> symbols;
};

struct FakeRecord {
  std::string metric;
  std::vector<std::string> label_keys;
  std::vector<std::string> labels;
  double value = 0;
  std::uint64_t time_ns = 0;
  std::vector<std::uint64_t> buckets;
  std::optional<EventContext> context;  ///< of events
  std::uint64_t count = 1;              ///< of a folded one, what it stands for
  std::uint64_t demand = 0;             ///< of a folded one

  /// `name{key="value",…}` as an exposition writes it, without escapes; the bare name without labels.
  [[nodiscard]] std::string series() const {
    if (labels.empty()) return metric;
    std::string text = metric + "{";
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text += (i == 0 ? "" : ",") + label_keys[i] + "=\"" + labels[i] + "\"";
    }
    return text + "}";
  }
};

/// One collection of a host's plugin. Records stand in the order of their appends.
class FakeBatch {
 public:
  explicit FakeBatch(const FakeHost& host, std::chrono::nanoseconds every = std::chrono::seconds(5))
      : host_(&host),
        batch_{sizeof(sentinel_batch),
               0,
               this,
               static_cast<std::uint64_t>(host.time.count()),
               static_cast<std::uint64_t>(every.count()),
               &FakeBatch::series,
               &FakeBatch::append,
               &FakeBatch::tell_lost} {}
  FakeBatch(const FakeBatch&) = delete;
  FakeBatch& operator=(const FakeBatch&) = delete;

  [[nodiscard]] sentinel_batch* raw() { return &batch_; }

  std::vector<FakeRecord> records;
  /// Events that the plugin told to be lost.
  std::uint64_t lost = 0;
  /// More records than this are refused as exhausted.
  std::size_t limit = 1'000'000;

  /// The last value of a series, named as FakeRecord::series() does.
  [[nodiscard]] std::optional<double> value(std::string_view series) const {
    std::optional<double> found;
    for (const auto& record : records) {
      if (record.series() == series) found = record.value;
    }
    return found;
  }
  /// Every series with its last value; of a histogram, its sum.
  [[nodiscard]] std::map<std::string, double> values() const {
    std::map<std::string, double> all;
    for (const auto& record : records) all[record.series()] = record.value;
    return all;
  }

 private:
  struct Series {
    std::uint32_t metric;
    std::vector<std::string> labels;
  };

  static FakeBatch& self(sentinel_batch* batch) { return *static_cast<FakeBatch*>(batch->context); }

  static std::int32_t series(sentinel_batch* batch, std::uint32_t metric, const sentinel_string* values,
                             std::uint32_t count, std::uint64_t* handle, sentinel_error* error) {
    FakeBatch& fake = self(batch);
    const Declared* declared = fake.host_->by_id(metric);
    if (declared == nullptr) return detail::fill(error, Errc::invalid_argument, "unknown metric");
    if (declared->label_keys.size() != count) {
      return detail::fill(error, Errc::invalid_argument, "wrong number of label values for " + declared->name);
    }
    Series made{metric, {}};
    for (std::uint32_t i = 0; i < count; ++i) made.labels.push_back(owned(values[i]));
    fake.series_.push_back(std::move(made));
    *handle = fake.series_.size();
    return SENTINEL_OK;
  }

  static void tell_lost(sentinel_batch* batch, std::uint64_t events) { self(batch).lost += events; }

  static std::int32_t append(sentinel_batch* batch, const sentinel_record* raw, std::uint64_t count,
                             sentinel_error* error) {
    FakeBatch& fake = self(batch);
    if (fake.records.size() + count > fake.limit) return detail::fill(error, Errc::exhausted, "the batch is full");
    for (std::uint64_t i = 0; i < count; ++i) {
      if (const int code = fake.take(raw[i], error); code != SENTINEL_OK) return code;
    }
    return SENTINEL_OK;
  }

  int take(const sentinel_record& raw, sentinel_error* error) {
    const Declared* declared = host_->by_id(raw.metric);
    if (declared == nullptr) return detail::fill(error, Errc::invalid_argument, "unknown metric");
    FakeRecord record;
    record.metric = declared->name;
    record.label_keys = declared->label_keys;
    record.value = raw.value;
    record.time_ns = raw.time_ns;
    record.count = (raw.flags & SENTINEL_RECORD_FOLDED) != 0 ? raw.count : 1;
    record.demand = raw.demand;
    record.buckets.assign(raw.buckets, raw.buckets + raw.bucket_count);
    if (declared->kind == MetricKind::event) {
      if (raw.context == nullptr || raw.context->label_count != declared->label_keys.size()) {
        return detail::fill(error, Errc::invalid_argument, "wrong number of label values for " + declared->name);
      }
      record.context = context_of(*raw.context);
      for (std::uint32_t i = 0; i < raw.context->label_count; ++i) {
        record.labels.push_back(owned(raw.context->labels[i]));
      }
    } else {
      if (raw.series == 0 || raw.series > series_.size() || series_[raw.series - 1].metric != raw.metric) {
        return detail::fill(error, Errc::invalid_argument, "unknown series of " + declared->name);
      }
      record.labels = series_[raw.series - 1].labels;
    }
    const std::size_t buckets = declared->kind == MetricKind::histogram ? declared->bounds.size() + 1 : 0;
    if (raw.bucket_count != buckets) {
      return detail::fill(error, Errc::invalid_argument, "wrong number of buckets for " + declared->name);
    }
    records.push_back(std::move(record));
    return SENTINEL_OK;
  }

  static EventContext context_of(const sentinel_context& raw) {
    return {raw.pid,
            raw.tid,
            raw.ppid,
            raw.start_time_ns,
            raw.cgroup_id,
            owned(raw.comm),
            owned(raw.parent_comm),
            owned(raw.container_id),
            {raw.stack, raw.stack + raw.stack_count},
            owned(raw.exe),
            owned(raw.pod),
            raw.symbols == nullptr ? std::vector<std::string>() : symbols_of(raw)};
  }

  static std::vector<std::string> symbols_of(const sentinel_context& raw) {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < raw.stack_count; ++i) names.push_back(owned(raw.symbols[i]));
    return names;
  }

  const FakeHost* host_;
  std::vector<Series> series_;
  sentinel_batch batch_;
};

/// What render or save wrote. More than `limit` bytes are refused.
class FakeWriter {
 public:
  FakeWriter() : writer_{sizeof(sentinel_writer), 0, this, &FakeWriter::write} {}
  FakeWriter(const FakeWriter&) = delete;
  FakeWriter& operator=(const FakeWriter&) = delete;

  [[nodiscard]] sentinel_writer* raw() { return &writer_; }

  std::string text;
  std::size_t limit = std::size_t{64} << 20U;

 private:
  static std::int32_t write(sentinel_writer* self, const char* data, std::uint64_t size) {
    auto& fake = *static_cast<FakeWriter*>(self->context);
    if (size > fake.limit - fake.text.size()) return SENTINEL_EXHAUSTED;
    fake.text.append(data, size);
    return SENTINEL_OK;
  }

  sentinel_writer writer_;
};

/// The rows of details(), by table; a row is its cells in order.
class FakeRows {
 public:
  using Row = std::vector<std::pair<std::string, std::string>>;

  FakeRows() : rows_{sizeof(sentinel_rows), 0, this, &FakeRows::add} {}
  FakeRows(const FakeRows&) = delete;
  FakeRows& operator=(const FakeRows&) = delete;

  [[nodiscard]] sentinel_rows* raw() { return &rows_; }

  std::map<std::string, std::vector<Row>> tables;

 private:
  static void add(sentinel_rows* self, sentinel_string table, const sentinel_string* keys,
                  const sentinel_string* values, std::uint32_t count) {
    Row row;
    for (std::uint32_t i = 0; i < count; ++i) row.emplace_back(owned(keys[i]), owned(values[i]));
    static_cast<FakeRows*>(self->context)->tables[owned(table)].push_back(std::move(row));
  }

  sentinel_rows rows_;
};

/// A configuration as the agent hands it to create: only what is set here is there, defaults included.
class FakeConfig {
 public:
  FakeConfig() = default;
  FakeConfig(const FakeConfig&) = delete;
  FakeConfig& operator=(const FakeConfig&) = delete;

  FakeConfig& string(std::string_view name, std::string_view value) { return set(name, FieldType::string, value); }
  FakeConfig& path(std::string_view name, std::string_view value) { return set(name, FieldType::path, value); }
  FakeConfig& integer(std::string_view name, std::int64_t value) {
    return set(name, FieldType::integer, std::to_string(value), value, static_cast<double>(value));
  }
  FakeConfig& number(std::string_view name, double value) {
    return set(name, FieldType::number, std::to_string(value), 0, value);
  }
  FakeConfig& boolean(std::string_view name, bool value) {
    return set(name, FieldType::boolean, value ? "true" : "false", value ? 1 : 0);
  }
  FakeConfig& duration(std::string_view name, std::chrono::nanoseconds value) {
    return set(name, FieldType::duration, std::to_string(value.count()) + "ns", value.count());
  }
  FakeConfig& bytes(std::string_view name, std::uint64_t value) {
    return set(name, FieldType::bytes, std::to_string(value), static_cast<std::int64_t>(value));
  }
  FakeConfig& strings(std::string_view name, std::vector<std::string> values) {
    auto& list = strings_.emplace_back(std::move(values));
    auto& views = string_views_.emplace_back();
    for (const auto& one : list) views.push_back(to_abi(one));
    set(name, FieldType::string_list, "");
    values_.back().strings = views.data();
    values_.back().count = views.size();
    return *this;
  }
  FakeConfig& integers(std::string_view name, std::vector<std::int64_t> values) {
    const auto& list = integers_.emplace_back(std::move(values));
    set(name, FieldType::integer_list, "");
    values_.back().integers = list.data();
    values_.back().count = list.size();
    return *this;
  }

  /// Valid until the next field is set.
  [[nodiscard]] const sentinel_config* raw() {
    config_ = {sizeof(sentinel_config), static_cast<std::uint32_t>(values_.size()), values_.data()};
    return &config_;
  }

 private:
  FakeConfig& set(std::string_view name, FieldType type, std::string_view text, std::int64_t integer = 0,
                  double number = 0) {
    const std::string& own_name = texts_.emplace_back(name);
    const std::string& own_text = texts_.emplace_back(text);
    values_.push_back({sizeof(sentinel_config_value), static_cast<std::uint32_t>(type), to_abi(own_name),
                       to_abi(own_text), integer, number, nullptr, nullptr, 0});
    return *this;
  }

  // Deques, because what is in them is pointed to.
  std::deque<std::string> texts_;
  std::deque<std::vector<std::string>> strings_;
  std::deque<std::vector<sentinel_string>> string_views_;
  std::deque<std::vector<std::int64_t>> integers_;
  std::vector<sentinel_config_value> values_;
  sentinel_config config_{};
};

}  // namespace sentinel::testing
