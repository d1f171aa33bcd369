#include "core/runtime/instance_host.hpp"

#include <algorithm>
#include <sentinel/config.hpp>
#include <sentinel/error.hpp>
#include <utility>

#include "core/runtime/notice.hpp"

#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace {

using detail::guarded;

Error too_late(std::string_view what) {
  return {Errc::invalid_argument, std::string(what) + " is only possible in create"};
}

}  // namespace

InstanceHost::InstanceHost(std::string instance, Services services)
    : instance_(std::move(instance)), services_(std::move(services)) {
  abi_ = {sizeof(sentinel_host),
          0,
          this,
          [](const sentinel_host* host) -> uint64_t { return self(host).services_.clock->boottime_ns(); },
          [](const sentinel_host* host, const sentinel_metric* metric, uint32_t* id, sentinel_error* error) -> int32_t {
            return guarded(error, [&]() -> Result<void> {
              const auto declared = self(host).declare(*metric);
              if (!declared) return declared.error();
              *id = *declared;
              return {};
            });
          },
          &extension};
}

const void* InstanceHost::extension(const sentinel_host* host, const char* raw_id) {
  static constexpr sentinel_host_log log = {sizeof(sentinel_host_log), 0,
                                            [](const sentinel_host* from, int32_t level, sentinel_string message) {
                                              guarded(nullptr, [&]() -> Result<void> {
                                                self(from).log(level, from_abi(message));
                                                return {};
                                              });
                                            }};
  static constexpr sentinel_host_emit emit = {
      sizeof(sentinel_host_emit), 0,
      [](const sentinel_host* from) -> sentinel_batch* {
        sentinel_batch* opened = nullptr;
        guarded(nullptr, [&]() -> Result<void> {
          opened = self(from).open_collection();
          return {};
        });
        return opened;
      },
      [](const sentinel_host* from, sentinel_batch* batch, int32_t ok, sentinel_string reason,
         sentinel_error* error) -> int32_t {
        return guarded(error, [&] { return self(from).end_collection(batch, ok != 0, from_abi(reason)); });
      }};
  static constexpr sentinel_host_http_routes routes = {
      sizeof(sentinel_host_http_routes), 0,
      [](const sentinel_host* from, sentinel_string path, sentinel_string type, sentinel_error* error) -> int32_t {
        return guarded(error, [&] { return self(from).add_render(from_abi(path), from_abi(type)); });
      },
      [](const sentinel_host* from, sentinel_string method, sentinel_string path, sentinel_error* error) -> int32_t {
        return guarded(error, [&] { return self(from).add_handler(from_abi(method), from_abi(path)); });
      }};
  static constexpr sentinel_host_agent agent = {
      sizeof(sentinel_host_agent), 0,
      [](const sentinel_host* from, const sentinel_label** labels) -> uint32_t {
        const auto& all = self(from).services_.labels->abi();
        *labels = all.data();
        return static_cast<uint32_t>(all.size());
      },
      [](const sentinel_host* from) -> int64_t { return self(from).services_.clock->unix_ns(); }};
  static constexpr sentinel_host_history history = {
      sizeof(sentinel_host_history), 0,
      [](const sentinel_host* from, sentinel_string metric, uint64_t from_ns, uint64_t to_ns, void* context,
         void (*take)(void*, const sentinel_track*), sentinel_error* error) -> int32_t {
        return guarded(error, [&] { return self(from).read_history(from_abi(metric), from_ns, to_ns, context, take); });
      }};
  static constexpr sentinel_host_delivery delivery = {
      sizeof(sentinel_host_delivery), 0,
      [](const sentinel_host* from, const sentinel_receiver* receiver, uint32_t* added,
         sentinel_error* error) -> int32_t {
        return guarded(error, [&]() -> Result<void> {
          const auto made = self(from).add_receiver(*receiver);
          if (!made) return made.error();
          *added = *made;
          return {};
        });
      },
      [](const sentinel_host* from, uint32_t receiver, const sentinel_alert* alert, sentinel_error* error) -> int32_t {
        return guarded(error, [&] { return self(from).submit(receiver, *alert); });
      }};

  const std::string_view id(raw_id);
  const Services& services = self(host).services_;
  if (id == SENTINEL_EXTENSION_LOG) return &log;
  if (id == SENTINEL_EXTENSION_EMIT && services.emitted && services.producer != nullptr) return &emit;
  if (id == SENTINEL_EXTENSION_HTTP_ROUTES && services.producer == nullptr) return &routes;
  if (id == SENTINEL_EXTENSION_AGENT && services.labels != nullptr) return &agent;
  if (id == SENTINEL_EXTENSION_HISTORY && services.history != nullptr) return &history;
  if (id == SENTINEL_EXTENSION_DELIVERY && services.producer == nullptr) return &delivery;
  if (id == telemetry::snapshot_extension) return services.snapshot;
  return nullptr;
}

Result<std::uint32_t> InstanceHost::declare(const sentinel_metric& metric) {
  if (sealed_) return too_late("declaring a metric");
  if (services_.producer == nullptr) return Error{Errc::invalid_argument, "a sink declares no metrics"};
  auto decl = store::checked_decl(metric);
  if (!decl) return decl.error();
  const bool is_event = decl->kind == MetricKind::event;
  EventType event{0, decl->name, decl->label_keys, services_.producer->constant()};
  const auto id = services_.producer->declare(std::move(*decl));
  if (!id || !is_event) return id;
  event.metric = *id;
  events_.push_back(std::move(event));
  return id;
}

Result<void> InstanceHost::add_render(std::string_view path, std::string_view content_type) {
  if (sealed_) return too_late("adding a route");
  if (!services_.renders) return Error{Errc::invalid_argument, "a route needs a sink with a render function"};
  routes_.push_back({std::string(path), std::string(content_type)});
  return {};
}

Result<void> InstanceHost::add_handler(std::string_view method, std::string_view path) {
  if (sealed_) return too_late("adding a route");
  handlers_.push_back({std::string(method), std::string(path)});
  return {};
}

Result<std::uint32_t> InstanceHost::add_receiver(const sentinel_receiver& receiver) {
  if (sealed_) return too_late("adding a receiver");
  if (receiver.size < sizeof(sentinel_receiver)) return Error{Errc::invalid_argument, "a receiver's size is too small"};
  delivery::Receiver made;
  made.protocol =
      receiver.kind == SENTINEL_RECEIVER_ALERTMANAGER ? delivery::Protocol::alertmanager : delivery::Protocol::webhook;
  made.url = from_abi(receiver.url);
  made.ca_file = from_abi(receiver.ca_file);
  made.bearer_token_file = from_abi(receiver.bearer_token_file);
  made.username = from_abi(receiver.username);
  made.password_file = from_abi(receiver.password_file);
  if (services_.courier == nullptr) {
    if (const auto good = delivery::check(made); !good) return good.error();
    return 0U;
  }
  auto id = services_.courier->add(made);
  if (!id) return id.error();
  const std::lock_guard lock(receivers_mutex_);
  receivers_.push_back(*id);
  return *id;
}

Result<void> InstanceHost::submit(std::uint32_t receiver, const sentinel_alert& alert) {
  const std::lock_guard lock(receivers_mutex_);
  if (std::find(receivers_.begin(), receivers_.end(), receiver) == receivers_.end()) {
    return Error{Errc::invalid_argument, "no receiver has the number " + std::to_string(receiver)};
  }
  auto notice = notice_from_abi(alert);
  if (!notice) return notice.error();
  return services_.courier->submit(
      receiver, {notice->fingerprint, notice->firing, std::move(notice->labels), std::move(notice->annotations),
                 notice->starts_at_ns, notice->ends_at_ns});
}

std::vector<std::uint32_t> InstanceHost::receivers() const {
  const std::lock_guard lock(receivers_mutex_);
  return receivers_;
}

void InstanceHost::release_receivers() {
  const std::lock_guard lock(receivers_mutex_);
  for (const auto id : receivers_) services_.courier->remove(id);
  receivers_.clear();
}

Result<void> InstanceHost::read_history(std::string_view metric, std::uint64_t from_ns, std::uint64_t to_ns,
                                        void* context, void (*take)(void*, const sentinel_track*)) const {
  std::vector<sentinel_sample> samples;
  for (const auto& track : services_.history->history(metric, from_ns, to_ns)) {
    samples.clear();
    for (const auto& sample : track.samples) samples.push_back({sample.time_ns, sample.value});
    const sentinel_track raw = {sizeof(sentinel_track),
                                static_cast<std::uint32_t>(track.labels->values().size()),
                                to_abi(track.metric->instance),
                                to_abi(track.metric->decl.name),
                                track.metric->keys().data(),
                                track.labels->values().data(),
                                samples.data(),
                                samples.size()};
    take(context, &raw);
  }
  return {};
}

void InstanceHost::log(int level, std::string_view message) const {
  constexpr std::size_t longest = 4096;
  message = message.substr(0, longest);
  switch (level) {
    case SENTINEL_DEBUG:
      telemetry::log_debug(instance_, message);
      break;
    case SENTINEL_INFO:
      telemetry::log_info(instance_, message);
      break;
    case SENTINEL_WARNING:
      telemetry::log_warning(instance_, message);
      break;
    default:
      telemetry::log_error(instance_, message);
      break;
  }
}

sentinel_batch* InstanceHost::open_collection() {
  const std::lock_guard lock(emit_mutex_);
  if (open_batch_ != nullptr) return nullptr;
  open_batch_ = std::make_shared<store::RecordBatch>(*services_.producer);
  open_batch_->reset(services_.clock->boottime_ns(), 0);
  return open_batch_->abi();
}

Result<void> InstanceHost::end_collection(const sentinel_batch* batch, bool ok, std::string_view reason) {
  std::shared_ptr<store::RecordBatch> ended;
  {
    const std::lock_guard lock(emit_mutex_);
    if (open_batch_ == nullptr || open_batch_->abi() != batch) {
      return Error{Errc::invalid_argument, "this batch is not the open collection"};
    }
    ended = std::move(open_batch_);
  }
  services_.emitted(std::move(ended), ok ? Result<void>() : Error{Errc::failed, std::string(reason)});
  return {};
}

}  // namespace sentinel::runtime
