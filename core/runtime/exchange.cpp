#include "core/runtime/exchange.hpp"

#include <functional>

#include "core/runtime/await_all.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace asio = boost::asio;
namespace {

asio::awaitable<void> note_first(Exchange& exchange, asio::awaitable<Result<void>> step, Result<void>& first) {
  const Result<void> done = co_await std::move(step);
  if (done || exchange.may_fail || !first.ok()) co_return;
  first = done.error().in(std::string(to_string(exchange.kind)) + " '" + exchange.name + "'");
}

asio::awaitable<Result<void>> drain_and_save(Exchange& exchange) {
  if (!exchange.leaves) co_return Result<void>();
  // What hangs already can neither hand over nor be waited for; what never ran has nothing.
  if (exchange.leaves->hangs() || !exchange.leaves->started()) co_return Result<void>();
  auto saved = co_await exchange.leaves->quiesce();
  if (saved) {
    exchange.state = std::move(*saved);
    co_return Result<void>();
  }
  // Nobody goes on from what is only removed.
  if (exchange.enters) co_return saved.error();
  telemetry::log_warning(exchange.name, saved.error().message + "; it is removed all the same");
  co_return Result<void>();
}

asio::awaitable<Result<void>> restore_and_start(Exchange& exchange) {
  if (!exchange.enters) co_return Result<void>();
  // What another plugin saved under the same name is not for this one.
  const bool same_plugin = exchange.leaves && exchange.leaves->spec().plugin == exchange.enters->spec().plugin;
  std::optional<plugin::SavedState> state;
  if (same_plugin) state = exchange.state;
  co_return co_await exchange.enters->start(std::move(state));
}

}  // namespace

asio::awaitable<Result<void>> Exchanges::prepare(const plugin::Stage& stage) {
  Result<void> first;
  std::vector<asio::awaitable<void>> steps;
  for (auto& exchange : all_) {
    if (!exchange.enters) continue;
    steps.push_back(note_first(exchange, exchange.enters->prepare(&stage), first));
  }
  co_await await_all(control_, std::move(steps));
  co_return first;
}

asio::awaitable<Result<void>> Exchanges::hand_over() {
  const Result<void> saved = co_await each(&drain_and_save);
  if (!saved) co_return saved;
  co_return co_await each(&restore_and_start);
}

asio::awaitable<Result<void>> Exchanges::each(Step step) {
  Result<void> first;
  std::vector<asio::awaitable<void>> steps;
  for (auto& exchange : all_) steps.push_back(note_first(exchange, step(exchange), first));
  co_await await_all(control_, std::move(steps));
  co_return first;
}

asio::awaitable<void> Exchanges::resume() {
  const auto go_on = [](std::shared_ptr<Instance> instance) -> asio::awaitable<void> {
    const auto resumed = co_await instance->resume();
    if (!resumed) telemetry::log_error(instance->name(), "resume: " + resumed.error().message);
  };
  std::vector<asio::awaitable<void>> steps;
  for (auto& exchange : all_) {
    if (exchange.leaves) steps.push_back(go_on(exchange.leaves));
  }
  co_await await_all(control_, std::move(steps));
}

asio::awaitable<void> Exchanges::hand_back(Environment& environment, std::uint64_t& generation) {
  std::vector<asio::awaitable<void>> steps;
  for (auto& exchange : all_) steps.push_back(settle(exchange, environment, ++generation));
  co_await await_all(control_, std::move(steps));
}

asio::awaitable<void> Exchanges::settle(Exchange& exchange, Environment& environment, std::uint64_t generation) {
  std::optional<plugin::SavedState> state;
  if (exchange.enters) {
    auto saved = co_await exchange.enters->quiesce();
    if (saved) {
      state = std::move(*saved);
    } else if (exchange.leaves) {
      telemetry::log_warning(exchange.name,
                             saved.error().message + "; what it replaced goes on from where it left off");
    }
  }
  if (!exchange.leaves) co_return;
  const bool same_plugin = exchange.enters && exchange.leaves->spec().plugin == exchange.enters->spec().plugin;
  if (state && same_plugin && exchange.leaves->started() && exchange.leaves->has_state()) {
    const auto again = std::make_shared<Instance>(environment, exchange.leaves->spec(), generation);
    Instance::Code code = exchange.leaves->library();
    Result<void> started = co_await again->prepare(std::move(code));
    again->set_demands(exchange.leaves->demands());
    if (started) started = co_await again->start(std::move(state));
    if (started) {
      exchange.spare = std::exchange(exchange.leaves, again);
      co_return;
    }
    telemetry::log_warning(exchange.name, "the state of what is rolled back is lost: " + started.error().message);
    exchange.spare = again;
  }
  const auto resumed = co_await exchange.leaves->resume();
  if (!resumed) telemetry::log_error(exchange.name, "resume: " + resumed.error().message);
}

}  // namespace sentinel::runtime
