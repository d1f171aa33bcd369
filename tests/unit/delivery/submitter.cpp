// usage: delivery_submitter SPOOL webhook|alertmanager URL FIRST
//
// Submits alerts numbered from FIRST, each firing and, two later, its end, until it is killed. Prints "f N" or "r N"
// when a submission returned, so that who killed it knows what must not be lost.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/delivery/courier.hpp"

using namespace sentinel::delivery;

namespace {

Notification alert(long number, bool firing) {
  constexpr std::int64_t second = 1'000'000'000;
  Notification notification;
  notification.fingerprint = static_cast<std::uint64_t>(number);
  notification.firing = firing;
  notification.labels = {{"alertname", std::to_string(number)}, {"padding", std::string(100, 'x')}};
  notification.starts_at_ns = number * second;
  notification.ends_at_ns = firing ? 0 : (number + 1) * second;
  return notification;
}

/// Into the pipe or file at once: what is in a buffer of stdio dies with the process.
void say(const char* what, long number) {
  const std::string line = std::string(what) + " " + std::to_string(number) + "\n";
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) std::abort();
}

int fail(const sentinel::Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return 2;
  CourierOptions options;
  options.spool = arguments[1];
  options.first_backoff = std::chrono::milliseconds(1);  // its life is short
  options.longest_backoff = std::chrono::milliseconds(5);
  options.external_url = arguments[4];  // tells in each post which process sent it
  options.on_problem = [](std::string_view problem) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(problem.size()), problem.data());
  };
  auto courier = Courier::open(options);
  Receiver receiver;
  receiver.protocol = std::string(arguments[2]) == "webhook" ? Protocol::webhook : Protocol::alertmanager;
  receiver.url = arguments[3];
  const auto id = courier ? (*courier)->add(receiver) : sentinel::Result<Courier::ReceiverId>(courier.error());
  if (!id) return fail(id.error());
  for (long number = std::strtol(arguments[4], nullptr, 10);; ++number) {
    if (const auto done = (*courier)->submit(*id, alert(number, true)); !done) return fail(done.error());
    say("f", number);
    if (number % 3 != 0) continue;
    if (const auto done = (*courier)->submit(*id, alert(number - 2, false)); !done) return fail(done.error());
    say("r", number - 2);
  }
}
