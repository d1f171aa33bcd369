#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sentinel/result.hpp>

#include "core/runtime/instance.hpp"

namespace sentinel::runtime {

/// One name of the topology whose instance changes: `enters` takes the place of `leaves`. Either may be null.
struct Exchange {
  Kind kind = Kind::collector;
  std::string name;
  std::shared_ptr<Instance> leaves;
  std::shared_ptr<Instance> enters;
  bool may_fail = false;  ///< what leaves does not run either, or nothing runs yet: no reason to keep the rest back
  std::optional<plugin::SavedState> state;  ///< that leaves saved
  std::shared_ptr<Instance> spare;          ///< after hand_back(): an instance of the old code that is not needed
};

/// The exchanges of one plan, which happen together or not at all. The coroutines run on the control loop and return
/// when every instance has done its part, or failed. The stages, in order:
/// prepare beside what runs -> hand over (drain and save, then restore and start) -> whoever owns the names switches;
/// or undo.
class Exchanges {
 public:
  Exchanges(boost::asio::io_context& control, std::vector<Exchange> all) : control_(control), all_(std::move(all)) {}

  [[nodiscard]] const std::vector<Exchange>& all() const { return all_; }

  /// Loads and creates all that enters. Errors: of the first that must not fail, with its name.
  boost::asio::awaitable<Result<void>> prepare(const plugin::Stage& stage);
  /// What leaves drains and saves; what enters restores and starts. Errors: as prepare().
  boost::asio::awaitable<Result<void>> hand_over();
  /// After a hand_over() that failed: what leaves goes on.
  boost::asio::awaitable<void> resume();
  /// After the switch, when what entered proves bad: it drains and saves; what left goes on from there, as a new
  /// instance of the old code where it keeps state, else as it was. What goes on is then in `leaves`.
  boost::asio::awaitable<void> hand_back(Environment& environment, std::uint64_t& generation);

 private:
  using Step = boost::asio::awaitable<Result<void>> (*)(Exchange&);
  boost::asio::awaitable<Result<void>> each(Step step);
  boost::asio::awaitable<void> settle(Exchange& exchange, Environment& environment, std::uint64_t generation);

  boost::asio::io_context& control_;
  std::vector<Exchange> all_;
};

}  // namespace sentinel::runtime
