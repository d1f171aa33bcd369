#include <gmock/gmock.h>

#include <sentinel/sink.hpp>
#include <vector>

#include "tests/support/fake_host.hpp"

namespace sentinel {

namespace {

using ::testing::ElementsAre;
using testing::FakeConfig;
using testing::FakeHost;
using testing::FakeWriter;

class Renders {
 public:
  Renders(const Config&, Host&) {}
  Result<void> render(const SeriesView& view, Writer& out) {
    for (const auto& family : view) {
      out.write(from_abi(family.name));
      for (const auto& series : series_of(family)) out.write(" " + std::to_string(static_cast<int>(series.value)));
      out.write("\n");
    }
    return {};
  }
};

class Consumes {
 public:
  Consumes(const Config&, Host&) {}
  Result<void> consume(const Records& records) {
    seen.push_back(std::string(records.instance()));
    for (const auto& record : records) {
      seen.push_back(std::string(from_abi(records.metric(record).name)));
      for (const auto& label : records.labels(record)) seen.push_back(std::string(from_abi(label)));
    }
    return {};
  }
  static inline std::vector<std::string> seen;
};

/// Takes alerts, answers requests, and nothing else.
class Alerts {
 public:
  Alerts(const Config&, Host& host) { host.handle("POST", "/hook"); }
  Result<void> alert(const sentinel_alert& alert) {
    seen.push_back(std::string(from_abi(alert.name)));
    if (alert.state == SENTINEL_ALERT_RESOLVED) return Error{Errc::failed, "no use"};
    return {};
  }
  Result<void> handle(const HttpRequest& request, HttpResponse& response) {
    if (request.method() != "POST") throw std::runtime_error("not asked for");
    response.status(202);
    response.content_type("text/plain");
    response.write(std::string(request.path()) + " " + std::string(request.body()));
    return {};
  }
  static inline std::vector<std::string> seen;
};

constexpr PluginInfo info = {.name = "sink", .version = "1", .licence = "MIT", .summary = "Sinks."};

TEST(Sink, HasTheFunctionsThatItsClassHas) {
  const sentinel_plugin& renders = *detail::sink_entry<Renders>(info);
  EXPECT_EQ(renders.kind, SENTINEL_KIND_SINK);
  EXPECT_EQ(renders.collector, nullptr);
  EXPECT_NE(renders.sink->render, nullptr);
  EXPECT_EQ(renders.sink->consume, nullptr);
  const sentinel_plugin& consumes = *detail::sink_entry<Consumes>(info);
  EXPECT_EQ(consumes.sink->render, nullptr);
  EXPECT_NE(consumes.sink->consume, nullptr);
}

TEST(Sink, TakesAlerts) {
  const sentinel_plugin& plugin = *detail::sink_entry<Alerts>(info);
  EXPECT_EQ(plugin.sink->size, sizeof(sentinel_sink));
  EXPECT_EQ(plugin.sink->consume, nullptr);
  EXPECT_EQ(plugin.sink->render, nullptr);
  ASSERT_NE(plugin.sink->alert, nullptr);

  FakeHost host;
  FakeConfig config;
  sentinel_error error = detail::empty_error();
  void* instance = plugin.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  sentinel_alert alert = {};
  alert.size = sizeof(alert);
  alert.name = to_abi("disk_full");
  alert.state = SENTINEL_ALERT_FIRING;
  EXPECT_EQ(plugin.sink->alert(instance, &alert, &error), SENTINEL_OK);
  alert.state = SENTINEL_ALERT_RESOLVED;
  EXPECT_EQ(plugin.sink->alert(instance, &alert, &error), SENTINEL_FAILED);
  EXPECT_EQ(detail::to_error(error.code, error).message, "no use");
  EXPECT_THAT(Alerts::seen, ElementsAre("disk_full", "disk_full"));
  plugin.lifecycle->destroy(instance);
}

TEST(Sink, AnswersRequests) {
  const sentinel_plugin& plugin = *detail::sink_entry<Alerts>(info);
  FakeHost host;
  FakeConfig config;
  sentinel_error error = detail::empty_error();
  void* instance = plugin.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  EXPECT_THAT(host.handlers, ElementsAre(std::pair("POST", "/hook")));
  const auto* http =
      static_cast<const sentinel_plugin_http*>(plugin.lifecycle->extension(instance, SENTINEL_EXTENSION_HTTP));
  ASSERT_NE(http, nullptr);

  FakeWriter body;
  sentinel_http_request request = {sizeof(request), 0, to_abi("POST"), to_abi("/hook"), {}, {}, to_abi("hello"), {}};
  sentinel_http_response response = {sizeof(response), 200, {}, body.raw()};
  EXPECT_EQ(http->handle(instance, &request, &response, &error), SENTINEL_OK);
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(from_abi(response.content_type), "text/plain");
  EXPECT_EQ(body.text, "/hook hello");
  request.method = to_abi("GET");
  EXPECT_EQ(http->handle(instance, &request, &response, &error), SENTINEL_FAILED);
  EXPECT_EQ(detail::to_error(error.code, error).message, "threw: not asked for");
  plugin.lifecycle->destroy(instance);
}

TEST(Sink, RendersStructsThatGrew) {
  struct LaterSeries {
    sentinel_series series;
    std::uint64_t more;
  };
  LaterSeries series[2] = {};
  for (auto& one : series) one.series.size = sizeof(LaterSeries);
  series[0].series.value = 4;
  series[1].series.value = 5;
  sentinel_family families[2] = {};
  for (auto& one : families) one.size = sizeof(sentinel_family);
  families[0].name = to_abi("a");
  families[0].series = &series[0].series;
  families[0].series_count = 2;
  families[1].name = to_abi("b");
  const sentinel_series_view view = {sizeof(sentinel_series_view), 2, families};

  const sentinel_plugin& plugin = *detail::sink_entry<Renders>(info);
  FakeHost host;
  FakeConfig config;
  sentinel_error error = detail::empty_error();
  void* instance = plugin.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  FakeWriter out;
  EXPECT_EQ(plugin.sink->render(instance, &view, out.raw(), &error), SENTINEL_OK);
  EXPECT_EQ(out.text, "a 4 5\nb\n");
  plugin.lifecycle->destroy(instance);
}

TEST(Sink, ConsumesRecordsWithWhatTheirNumbersStandFor) {
  static const sentinel_string keys[] = {to_abi("state")};
  static const sentinel_string values[] = {to_abi("open")};
  static const sentinel_metric metric = {
      sizeof(sentinel_metric), SENTINEL_GAUGE, to_abi("m"), {}, {}, keys, nullptr, 1, 0};
  sentinel_record record = {};
  record.size = sizeof(record);
  sentinel_delivery delivery = {sizeof(sentinel_delivery),
                                0,
                                &record,
                                1,
                                to_abi("tcp"),
                                nullptr,
                                [](const sentinel_delivery*, const sentinel_record*) { return &metric; },
                                [](const sentinel_delivery*, const sentinel_record*) { return &values[0]; }};
  const sentinel_plugin& plugin = *detail::sink_entry<Consumes>(info);
  FakeHost host;
  FakeConfig config;
  sentinel_error error = detail::empty_error();
  void* instance = plugin.lifecycle->create(host.raw(), config.raw(), &error);
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(plugin.sink->consume(instance, &delivery, &error), SENTINEL_OK);
  EXPECT_THAT(Consumes::seen, ElementsAre("tcp", "m", "open"));
  delivery.count = 0;
  delivery.records = nullptr;
  EXPECT_EQ(plugin.sink->consume(instance, &delivery, &error), SENTINEL_OK);
  plugin.lifecycle->destroy(instance);
}

}  // namespace

}  // namespace sentinel
