#include "tests/support/alertmanager.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <random>

#include "core/http/client.hpp"

namespace sentinel::testing {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

const fs::path unpacked = fs::path(SENTINEL_SOURCE_DIR) / "build" / "peers" / "usr";

bool can_bind(int type, std::uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

/// Takes the port for as long as this process lives, by a name that no two have: the tests that run beside this one
/// choose from the same ports, and a server binds its own only later.
bool reserve(std::uint16_t port) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  const std::string text = "sentinel-test-port-" + std::to_string(port);
  text.copy(name.sun_path + 1, sizeof name.sun_path - 1);  // behind a zero: abstract, unix(7)
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (::bind(fd, reinterpret_cast<sockaddr*>(&name), size) == 0) return true;
  ::close(fd);
  return false;
}

std::string without_scheme(const std::string& url) {
  return url.substr(url.find("://") + 3);
}

/// The body of a 200.
std::optional<std::string> body_of(const std::string& address, const std::string& path) {
  auto response = http::get({{}, address}, path);
  if (!response || response->status != 200) return std::nullopt;
  return std::move(response->body);
}

bool answers(Process& process, const std::string& address, const std::string& path) {
  return eventually([&] { return body_of(address, path) || !process.running(); }) && process.running();
}

json::value parsed(const std::optional<std::string>& text) {
  if (!text) return {};
  boost::system::error_code bad;
  auto value = json::parse(*text, bad);
  return bad ? json::value() : value;
}

void end(std::optional<Process>& process) {
  if (!process) return;
  process->send(SIGTERM);
  EXPECT_TRUE(process->wait()) << "SIGTERM does not end it:\n" << process->err();
  process.reset();
}

std::string text_of(std::chrono::milliseconds time) {
  return std::to_string(time.count()) + "ms";
}

}  // namespace

fs::path peer(std::string_view program) {
  return unpacked / "bin" / program;
}

std::string free_address() {
  // Below what net.ipv4.ip_local_port_range is anywhere by default, and above the services that are well known.
  std::uniform_int_distribution<int> ports(20'000, 31'999);
  std::random_device random;
  for (;;) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (reserve(port) && can_bind(SOCK_STREAM, port) && can_bind(SOCK_DGRAM, port))
      return "127.0.0.1:" + std::to_string(port);
  }
}

void Alertmanager::start(const Options& options) {
  write_text(folder_ / "alertmanager.yml",
             "route: {receiver: hook, group_by: [alertname], group_wait: " + text_of(options.group_wait) +
                 ", group_interval: " + text_of(options.group_interval) +
                 "}\n"
                 "receivers: [{name: hook, webhook_configs: [{url: '" +
                 options.post_to + "', send_resolved: true}]}]\n");
  std::vector<std::string> command = {
      // Debian's reads its templates from /usr/share and nowhere else: it is shown the unpacked one.
      "unshare", "--map-root-user", "--mount", "sh", "-c", R"(mount --bind "$0" /usr/share && exec "$@")",
      unpacked / "share",
      //
      peer("prometheus-alertmanager"), "--config.file=" + (folder_ / "alertmanager.yml").string(),
      "--storage.path=" + (folder_ / "data").string(), "--web.listen-address=" + address_,
      "--cluster.listen-address=" + (options.clustered ? cluster_address_ : std::string()),
      // Each waits so long for the one before it in the cluster: longer than word of a notification takes to come
      // round.
      "--cluster.peer-timeout=3s"};
  for (const auto& each : options.peers) command.push_back("--cluster.peer=" + each);
  process_.emplace(std::move(command));
}

bool Alertmanager::wait_ready() {
  return process_ && answers(*process_, address_, "/-/healthy");
}

void Alertmanager::stop() {
  end(process_);
}

json::array Alertmanager::alerts(const std::vector<std::string>& matchers) const {
  std::vector<std::string> command = {peer("amtool"), "--alertmanager.url=" + url(), "-o", "json", "alert", "query"};
  command.insert(command.end(), matchers.begin(), matchers.end());
  const auto ended = run(std::move(command));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  auto list = parsed(ended.out);
  return list.is_array() ? list.as_array() : json::array();
}

std::string Alertmanager::exposition() const {
  return body_of(address_, "/metrics").value_or("");
}

bool Alertmanager::is_one_of(std::size_t members) const {
  const auto status = parsed(body_of(address_, "/api/v2/status"));
  if (!status.is_object()) return false;
  const auto& cluster = status.at("cluster");
  return cluster.at("status") == "ready" && cluster.at("peers").as_array().size() == members;
}

void Prometheus::configure(const Options& options) const {
  std::string text = "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n";
  if (!options.rules.empty()) text += "rule_files: ['" + options.rules.string() + "']\n";
  if (!options.alertmanager.empty()) {
    text += "alerting: {alertmanagers: [{static_configs: [{targets: ['" + without_scheme(options.alertmanager) +
            "']}]}]}\n";
  }
  text +=
      "scrape_configs: [{job_name: '" + options.job + "', static_configs: [{targets: ['" + options.scrapes + "']}]}]\n";
  write_text(config_file_, text);
}

void Prometheus::start(const Options& options) {
  configure(options);
  process_.emplace(std::vector<std::string>{peer("prometheus"), "--config.file=" + config_file_.string(),
                                            "--storage.tsdb.path=" + (folder_ / "tsdb").string(),
                                            "--web.listen-address=" + address_, "--web.enable-lifecycle"});
}

bool Prometheus::wait_ready() {
  return process_ && answers(*process_, address_, "/-/ready");
}

void Prometheus::stop() {
  end(process_);
}

json::value Prometheus::ask(const std::string& path) const {
  auto answer = parsed(body_of(address_, path));
  return answer.is_object() ? answer.at("data") : json::value();
}

json::array Prometheus::query(const std::string& expression) const {
  const auto data = ask("/api/v1/query?query=" + expression);
  return data.is_object() ? data.at("result").as_array() : json::array();
}

json::value Prometheus::rule(std::string_view name) const {
  const auto data = ask("/api/v1/rules");
  if (!data.is_object()) return {};
  for (const auto& group : data.at("groups").as_array()) {
    for (const auto& rule : group.at("rules").as_array()) {
      if (rule.at("name").as_string() == name) return rule;
    }
  }
  return {};
}

json::value Prometheus::alert(std::string_view name) const {
  const auto data = ask("/api/v1/alerts");
  if (!data.is_object()) return {};
  for (const auto& alert : data.at("alerts").as_array()) {
    if (alert.at("labels").at("alertname").as_string() == name) return alert;
  }
  return {};
}

}  // namespace sentinel::testing
