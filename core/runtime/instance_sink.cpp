// The half of an instance that sinks need: records, alerts, renders and requests on their way to the plugin.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <sentinel/config.hpp>
#include <utility>

#include "core/runtime/instance.hpp"
#include "core/runtime/instance_call.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;

namespace {

constexpr std::size_t most_rendered_bytes = std::size_t{256} << 20U;
constexpr std::size_t most_handled_bytes = std::size_t{16} << 20U;

Error not_running(std::string_view name) {
  return {Errc::failed, "'" + std::string(name) + "' is not running; /api/v1/status says why"};
}

}  // namespace

std::shared_ptr<Inbox> Instance::inbox() const {
  const std::lock_guard lock(mutex_);
  return inbox_;
}

void Instance::attach_inbox(std::shared_ptr<Inbox> inbox) {
  inbox->set_wake([this] { wake_consume(); });
  const std::lock_guard lock(mutex_);
  inbox_ = std::move(inbox);
}

/// Takes up what waited while it could not be called.
void Instance::wake() {
  wake_consume();
  wake_alerts();
  wake_render();
  wake_offer();
  wake_events();
  if (!usable()) return;
  for (auto& [request, reply] : std::exchange(waiting_requests_, {})) handle(std::move(request), std::move(reply));
}

void Instance::wake_consume() {
  if (consuming_ || gave_back_ || !usable() || !consumes()) return;
  consuming_ = true;
  asio::co_spawn(environment_.control, consume_queued(), asio::detached);
}

asio::awaitable<void> Instance::consume_queued() {
  const auto self = shared_from_this();
  while (usable()) {
    const auto batch = inbox()->queue().pop();
    if (batch == nullptr) break;
    CallJob job = [this, batch](const Call&) { return plugin_->consume(batch->delivery()); };
    const Result<void> consumed = co_await call("consume", spec_.deadline, std::move(job));
    if (!consumed && may_be_undone_) {
      inbox()->queue().put_back(batch);
      gave_back_ = true;
      note("consume", consumed);
      break;
    }
    note_consumed(*batch, consumed);
  }
  consuming_ = false;
}

void Instance::consume_rest() {
  set_current_call("consume");
  const auto inbox = this->inbox();
  while (const auto batch = inbox ? inbox->queue().pop() : nullptr) {
    note_consumed(*batch, plugin_->consume(batch->delivery()));
  }
}

void Instance::note_consumed(const store::RecordBatch& batch, const Result<void>& result) {
  note("consume", result);
  const std::lock_guard lock(mutex_);
  (result ? sink_stats_.delivered_records : sink_stats_.dropped_records) += batch.records().size();
}

void Instance::set_sources(store::SeriesFilter wanted) {
  const std::lock_guard lock(mutex_);
  sources_ = std::move(wanted);
}

void Instance::render(std::function<void(Result<std::string>)> answer) {
  waiting_renders_.push_back(std::move(answer));
  wake_render();
}

/// Begins to answer those who wait for a render. They go on waiting while it is held: whoever takes over answers.
void Instance::wake_render() {
  if (rendering_ || held_ || waiting_renders_.empty()) return;
  rendering_ = true;
  asio::co_spawn(environment_.control, render_waiting(), asio::detached);
}

asio::awaitable<void> Instance::render_waiting() {
  const auto self = shared_from_this();
  while (!held_ && !waiting_renders_.empty()) {
    auto answers = std::make_shared<std::vector<std::function<void(Result<std::string>)>>>();
    answers->swap(waiting_renders_);
    Result<void> result = not_running(spec_.name);
    if (usable()) {
      CallJob job = [this, answers](const Call& made) -> Result<void> {
        store::SeriesFilter wanted;
        {
          const std::lock_guard lock(mutex_);
          wanted = sources_;
        }
        const auto view = environment_.store.view(wanted);
        const Result<std::string> text = plugin_->render(view.abi(), most_rendered_bytes);
        if (made.abandoned) return text ? Result<void>() : text.error();
        for (const auto& answer : *answers) answer(text);
        return text ? Result<void>() : text.error();
      };
      result = co_await call("render", spec_.deadline, std::move(job));
      note("render", result);
    }
    // After an overrun; those that the worker answered take no second answer.
    if (!result) {
      for (const auto& answer : *answers) answer(result.error());
    }
  }
  rendering_ = false;
}

void Instance::alert(std::shared_ptr<const Notice> notice, std::function<void()> taken) {
  alerts_.push_back({std::move(notice), std::move(taken)});
  wake_alerts();
}

void Instance::wake_alerts() {
  if (alerts_.empty() || alerting_ || !usable()) return;
  alerting_ = true;
  asio::co_spawn(environment_.control, alert_queued(), asio::detached);
}

asio::awaitable<void> Instance::alert_queued() {
  const auto self = shared_from_this();
  while (usable() && !alerts_.empty()) {
    // All that wait in one call of the worker: a burst of thousands must not cross between the threads one by one.
    const auto queued = std::make_shared<std::deque<QueuedAlert>>();
    queued->swap(alerts_);
    CallJob job = [this, queued](const Call& made) -> Result<void> {
      Result<void> last;
      for (const auto& next : *queued) {
        if (made.abandoned) break;
        const AbiAlert abi(*next.notice);
        if (auto taken = plugin_->alert(abi.raw()); !taken) last = std::move(taken);
      }
      return last;
    };
    const auto deadline = spec_.deadline * static_cast<std::int64_t>(std::min<std::size_t>(queued->size(), 6));
    const Result<void> result = co_await call("alert", deadline, std::move(job));
    note("alert", result);
    if (hung_call_) {
      alerts_.insert(alerts_.begin(), queued->begin(), queued->end());
      break;
    }
    for (const auto& next : *queued) next.taken();
  }
  alerting_ = false;
}

void Instance::alert_rest() {
  set_current_call("alert");
  for (const auto& next : alerts_) {
    const AbiAlert abi(*next.notice);
    if (plugin_->alert(abi.raw())) asio::post(environment_.control, next.taken);
  }
  alerts_.clear();
}

void Instance::handle(http::Request request, http::Reply reply) {
  if (held_) {
    waiting_requests_.emplace_back(std::move(request), std::move(reply));
    return;
  }
  if (!usable()) {
    reply(http::Response::text(503, not_running(spec_.name).message));
    return;
  }
  asio::co_spawn(environment_.control, answer(std::move(request), std::move(reply)), asio::detached);
}

asio::awaitable<void> Instance::answer(http::Request request, http::Reply reply) {
  const auto self = shared_from_this();
  CallJob job = [this, request = std::move(request), reply](const Call& made) -> Result<void> {
    const std::string_view content_type = request.header("Content-Type");
    const sentinel_http_request abi = {sizeof(sentinel_http_request), 0,
                                       to_abi(request.method),        to_abi(request.path),
                                       to_abi(request.query),         to_abi(content_type),
                                       to_abi(request.body),          to_abi(request.peer)};
    auto handled = plugin_->handle(abi, most_handled_bytes);
    if (made.abandoned || !handled) return handled ? Result<void>() : handled.error();
    http::Response response;
    response.status = handled->status;
    response.content_type = std::move(handled->content_type);
    response.body = std::move(handled->body);
    reply(std::move(response));
    return {};
  };
  const Result<void> result = co_await call("handle", spec_.deadline, std::move(job));
  note("handle", result);
  if (!result) reply(http::Response::text(500, result.error().message));
}

void Instance::refresh_details() {
  if (refreshing_ || !usable() || !plugin_->has_details()) return;
  refreshing_ = true;
  const auto refresh = [](std::shared_ptr<Instance> self) -> asio::awaitable<void> {
    CallJob job = [self](const Call&) -> Result<void> {
      self->read_details();
      return {};
    };
    // What went wrong was logged; the rows that were there stay.
    (void)co_await self->call("details", self->spec_.deadline, std::move(job));
    self->refreshing_ = false;
  };
  asio::co_spawn(environment_.control, refresh(shared_from_this()), asio::detached);
}

}  // namespace sentinel::runtime
