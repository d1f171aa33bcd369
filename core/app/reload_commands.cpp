#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <thread>

#include "core/app/ask.hpp"
#include "core/app/commands.hpp"

namespace sentinel::app {
namespace json = boost::json;
namespace {

/// A reload ends within the deadlines of its stages, which are the agent's business.
constexpr std::chrono::milliseconds patience = std::chrono::minutes(2);
constexpr std::chrono::milliseconds between_looks(200);

std::string text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->get_string());
}

bool is_verdict(const Answer& answer) {
  const auto* root = answer.json.if_object();
  return root != nullptr && root->contains("result") && root->contains("lines");
}

int no_verdict(const char* command, const Answer& answer) {
  std::fprintf(stderr, "sentinel %s: the agent answered %d: %s\n", command, answer.status, answer.body.c_str());
  return failed;
}

void print_lines(const json::object& verdict, std::FILE* out) {
  for (const auto& line : verdict.at("lines").as_array()) std::fprintf(out, "%s\n", line.as_string().c_str());
}

void print_mistakes(const json::object& verdict) {
  for (const auto& line : verdict.at("diagnostics").as_array()) {
    std::fprintf(stderr, "%s\n", line.as_string().c_str());
  }
}

bool went_well(const json::object& verdict) {
  const auto result = text(verdict, "result");
  return result == "committed" || result == "unchanged";
}

/// The verdict, once what the reload replaced stands by no longer.
std::optional<Answer> after_probation(const AskOptions& options, int& code) {
  for (;;) {
    auto status = ask(options, "reload", "/api/v1/status", std::nullopt, code);
    if (!status) return status;
    const auto* root = status->json.if_object();
    const auto* reload = root == nullptr ? nullptr : root->if_contains("reload");
    if (reload == nullptr || !reload->is_object()) return status;
    if (text(reload->as_object(), "state") == "idle") {
      return Answer{status->status, json::serialize(reload->as_object().at("last")), reload->as_object().at("last")};
    }
    std::this_thread::sleep_for(between_looks);
  }
}

}  // namespace

int plan(const AskOptions& options, const std::filesystem::path& file, bool as_json) {
  json::object body;
  if (!file.empty()) {
    std::error_code failure;
    body["file"] = std::filesystem::absolute(file, failure).string();
  }
  int code = good;
  const auto answer = ask(options, "plan", "/-/plan", json::serialize(body), code, patience);
  if (!answer) return code;
  if (!is_verdict(*answer)) return no_verdict("plan", *answer);
  const json::object& verdict = answer->json.as_object();
  if (as_json) {
    std::printf("%s\n", answer->body.c_str());
  } else {
    print_mistakes(verdict);
    if (went_well(verdict)) print_lines(verdict, stdout);  // what a mistake leaves of a plan is none
  }
  return went_well(verdict) ? good : bad_file;
}

int reload(const AskOptions& options, bool wait, bool as_json) {
  int code = good;
  auto answer = ask(options, "reload", "/-/reload", "{}", code, patience);
  if (!answer) return code;
  if (wait && is_verdict(*answer) && answer->json.as_object().at("probation").as_bool()) {
    answer = after_probation(options, code);
    if (!answer) return code;
  }
  if (!is_verdict(*answer)) return no_verdict("reload", *answer);
  const json::object& verdict = answer->json.as_object();
  if (as_json) {
    std::printf("%s\n", answer->body.c_str());
  } else {
    print_mistakes(verdict);
    print_lines(verdict, stdout);
    const auto reason = text(verdict, "reason");
    std::printf("%s%s\n", text(verdict, "result").c_str(),
                reason.empty() ? "" : (" at " + text(verdict, "stage") + ": " + reason).c_str());
  }
  return went_well(verdict) ? good : failed;
}

}  // namespace sentinel::app
