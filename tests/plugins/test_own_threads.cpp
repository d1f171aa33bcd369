// A descriptor made by hand, of a collector without collect: it emits from a thread of its own, between start and stop.
#include <atomic>
#include <sentinel/collector.hpp>
#include <thread>

namespace {

struct OwnThreads {
  const sentinel_host* host = nullptr;
  std::uint32_t metric = 0;
  std::atomic<bool> stopped = false;
  std::thread thread;

  void emit() const {
    const auto* service = static_cast<const sentinel_host_emit*>(host->extension(host, SENTINEL_EXTENSION_EMIT));
    sentinel_batch* batch = service->open(host);
    sentinel_error error = {};
    error.size = sizeof(error);
    sentinel_record record = {};
    record.size = sizeof(record);
    record.metric = metric;
    record.value = 1;
    (void)batch->series(batch, metric, nullptr, 0, &record.series, &error);
    (void)batch->append(batch, &record, 1, &error);
    (void)service->end_collection(host, batch, 1, {}, &error);
  }
};

OwnThreads& self(void* instance) {
  return *static_cast<OwnThreads*>(instance);
}

void* create(const sentinel_host* host, const sentinel_config*, sentinel_error* error) {
  constexpr std::string_view name = "test_own_threads_value";
  sentinel_metric metric = {};
  metric.size = sizeof(metric);
  metric.kind = SENTINEL_GAUGE;
  metric.name = metric.help = sentinel::to_abi(name);
  auto* made = new OwnThreads;
  made->host = host;
  if (host->declare_metric(host, &metric, &made->metric, error) == SENTINEL_OK) return made;
  delete made;
  return nullptr;
}
std::int32_t start(void* instance, sentinel_error*) {
  self(instance).thread = std::thread([&own = self(instance)] {
    own.emit();
    own.stopped.wait(false);
  });
  return SENTINEL_OK;
}
std::int32_t stop(void* instance, sentinel_error*) {
  auto& own = self(instance);
  own.stopped = true;
  own.stopped.notify_all();
  if (own.thread.joinable()) own.thread.join();
  return SENTINEL_OK;
}
void destroy(void* instance) {
  delete static_cast<OwnThreads*>(instance);
}

constexpr sentinel::PluginInfo sentinel_plugin_info = {
    .name = "test_own_threads", .version = "1", .licence = "Apache-2.0", .summary = "Emits by itself."};
constexpr sentinel_lifecycle lifecycle = {
    sizeof(sentinel_lifecycle), 0, &create, &start, nullptr, nullptr, &stop, &destroy, nullptr};
constexpr sentinel_collector collector = {sizeof(sentinel_collector), 0, nullptr};

constexpr sentinel_plugin plugin = {SENTINEL_ABI_MAGIC,
                                    sizeof(sentinel_plugin),
                                    SENTINEL_ABI_MAJOR,
                                    SENTINEL_ABI_MINOR,
                                    SENTINEL_KIND_COLLECTOR,
                                    SENTINEL_OWN_THREADS,
                                    0,
                                    0,
                                    0,
                                    sentinel::to_abi(sentinel_plugin_info.name),
                                    sentinel::to_abi(sentinel_plugin_info.version),
                                    sentinel::to_abi(sentinel_plugin_info.licence),
                                    sentinel::to_abi(sentinel_plugin_info.summary),
                                    nullptr,
                                    nullptr,
                                    &lifecycle,
                                    &collector,
                                    nullptr};

SENTINEL_DETAIL_NOTE(SENTINEL_KIND_COLLECTOR);

}  // namespace

SENTINEL_DETAIL_EXPORT const sentinel_plugin* sentinel_plugin_entry() {
  return &plugin;
}
