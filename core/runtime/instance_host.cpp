#include "core/runtime/instance_host.hpp"

#include <sentinel/config.hpp>
#include <sentinel/error.hpp>
#include <utility>

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
      nullptr};

  const std::string_view id(raw_id);
  const Services& services = self(host).services_;
  if (id == SENTINEL_EXTENSION_LOG) return &log;
  if (id == SENTINEL_EXTENSION_EMIT && services.emitted) return &emit;
  if (id == SENTINEL_EXTENSION_HTTP_ROUTES && services.producer == nullptr) return &routes;
  if (id == telemetry::snapshot_extension) return services.snapshot;
  return nullptr;
}

Result<std::uint32_t> InstanceHost::declare(const sentinel_metric& metric) {
  if (sealed_) return too_late("declaring a metric");
  if (services_.producer == nullptr) return Error{Errc::invalid_argument, "a sink declares no metrics"};
  auto decl = store::checked_decl(metric);
  if (!decl) return decl.error();
  return services_.producer->declare(std::move(*decl));
}

Result<void> InstanceHost::add_render(std::string_view path, std::string_view content_type) {
  if (sealed_) return too_late("adding a route");
  if (!services_.renders) return Error{Errc::invalid_argument, "a route needs a sink with a render function"};
  routes_.push_back({std::string(path), std::string(content_type)});
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
