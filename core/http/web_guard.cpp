#include "core/http/web_guard.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace sentinel::http {

namespace {

constexpr std::chrono::seconds between_looks{1};

Result<std::shared_ptr<const WebState>> make_state(WebConfig config, const std::filesystem::path& file) {
  auto state = std::make_shared<WebState>();
  if (config.tls) {
    auto context = make_tls_context(*config.tls);
    if (!context) return context.error().in(file.string());
    state->tls = std::move(*context);
  }
  if (!config.users.empty()) state->passwords = std::make_shared<Passwords>(config.users);
  state->config = std::move(config);
  return std::shared_ptr<const WebState>(std::move(state));
}

}  // namespace

Result<WebConfig> check_web_config(const std::filesystem::path& file) {
  auto config = load_web_config(file);
  if (!config) return config.error();
  if (auto state = make_state(*config, file); !state) return state.error();
  return config;
}

WebGuard::WebGuard(std::filesystem::path file) : file_(std::move(file)), state_(std::make_shared<WebState>()) {}

WebGuard::Stamp WebGuard::stamp(const std::filesystem::path& file) {
  struct stat info = {};
  if (::stat(file.c_str(), &info) != 0) return {.file = file};
  return {file, info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ino, info.st_size};
}

void WebGuard::note_stamps(const WebConfig& config) {
  if (!config.tls) return;
  for (const TlsConfig::Pem* pem : {&config.tls->certificate, &config.tls->key, &config.tls->client_ca}) {
    if (!pem->file.empty()) stamps_.push_back(stamp(pem->file));
  }
}

Result<void> WebGuard::reload() {
  if (file_.empty()) return {};
  // Stamped before it is read: a change during the reading is then seen at the next look.
  stamps_ = {stamp(file_)};
  auto config = load_web_config(file_);
  note_stamps(config ? *config : state_->config);
  if (!config) return config.error();
  auto state = make_state(std::move(*config), file_);
  if (!state) return state.error();
  state_ = std::move(*state);
  return {};
}

void WebGuard::refresh(const std::function<void(std::string_view)>& on_problem) {
  const auto now = std::chrono::steady_clock::now();
  if (file_.empty() || now - looked_ < between_looks) return;
  looked_ = now;
  if (std::all_of(stamps_.begin(), stamps_.end(), [](const Stamp& each) { return each == stamp(each.file); })) return;
  const auto reloaded = reload();
  if (!reloaded && on_problem) {
    on_problem("the changed web configuration is not used, the former one stays: " + reloaded.error().message);
  }
}

}  // namespace sentinel::http
