#include "core/http/reply.hpp"

#include <atomic>
#include <utility>

namespace sentinel::http {

struct Reply::State {
  explicit State(std::function<void(Response)> f) : deliver(std::move(f)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { send(Response::text(500, "The handler ended without an answer; the agent's log says more.")); }

  void send(Response response) {
    if (answered.exchange(true)) return;
    const auto f = std::exchange(deliver, nullptr);
    f(std::move(response));
  }

  std::atomic<bool> answered = false;
  std::function<void(Response)> deliver;
};

Reply::Reply(std::function<void(Response)> deliver) : state_(std::make_shared<State>(std::move(deliver))) {}

void Reply::operator()(Response response) const {
  state_->send(std::move(response));
}

}  // namespace sentinel::http
