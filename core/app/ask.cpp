#include "core/app/ask.hpp"

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "core/app/commands.hpp"
#include "core/config/config.hpp"
#include "core/http/client.hpp"

namespace sentinel::app {
namespace {

Result<http::Endpoint> endpoint(const AskOptions& options) {
  if (!options.address.empty()) return http::Endpoint{{}, options.address};
  if (!options.socket.empty()) return http::Endpoint{options.socket, {}};
  const auto loaded = config::load(options.file, config::process_environment());
  const auto socket = loaded.config.agent.state_dir / "sentinel.sock";
  // A file with mistakes may lead to the agent all the same, which is asked just because of them.
  std::error_code unknown;
  const bool leads = std::filesystem::exists(options.file, unknown) && std::filesystem::is_socket(socket, unknown);
  if (!loaded.ok() && !leads) {
    return Error{Errc::invalid_argument, config::to_string(loaded.diagnostics.front()) +
                                             "\nname the agent's socket with --socket, or its address with --address"};
  }
  return http::Endpoint{socket, {}};
}

}  // namespace

std::optional<Answer> ask(const AskOptions& options, std::string_view command, std::string_view path,
                          std::optional<std::string_view> json, int& code, std::chrono::milliseconds timeout) {
  const auto where = endpoint(options);
  if (!where) {
    std::fprintf(stderr, "%s\n", where.error().message.c_str());
    code = bad_file;
    return std::nullopt;
  }
  http::ClientLimits limits;
  limits.timeout = timeout;
  auto response = json ? http::post(*where, path, *json, limits) : http::get(*where, path, limits);
  if (!response) {
    std::fprintf(stderr, "sentinel %s: %s\n", std::string(command).c_str(), response.error().message.c_str());
    code = failed;
    return std::nullopt;
  }
  Answer answer{response->status, std::move(response->body), nullptr};
  boost::system::error_code bad;
  auto parsed = boost::json::parse(answer.body, bad);
  if (!bad) answer.json = std::move(parsed);
  return answer;
}

}  // namespace sentinel::app
