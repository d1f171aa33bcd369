#include "core/plugin/call.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/plugin/member.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace {

sentinel_error no_error() {
  sentinel_error error = {};
  error.size = sizeof(error);
  return error;
}

Error to_error(int code, const sentinel_error& error) {
  const bool known = code >= SENTINEL_FAILED && code <= SENTINEL_EXHAUSTED;
  const std::size_t size = std::min<std::size_t>(error.message_size, sizeof(error.message));
  std::string message = clean_text({error.message, size});
  if (message.empty()) message = "the plugin gave no reason (code " + std::to_string(code) + ")";
  return {known ? static_cast<Errc>(code) : Errc::failed, std::move(message)};
}

/// A contract broken: reported, not passed on, since the caller may be any thread of the agent.
Error escaped(std::string_view function, std::string_view what) {
  return {Errc::failed, std::string(function) + " let an exception out, against the ABI: " + clean_text(what)};
}

/// Calls a function of a table, `call(error)` -> code, as a Result.
template <class Call>
Result<void> guarded(std::string_view function, Call&& call) {
  sentinel_error error = no_error();
  try {
    const std::int32_t code = call(&error);
    if (code == SENTINEL_OK) return {};
    return to_error(code, error);
  } catch (const std::exception& e) {
    return escaped(function, e.what());
  } catch (...) {
    return escaped(function, "no std::exception");
  }
}

Error lacks(std::string_view function) {
  return {Errc::unsupported, "the plugin has no " + std::string(function)};
}

/// A bounded string as the ABI's writer.
class StringWriter {
 public:
  explicit StringWriter(std::size_t most)
      : most_(most), writer_{sizeof(sentinel_writer), 0, this, &StringWriter::write} {}
  StringWriter(const StringWriter&) = delete;
  StringWriter& operator=(const StringWriter&) = delete;

  [[nodiscard]] sentinel_writer* raw() { return &writer_; }
  /// What was written, or why that is not all.
  [[nodiscard]] Result<std::string> take(std::string_view function) {
    if (!full_) return std::move(text_);
    return Error{Errc::exhausted, std::string(function) + " wrote more than " + std::to_string(most_) + " bytes"};
  }

 private:
  static std::int32_t write(sentinel_writer* self, const char* data, std::uint64_t size) {
    auto& out = *static_cast<StringWriter*>(self->context);
    if (out.full_ || size > out.most_ - out.text_.size()) {
      out.full_ = true;
      return SENTINEL_EXHAUSTED;
    }
    if (size > 0) out.text_.append(data, size);
    return SENTINEL_OK;
  }

  std::size_t most_;
  std::string text_;
  bool full_ = false;
  sentinel_writer writer_;
};

}  // namespace

Result<Instance> Instance::create(std::shared_ptr<const Library> library, const sentinel_host* host,
                                  const sentinel_config* config) {
  const sentinel_plugin& descriptor = library->descriptor();
  return create(descriptor, std::move(library), host, config);
}

Result<Instance> Instance::create(const sentinel_plugin& descriptor, std::shared_ptr<const void> code,
                                  const sentinel_host* host, const sentinel_config* config) {
  Instance made(descriptor, std::move(code));
  const auto created = guarded("create", [&](sentinel_error* error) -> std::int32_t {
    made.raw_ = descriptor.lifecycle->create(host, config, error);
    if (made.raw_ != nullptr) return SENTINEL_OK;
    return error->code == SENTINEL_OK ? static_cast<std::int32_t>(SENTINEL_FAILED) : error->code;
  });
  if (!created) return created.error();
  made.find_extensions();
  return made;
}

Instance::Instance(Instance&& other) noexcept
    : code_(std::move(other.code_)),
      plugin_(other.plugin_),
      raw_(std::exchange(other.raw_, nullptr)),
      state_(other.state_),
      details_(other.details_),
      http_(other.http_),
      fd_watch_(other.fd_watch_),
      pushdown_(other.pushdown_) {}

Instance::~Instance() {
  // There is nobody to tell: a destroy that throws leaves what it did not free.
  (void)destroy();
}

Result<void> Instance::destroy() {
  void* const raw = std::exchange(raw_, nullptr);
  if (raw == nullptr) return {};
  return guarded("destroy", [&](sentinel_error*) -> std::int32_t {
    plugin_->lifecycle->destroy(raw);
    return SENTINEL_OK;
  });
}

void Instance::find_extensions() {
  const auto extension = plugin_->lifecycle->extension;
  if (extension == nullptr) return;
  (void)guarded("extension", [&](sentinel_error*) -> std::int32_t {
    const auto* state = static_cast<const sentinel_plugin_state*>(extension(raw_, SENTINEL_EXTENSION_STATE));
    const auto* details = static_cast<const sentinel_plugin_details*>(extension(raw_, SENTINEL_EXTENSION_DETAILS));
    // Half of a pair is none: what cannot be restored is not worth saving.
    if (state != nullptr && SENTINEL_MEMBER(state, sentinel_plugin_state, save) != nullptr &&
        SENTINEL_MEMBER(state, sentinel_plugin_state, restore) != nullptr) {
      state_ = state;
    }
    if (details != nullptr && SENTINEL_MEMBER(details, sentinel_plugin_details, describe) != nullptr)
      details_ = details;
    const auto* http = static_cast<const sentinel_plugin_http*>(extension(raw_, SENTINEL_EXTENSION_HTTP));
    if (http != nullptr && SENTINEL_MEMBER(http, sentinel_plugin_http, handle) != nullptr) http_ = http;
    if (plugin_->kind != SENTINEL_KIND_COLLECTOR) return SENTINEL_OK;
    const auto* watch = static_cast<const sentinel_plugin_fd_watch*>(extension(raw_, SENTINEL_EXTENSION_FD_WATCH));
    // One with threads of its own hands over by them.
    if (watch != nullptr && plugin_->threading == SENTINEL_SERIAL &&
        SENTINEL_MEMBER(watch, sentinel_plugin_fd_watch, watch) != nullptr &&
        SENTINEL_MEMBER(watch, sentinel_plugin_fd_watch, ready) != nullptr) {
      fd_watch_ = watch;
    }
    const auto* pushdown = static_cast<const sentinel_plugin_pushdown*>(extension(raw_, SENTINEL_EXTENSION_PUSHDOWN));
    if (pushdown != nullptr && SENTINEL_MEMBER(pushdown, sentinel_plugin_pushdown, offer) != nullptr) {
      pushdown_ = pushdown;
    }
    return SENTINEL_OK;
  });
}

bool Instance::collects() const {
  return plugin_->collector != nullptr && plugin_->collector->collect != nullptr;
}
bool Instance::consumes() const {
  return plugin_->sink != nullptr && plugin_->sink->consume != nullptr;
}
bool Instance::renders() const {
  return plugin_->sink != nullptr && plugin_->sink->render != nullptr;
}
bool Instance::has_state() const {
  return state_ != nullptr;
}
bool Instance::has_details() const {
  return details_ != nullptr;
}
bool Instance::takes_alerts() const {
  return plugin_->sink != nullptr && SENTINEL_MEMBER(plugin_->sink, sentinel_sink, alert) != nullptr;
}
bool Instance::handles_http() const {
  return http_ != nullptr;
}

bool Instance::watches() const {
  return fd_watch_ != nullptr;
}
bool Instance::takes_offers() const {
  return pushdown_ != nullptr;
}

Result<void> Instance::start() {
  const auto function = plugin_->lifecycle->start;
  if (function == nullptr) return {};
  return guarded("start", [&](sentinel_error* error) { return function(raw_, error); });
}

Result<void> Instance::drain(std::uint64_t deadline_ns) {
  const auto function = plugin_->lifecycle->drain;
  if (function == nullptr) return {};
  return guarded("drain", [&](sentinel_error* error) { return function(raw_, deadline_ns, error); });
}

Result<void> Instance::resume() {
  const auto function = plugin_->lifecycle->resume;
  if (function == nullptr) return {};
  return guarded("resume", [&](sentinel_error* error) { return function(raw_, error); });
}

Result<void> Instance::stop() {
  const auto function = plugin_->lifecycle->stop;
  if (function == nullptr) return {};
  return guarded("stop", [&](sentinel_error* error) { return function(raw_, error); });
}

Result<SavedState> Instance::save(std::size_t most_bytes) {
  if (state_ == nullptr) return Error{Errc::no_data, "the plugin keeps no state"};
  StringWriter writer(most_bytes);
  const auto saved = guarded("save", [&](sentinel_error* error) { return state_->save(raw_, writer.raw(), error); });
  if (!saved) return saved.error();
  auto bytes = writer.take("save");
  if (!bytes) return bytes.error();
  return SavedState{state_->version, std::move(*bytes)};
}

Result<void> Instance::restore(const SavedState& state) {
  if (state_ == nullptr) return lacks("restore");
  return guarded("restore", [&](sentinel_error* error) {
    return state_->restore(raw_, state.version, {state.bytes.data(), state.bytes.size()}, error);
  });
}

Result<void> Instance::collect(sentinel_batch* batch) {
  if (!collects()) return lacks("collect");
  return guarded("collect", [&](sentinel_error* error) { return plugin_->collector->collect(raw_, batch, error); });
}

Result<Instance::Awaited> Instance::watch() {
  if (!watches()) return lacks("watch");
  std::int32_t fd = -1;
  std::uint64_t period_ns = 0;
  const auto asked =
      guarded("watch", [&](sentinel_error* error) { return fd_watch_->watch(raw_, &fd, &period_ns, error); });
  if (!asked) return asked.error();
  return Awaited{fd < 0 ? -1 : fd, period_ns};
}

Result<void> Instance::ready(sentinel_batch* batch) {
  if (!watches()) return lacks("ready");
  return guarded("ready", [&](sentinel_error* error) { return fd_watch_->ready(raw_, batch, error); });
}

Result<void> Instance::offer(std::span<const sentinel_demand> demands, std::span<sentinel_placement> placements) {
  if (!takes_offers()) return lacks("offer");
  for (auto& placement : placements) {
    placement = {};
    placement.size = sizeof(sentinel_placement);
  }
  auto offered = guarded("offer", [&](sentinel_error* error) {
    return pushdown_->offer(raw_, demands.data(), static_cast<std::uint32_t>(demands.size()), placements.data(), error);
  });
  for (std::size_t i = 0; i < placements.size(); ++i) {
    const std::uint32_t predicates = demands[i].predicate_count;
    if (predicates < 64) placements[i].predicates &= (std::uint64_t{1} << predicates) - 1;
    placements[i].reason[sizeof(placements[i].reason) - 1] = '\0';
  }
  return offered;
}

Result<void> Instance::consume(const sentinel_delivery& delivery) {
  if (!consumes()) return lacks("consume");
  return guarded("consume", [&](sentinel_error* error) { return plugin_->sink->consume(raw_, &delivery, error); });
}

Result<void> Instance::render(const sentinel_series_view& view, sentinel_writer* out) {
  if (!renders()) return lacks("render");
  return guarded("render", [&](sentinel_error* error) { return plugin_->sink->render(raw_, &view, out, error); });
}

Result<std::string> Instance::render(const sentinel_series_view& view, std::size_t most_bytes) {
  StringWriter writer(most_bytes);
  if (const auto rendered = render(view, writer.raw()); !rendered) return rendered.error();
  return writer.take("render");
}

Result<void> Instance::details(sentinel_rows* rows) {
  if (details_ == nullptr) return lacks("details");
  return guarded("details", [&](sentinel_error* error) { return details_->describe(raw_, rows, error); });
}

Result<void> Instance::alert(const sentinel_alert& alert) {
  if (!takes_alerts()) return lacks("alert");
  return guarded("alert", [&](sentinel_error* error) { return plugin_->sink->alert(raw_, &alert, error); });
}

Result<Instance::HttpAnswer> Instance::handle(const sentinel_http_request& request, std::size_t most_bytes) {
  if (!handles_http()) return lacks("handle");
  constexpr std::string_view json = "application/json";
  StringWriter writer(most_bytes);
  sentinel_http_response response = {sizeof(sentinel_http_response), 200, {json.data(), json.size()}, writer.raw()};
  const auto handled =
      guarded("handle", [&](sentinel_error* error) { return http_->handle(raw_, &request, &response, error); });
  if (!handled) return handled.error();
  auto body = writer.take("handle");
  if (!body) return body.error();
  const bool known = response.status >= 200 && response.status <= 599;
  if (!known) return Error{Errc::failed, "handle answered with status " + std::to_string(response.status)};
  return HttpAnswer{response.status, clean_text({response.content_type.data, response.content_type.size}),
                    std::move(*body)};
}

}  // namespace sentinel::plugin
