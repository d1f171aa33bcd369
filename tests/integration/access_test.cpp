// Who may ask the running agent: the socket's mode, TLS and passwords. The rules themselves are core/http's tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "certificates.hpp"
#include "core/http/client.hpp"
#include "tests/support/agent_process.hpp"

namespace sentinel::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view body = R"(
collectors:
  memory: {plugin: proc_mem, every: 1s}
pipelines:
  host: {to: [prometheus]}
sinks:
  prometheus: {plugin: prometheus}
)";

// "secret", at cost 4.
constexpr const char* users =
    "basic_auth_users:\n  alice: $2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

TEST(Access, TheSocketIsItsOwnersAlone) {
  TempFolder folder;
  AgentProcess agent(folder, pipeline_file(body));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();
  struct stat status = {};
  ASSERT_EQ(::stat(agent.socket().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto response = http::get({agent.socket(), {}}, "/metrics");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(samples(response->body).contains("sentinel_memory_usage"));
}

TEST(Access, WebConfigBringsTlsAndPasswords) {
  TempFolder folder;
  const http::testing::Identity identity("localhost", "DNS:localhost,IP:127.0.0.1");
  write_text(folder / "server.crt", identity.certificate_pem());
  write_text(folder / "server.key", identity.key_pem());
  std::filesystem::permissions(folder / "server.key", std::filesystem::perms(0600));
  write_text(folder / "web.yml",
             "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" + std::string(users));
  std::filesystem::permissions(folder / "web.yml", std::filesystem::perms(0600));
  AgentProcess agent(folder, pipeline_file(body, "web_config: web.yml"));
  ASSERT_TRUE(agent.wait_ready()) << agent.log();

  const std::string port = std::to_string(agent.port());
  const auto curl = [&](std::vector<std::string> options, const std::string& url) {
    std::vector<std::string> command = {"curl", "--silent",    "--show-error",         "--noproxy", "*", "--max-time",
                                        "60",   "--write-out", "\nstatus %{http_code}"};
    command.insert(command.end(), options.begin(), options.end());
    command.push_back(url);
    return run(command);
  };
  const std::string trusted = folder / "server.crt";
  EXPECT_TRUE(agent.logs("metrics: https://")) << agent.log();
  const std::string url = "https://localhost:" + port + "/metrics";
  const auto allowed = curl({"--cacert", trusted, "--user", "alice:secret"}, url);
  EXPECT_THAT(allowed.out, HasSubstr("sentinel_memory_usage ")) << allowed.err;
  EXPECT_THAT(allowed.out, HasSubstr("\nstatus 200"));
  EXPECT_THAT(curl({"--cacert", trusted}, url).out, HasSubstr("status 401"));
  EXPECT_THAT(curl({"--cacert", trusted, "--user", "alice:wrong"}, url).out, HasSubstr("status 401"));
  EXPECT_NE(curl({"--user", "alice:secret"}, url).exit_code, 0) << "an unknown certificate";
  EXPECT_THAT(curl({}, "http://localhost:" + port + "/metrics").out, Not(HasSubstr("status 200")));

  // The socket's mode is its password.
  const auto status = sentinel({"status", "--config", agent.file()});
  EXPECT_EQ(status.exit_code, 0) << status.err;
  EXPECT_EQ(agent.stop().exit_code, 0) << agent.log();
}

TEST(Access, ABadWebConfigKeepsTheAgentFromStarting) {
  TempFolder folder;
  write_text(folder / "web.yml", "basic_auth_user:\n  alice: x\n");
  AgentProcess agent(folder, pipeline_file(body, "web_config: web.yml"));
  const auto ended = agent.process().wait();
  ASSERT_TRUE(ended);
  EXPECT_NE(ended->exit_code, 0);
  EXPECT_THAT(ended->err, HasSubstr("web.yml"));
  EXPECT_THAT(ended->err, HasSubstr("basic_auth_user"));
}

TEST(Access, CheckReportsMistakesOfTheWebConfig) {
  TempFolder folder;
  write_text(folder / "web.yml", "basic_auth_user:\n  alice: secret\n");
  write_text(folder / "sentinel.yaml", pipeline_file(body, "web_config: web.yml"));
  const auto checked = sentinel({"check", folder / "sentinel.yaml"});
  EXPECT_EQ(checked.exit_code, 2);
  EXPECT_THAT(checked.err, HasSubstr("web.yml:1:1: "));
  EXPECT_THAT(checked.err, HasSubstr("basic_auth_users"));
}

}  // namespace
}  // namespace sentinel::testing
