#pragma once

// Internal to core/http: includes Asio.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/passwords.hpp"
#include "core/http/tls.hpp"
#include "core/http/web_config.hpp"

namespace sentinel::http {

/// A web configuration in force. Connections keep the one that they began with alive.
struct WebState {
  WebConfig config;
  std::shared_ptr<boost::asio::ssl::context> tls;  ///< null: plain HTTP
  std::shared_ptr<Passwords> passwords;            ///< null: nobody needs one
};

/// Holds the web configuration and follows its files. Control loop only.
class WebGuard {
 public:
  /// \p file may be empty: then nothing is configured.
  explicit WebGuard(std::filesystem::path file);

  /// Reads everything again; on an error the former state stays in force.
  Result<void> reload();

  /// Reads everything again if a file has changed since; looks at most once a second. A failure is told to
  /// \p on_problem once per change, and the former state stays.
  void refresh(const std::function<void(std::string_view)>& on_problem);

  /// Never null.
  [[nodiscard]] const std::shared_ptr<const WebState>& state() const { return state_; }

 private:
  /// What tells one version of a file from the next.
  struct Stamp {
    std::filesystem::path file;
    long long seconds = 0;
    long long nanoseconds = 0;
    unsigned long long inode = 0;
    long long size = -1;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp(const std::filesystem::path& file);
  void note_stamps(const WebConfig& config);

  std::filesystem::path file_;
  std::shared_ptr<const WebState> state_;
  std::vector<Stamp> stamps_;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace sentinel::http
