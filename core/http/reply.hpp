#pragma once

#include <functional>
#include <memory>

#include "core/http/message.hpp"

namespace sentinel::http {

/// The answer that a request still waits for. A handler sends it once, at once or later, from any thread; copies share
/// the one answer. When the last copy goes unanswered the client gets 500. Sending after the server's deadline, after
/// the client has gone or after the server has gone does nothing.
class Reply {
 public:
  /// \p deliver is called exactly once, on the thread that sends or drops.
  explicit Reply(std::function<void(Response)> deliver);

  /// Sends the answer. gzip, when the client wants it, is done here, on the caller's thread. Later calls do nothing.
  void operator()(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sentinel::http
