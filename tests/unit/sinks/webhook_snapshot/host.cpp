#include "tests/unit/sinks/webhook_snapshot/host.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <cstring>
#include <stdexcept>
#include <thread>

#include <sentinel/error.hpp>

#include "core/plugin/library.hpp"
#include "core/plugin/stage.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/plugins/rig.hpp"

namespace snapshot_test {

using namespace std::chrono_literals;
using sentinel::from_abi;
using sentinel::Result;
using sentinel::to_abi;

namespace {

template <class T>
T required(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

std::shared_ptr<sentinel::plugin::Library> load() {
  static const rig::TemporaryFolder folder;
  static const auto stage = required(sentinel::plugin::Stage::open(folder.path()));
  static std::uint64_t generation = 0;
  auto file = required(stage.stage(SENTINEL_BINARY_DIR "/plugins/webhook_snapshot.so", "test", ++generation));
  return required(sentinel::plugin::Library::load(std::move(file)));
}

std::uint64_t boot_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

const std::vector<sentinel_label>& own_labels() {
  static const std::vector<sentinel_label> labels = {{to_abi("instance"), to_abi("web1")},
                                                     {to_abi("zone"), to_abi("north")}};
  return labels;
}

}  // namespace

SinkUnderTest::SinkUnderTest(const Setup& setup)
    : boot_ns_(boot_now()),
      host_{sizeof(sentinel_host),
            0,
            this,
            [](const sentinel_host* host) {
              const std::lock_guard lock(self(host).mutex_);
              // It goes on, so that two looks are some time apart.
              return self(host).boot_ns_ += 1'000'000;
            },
            [](const sentinel_host*, const sentinel_metric*, std::uint32_t*, sentinel_error*) -> std::int32_t {
              return SENTINEL_FAILED;
            },
            &extension} {
  sentinel::testing::FakeConfig config;
  config.path("directory", setup.directory.string()).path("procfs", setup.procfs).path("cgroupfs", setup.cgroupfs);
  config.path("kernel_log", setup.kernel_log).string("webhook_path", "/webhook").boolean("only_own", setup.only_own);
  config.duration("join_window", setup.join_window).duration("history", 15min).duration("keep", setup.keep);
  config.duration("command_timeout", 60s).duration("helper_timeout", setup.helper_timeout);
  config.bytes("quota", setup.quota).number("min_free_ratio", setup.min_free_ratio);
  config.integer("most_waiting", setup.most_waiting);
  config.strings("post_to", setup.post_to)
      .strings("alertmanagers", setup.alertmanagers)
      .strings("commands", setup.commands);
  instance_ = std::make_unique<sentinel::plugin::Instance>(
      required(sentinel::plugin::Instance::create(load(), &host_, config.raw())));
  if (setup.start) {
    if (const auto started = instance_->start(); !started) throw std::runtime_error(started.error().message);
  }
}

SinkUnderTest::~SinkUnderTest() {
  (void)instance_->stop();
}

const void* SinkUnderTest::extension(const sentinel_host*, const char* id) {
  static constexpr sentinel_host_log log = {sizeof(sentinel_host_log), 0,
                                            [](const sentinel_host* host, std::int32_t, sentinel_string message) {
                                              const std::lock_guard lock(self(host).mutex_);
                                              self(host).log_.emplace_back(from_abi(message));
                                            }};
  static constexpr sentinel_host_http_routes routes = {
      sizeof(sentinel_host_http_routes), 0, nullptr,
      [](const sentinel_host* host, sentinel_string method, sentinel_string path, sentinel_error*) -> std::int32_t {
        self(host).routes_.emplace_back(from_abi(method), from_abi(path));
        return SENTINEL_OK;
      }};
  static constexpr sentinel_host_agent agent = {sizeof(sentinel_host_agent), 0,
                                                [](const sentinel_host*, const sentinel_label** labels) {
                                                  *labels = own_labels().data();
                                                  return static_cast<std::uint32_t>(own_labels().size());
                                                },
                                                [](const sentinel_host* host) {
                                                  const std::lock_guard lock(self(host).mutex_);
                                                  return self(host).unix_ns_;
                                                }};
  static constexpr sentinel_host_history history = {sizeof(sentinel_host_history), 0, &read_history};
  static constexpr sentinel_host_delivery delivery = {
      sizeof(sentinel_host_delivery), 0,
      [](const sentinel_host* host, const sentinel_receiver* receiver, std::uint32_t* number,
         sentinel_error*) -> std::int32_t {
        auto& receivers = self(host).receivers_;
        receivers.push_back(std::to_string(receiver->kind) + " " + std::string(from_abi(receiver->url)));
        *number = static_cast<std::uint32_t>(receivers.size());
        return SENTINEL_OK;
      },
      &submit};
  if (std::strcmp(id, SENTINEL_EXTENSION_LOG) == 0) return &log;
  if (std::strcmp(id, SENTINEL_EXTENSION_HTTP_ROUTES) == 0) return &routes;
  if (std::strcmp(id, SENTINEL_EXTENSION_AGENT) == 0) return &agent;
  if (std::strcmp(id, SENTINEL_EXTENSION_HISTORY) == 0) return &history;
  if (std::strcmp(id, SENTINEL_EXTENSION_DELIVERY) == 0) return &delivery;
  return nullptr;
}

std::int32_t SinkUnderTest::read_history(const sentinel_host* host, sentinel_string, std::uint64_t, std::uint64_t to,
                                         void* context, void (*take)(void*, const sentinel_track*), sentinel_error*) {
  auto& sink = self(host);
  sink.before_history();
  const std::lock_guard lock(sink.mutex_);
  for (const auto& series : sink.series_) {
    std::vector<sentinel_string> keys;
    std::vector<sentinel_string> values;
    for (const auto& [key, value] : series.labels) {
      keys.push_back(to_abi(key));
      values.push_back(to_abi(value));
    }
    std::vector<sentinel_sample> samples;
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      samples.push_back({to - (series.values.size() - 1 - i) * 1'000'000'000, series.values[i]});
    }
    const sentinel_track track = {sizeof(sentinel_track),
                                  static_cast<std::uint32_t>(keys.size()),
                                  to_abi("memory"),
                                  to_abi(series.metric),
                                  keys.data(),
                                  values.data(),
                                  samples.data(),
                                  samples.size()};
    take(context, &track);
  }
  return SENTINEL_OK;
}

std::int32_t SinkUnderTest::submit(const sentinel_host* host, std::uint32_t receiver, const sentinel_alert* alert,
                                   sentinel_error* error) {
  auto& sink = self(host);
  const std::lock_guard lock(sink.mutex_);
  sink.submitted_.push_back({receiver, snapshot::copy_of(*alert)});
  if (sink.delivery) return SENTINEL_OK;
  return sentinel::detail::fill(error, sink.delivery.error().code, sink.delivery.error().message);
}

Result<void> SinkUnderTest::alert(const snapshot::Alert& alert) {
  return instance_->alert(snapshot::AbiAlert(alert, {}).get());
}

sentinel::plugin::Instance::HttpAnswer SinkUnderTest::request(std::string_view method, std::string_view path,
                                                              std::string_view body) {
  const sentinel_http_request raw = {
      sizeof(raw),          0, to_abi(method), to_abi(path), {}, to_abi("application/json"), to_abi(body),
      to_abi("127.0.0.1:1")};
  return required(instance_->handle(raw, std::size_t{8} << 20U));
}

std::map<std::string, double> SinkUnderTest::counters() {
  sentinel::testing::FakeRows rows;
  if (const auto done = instance_->details(rows.raw()); !done) throw std::runtime_error(done.error().message);
  std::map<std::string, double> counters;
  for (const char* table : {"counters", "gauges"}) {
    for (const auto& row : rows.tables[table]) counters[row.at(0).second] = std::stod(row.at(1).second);
  }
  return counters;
}

std::vector<std::map<std::string, std::string>> SinkUnderTest::snapshots() {
  sentinel::testing::FakeRows rows;
  if (const auto done = instance_->details(rows.raw()); !done) throw std::runtime_error(done.error().message);
  std::vector<std::map<std::string, std::string>> all;
  for (const auto& row : rows.tables["snapshots"]) all.emplace_back(row.begin(), row.end());
  return all;
}

std::string SinkUnderTest::last_error() {
  sentinel::testing::FakeRows rows;
  if (const auto done = instance_->details(rows.raw()); !done) throw std::runtime_error(done.error().message);
  const auto& errors = rows.tables["snapshot_errors"];
  return errors.empty() ? "" : errors.front().front().second;
}

bool SinkUnderTest::settled(double ended) {
  return sentinel::testing::eventually([&] {
    const auto now = counters();
    return now.at("snapshots_taken") + now.at("snapshots_failed") >= ended && now.at("snapshots_waiting") == 0;
  });
}

std::vector<Submitted> SinkUnderTest::submitted() const {
  const std::lock_guard lock(mutex_);
  return submitted_;
}
std::vector<std::string> SinkUnderTest::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}
void SinkUnderTest::set_unix_time(std::chrono::nanoseconds time) {
  const std::lock_guard lock(mutex_);
  unix_ns_ = time.count();
}
void SinkUnderTest::advance(std::chrono::nanoseconds by) {
  const std::lock_guard lock(mutex_);
  unix_ns_ += by.count();
  boot_ns_ += static_cast<std::uint64_t>(by.count());
}
void SinkUnderTest::remember(std::string metric, std::vector<std::pair<std::string, std::string>> labels,
                             std::vector<double> values) {
  const std::lock_guard lock(mutex_);
  series_.push_back({std::move(metric), std::move(labels), std::move(values)});
}

snapshot::Alert firing(const std::string& name, std::int64_t starts_at_ns) {
  snapshot::Alert alert;
  alert.name = name;
  alert.severity = "critical";
  alert.labels = {{"alertname", name}, {"instance", "web1"}, {"severity", "critical"}};
  alert.annotations = {{"summary", "memory is at 91.5 %"}};
  alert.fingerprint = snapshot::fingerprint_of(alert.labels);
  alert.starts_at_ns = starts_at_ns;
  alert.value = 91.5;
  alert.metric = "sentinel_memory_usage";
  alert.expression = "avg over 15s of sentinel_memory_usage > 80";
  return alert;
}

std::filesystem::path only_snapshot(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) found.push_back(entry.path());
  EXPECT_EQ(found.size(), 1U) << "in " << directory;
  return found.empty() ? directory : found.front();
}

std::string read(const std::filesystem::path& file) {
  return sentinel::testing::read_text(file);
}

}  // namespace snapshot_test
