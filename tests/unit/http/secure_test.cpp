// TLS and passwords on the running server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "certificates.hpp"
#include "core/http/server.hpp"
#include "support.hpp"

namespace sentinel::http::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// "secret" and "changed", at cost 4.
constexpr const char* secret_hash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
constexpr const char* changed_hash = "$2b$04$abcdefghijklmnopqrstuu5XQl64I3WPWSJw.ftK7xXCrRn1r6QJi";
constexpr const char* alice = "Authorization: Basic YWxpY2U6c2VjcmV0\r\n";
constexpr const char* alice_changed = "Authorization: Basic YWxpY2U6Y2hhbmdlZA==\r\n";
constexpr const char* mallory = "Authorization: Basic bWFsbG9yeTpzZWNyZXQ=\r\n";

std::string users(const char* hash) {
  return "basic_auth_users:\n  alice: " + std::string(hash) + "\n";
}

class Secure : public ::testing::Test {
 protected:
  /// A configuration whose password checks run on a thread each, and are counted.
  ServerConfig config(std::string_view web) {
    ServerConfig config;
    config.web_config = folder_.write("web.yml", web);
    config.unix_socket = folder_.path() / "s";
    config.run_on_worker = [this](std::function<void()> job) {
      ++checks_;
      std::thread(std::move(job)).detach();
    };
    config.is_loopback = [](const std::string&) { return false; };
    return config;
  }

  std::string tls(std::string_view more = "") {
    folder_.write("server.crt", server_.certificate_pem());
    folder_.write("server.key", server_.key_pem());
    folder_.write("ca.crt", ca_.certificate_pem());
    return "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n" + std::string(more);
  }

  static Answer ask_tls(LiveServer& live, const std::string& request, const Identity* identity = nullptr) {
    const auto context = client_context(identity);
    RawClient client = RawClient::tcp(live.port());
    if (!client.start_tls(context.get())) return {};
    // A server that refuses a request may stop reading it.
    (void)client.send(request);
    return client.read();
  }

  TemporaryFolder folder_;
  const Identity ca_{"ca"};
  const Identity server_{"server", "DNS:localhost", &ca_};
  std::atomic<int> checks_ = 0;
};

TEST_F(Secure, EverythingOnTcpNeedsThePassword) {
  LiveServer live(config(users(secret_hash)));
  ASSERT_EQ(live.start_error(), "");
  const Route open = add(live, "GET", "/metrics", says("m"));
  const Route guarded = add(
      live, "GET", "/api", [](const Request& request, const Reply& reply) { reply(Response::text(200, request.user)); },
      Access::guarded);
  for (const char* path : {"/metrics", "/api", "/absent", "/"}) {
    const Answer refused = ask(live.port(), get(path));
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_THAT(refused.headers.at("www-authenticate"), HasSubstr("Basic realm="));
  }
  EXPECT_EQ(ask(live.port(), get("/metrics", mallory)).status, 401);
  EXPECT_EQ(ask(live.port(), get("/metrics", alice_changed)).status, 401);
  EXPECT_EQ(checks_, 2);
  EXPECT_EQ(ask(live.port(), get("/metrics", alice)).status, 200);
  EXPECT_EQ(ask(live.port(), get("/api", alice)).body, "alice\n");
  EXPECT_EQ(ask(live.port(), get("/absent", alice)).status, 404);
  EXPECT_EQ(checks_, 3) << "what passed is remembered";
  EXPECT_EQ(ask(live.port(), get("/metrics", mallory)).status, 401);
  EXPECT_EQ(checks_, 4) << "what failed is not";
  EXPECT_EQ(live.counters().auth_errors, 7U);

  RawClient local = RawClient::unix_socket(folder_.path() / "s");
  local.send(get("/api"));
  EXPECT_EQ(local.read().status, 200) << "the file's mode is the authentication";
}

TEST_F(Secure, LoopbackNeedsThePasswordToo) {
  ServerConfig settings = config(users(secret_hash));
  settings.is_loopback = nullptr;
  LiveServer live(settings);
  EXPECT_EQ(ask(live.port(), get("/")).status, 401);
  EXPECT_EQ(ask(live.port(), get("/", alice)).status, 200);
}

TEST_F(Secure, ManyClientsWithPasswordsOnOneConnectionEach) {
  LiveServer live(config(users(secret_hash)));
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      RawClient client = RawClient::tcp(live.port());
      for (int round = 0; round < 20; ++round) {
        client.send(get("/", (i + round) % 2 == 0 ? alice : mallory));
        const int status = client.read().status;
        if (status == ((i + round) % 2 == 0 ? 200 : 401)) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 8 * 20);
}

TEST_F(Secure, AFloodOfWrongPasswordsWaitsInABoundedLine) {
  ServerConfig settings = config(users(secret_hash));
  std::mutex mutex;
  std::vector<std::function<void()>> line;
  settings.run_on_worker = [&](std::function<void()> job) {
    const std::scoped_lock lock(mutex);
    line.push_back(std::move(job));
  };
  LiveServer live(settings);
  std::vector<RawClient> waiting;
  for (int i = 0; i < 16; ++i) {
    waiting.push_back(RawClient::tcp(live.port()));
    waiting.back().send(get("/", mallory));
  }
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return line.size() == 16;
  }));
  EXPECT_EQ(ask(live.port(), get("/", mallory)).status, 503);
  {
    const std::scoped_lock lock(mutex);
    for (const auto& job : line) job();
    line.clear();
  }
  for (auto& client : waiting) EXPECT_EQ(client.read().status, 401);
  RawClient next = RawClient::tcp(live.port());
  next.send(get("/", alice));
  EXPECT_TRUE(eventually([&] {
    const std::scoped_lock lock(mutex);
    return line.size() == 1;
  }));
  {
    const std::scoped_lock lock(mutex);
    line.front()();
    line.clear();
  }
  EXPECT_EQ(next.read().status, 200);
}

TEST_F(Secure, AWorkerThatDropsTheCheckIsNotWaitedForForEver) {
  ServerConfig settings = config(users(secret_hash));
  settings.limits.handler_timeout = 50ms;
  settings.run_on_worker = [](const std::function<void()>&) {};
  LiveServer live(settings);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(live.port(), get("/", alice)).status, 503);
}

TEST_F(Secure, UsersNeedAWorker) {
  ServerConfig settings = config(users(secret_hash));
  settings.run_on_worker = nullptr;
  const LiveServer live(settings);
  EXPECT_THAT(live.start_error(), HasSubstr("run_on_worker"));
}

TEST_F(Secure, ABrokenFileKeepsTheServerFromStarting) {
  const LiveServer live(config("nonsense: true\n"));
  EXPECT_THAT(live.start_error(), HasSubstr("web.yml:1:1"));
}

TEST_F(Secure, AChangedFileIsFollowedAndABrokenOneIsNot) {
  LiveServer live(config(users(secret_hash)));
  RawClient client = RawClient::tcp(live.port());
  client.send(get("/", alice));
  EXPECT_EQ(client.read().status, 200);

  folder_.write("web.yml", "broken\n");
  EXPECT_TRUE(eventually([&] {
    client.send(get("/", alice));
    EXPECT_EQ(client.read().status, 200) << "the former configuration stays";
    return live.problems().find("web.yml:1:1") != std::string::npos;
  }));
  folder_.write("web.yml", users(changed_hash));
  EXPECT_TRUE(eventually([&] {
    client.send(get("/", alice_changed));
    return client.read().status == 200;
  }));
  client.send(get("/", alice));
  EXPECT_EQ(client.read().status, 401) << "also on a connection that was let in before";
}

TEST_F(Secure, ReloadSaysWhatIsWrong) {
  LiveServer live(config(users(secret_hash)));
  folder_.write("web.yml", "broken\n");
  live.on_loop([&] {
    const auto reloaded = live.server().reload_web_config();
    ASSERT_FALSE(reloaded);
    EXPECT_THAT(reloaded.error().message, HasSubstr("web.yml:1:1"));
  });
  folder_.write("web.yml", "{}\n");
  live.on_loop([&] { EXPECT_TRUE(live.server().reload_web_config()); });
  EXPECT_EQ(ask(live.port(), get("/")).status, 200);
}

TEST_F(Secure, TlsServesRoutesWithConfiguredHeaders) {
  LiveServer live(config(tls() + "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"));
  ASSERT_EQ(live.start_error(), "");
  const Route big = add(live, "GET", "/big", says(std::string(3000000, 'x')));
  const Route guarded = add(live, "GET", "/api", says("a"), Access::guarded);
  const auto context = client_context();
  RawClient client = RawClient::tcp(live.port());
  ASSERT_TRUE(client.start_tls(context.get()));
  for (int i = 0; i < 3; ++i) {
    client.send(get("/big"));
    const Answer answer = client.read();
    EXPECT_EQ(answer.body.size(), 3000001U);
    EXPECT_EQ(answer.headers.at("x-frame-options"), "deny");
  }
  client.send(get("/api") + get("/", "Connection: close\r\n"));
  EXPECT_EQ(client.read().status, 403) << "TLS alone says nothing of who asks";
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(client.closed());
}

TEST_F(Secure, TlsRefusesWhatIsNoTls) {
  LiveServer live(config(tls()));
  const Answer plain = ask(live.port(), get("/"));
  EXPECT_EQ(plain.status, 400);
  EXPECT_THAT(plain.body, HasSubstr("HTTPS"));
  RawClient garbage = RawClient::tcp(live.port());
  garbage.send(std::string(1000, '\x16'));
  EXPECT_TRUE(garbage.closed());
  EXPECT_EQ(live.counters().tls_errors, 2U);
  EXPECT_EQ(ask_tls(live, get("/")).status, 200);
}

TEST_F(Secure, TlsHandshakeHasADeadline) {
  ServerConfig settings = config(tls());
  settings.limits.header_timeout = 50ms;
  LiveServer live(settings);
  RawClient silent = RawClient::tcp(live.port());
  EXPECT_TRUE(silent.closed());
  EXPECT_EQ(live.counters().timeouts, 1U);
}

TEST_F(Secure, TlsVersionsAreBounded) {
  LiveServer live(config(tls("  min_version: TLS13\n")));
  const auto old = client_context();
  ::SSL_CTX_set_max_proto_version(old.get(), TLS1_2_VERSION);
  RawClient client = RawClient::tcp(live.port());
  EXPECT_FALSE(client.start_tls(old.get()));
  EXPECT_EQ(ask_tls(live, get("/")).status, 200);
}

TEST_F(Secure, ClientCertificatesAuthenticate) {
  const Identity scraper("scraper", "DNS:scraper.example", &ca_);
  const Identity stranger("stranger", "DNS:scraper.example");
  LiveServer live(config(tls("  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n")));
  const Route guarded = add(live, "GET", "/api", says("a"), Access::guarded);
  EXPECT_EQ(ask_tls(live, get("/api"), &scraper).status, 200);
  EXPECT_EQ(ask_tls(live, get("/"), &stranger).status, 0);
  EXPECT_EQ(ask_tls(live, get("/")).status, 0);
}

TEST_F(Secure, ClientCertificatesThatAreOptional) {
  const Identity scraper("scraper", "", &ca_);
  LiveServer live(config(tls("  client_ca_file: ca.crt\n  client_auth_type: VerifyClientCertIfGiven\n")));
  const Route guarded = add(live, "GET", "/api", says("a"), Access::guarded);
  EXPECT_EQ(ask_tls(live, get("/api"), &scraper).status, 200);
  EXPECT_EQ(ask_tls(live, get("/api")).status, 403);
  EXPECT_EQ(ask_tls(live, get("/")).status, 200);
}

TEST_F(Secure, ClientCertificatesThatNobodyVerifiesAuthenticateNobody) {
  const Identity stranger("stranger");
  LiveServer live(config(tls("  client_auth_type: RequireAnyClientCert\n")));
  const Route guarded = add(live, "GET", "/api", says("a"), Access::guarded);
  EXPECT_EQ(ask_tls(live, get("/"), &stranger).status, 200);
  EXPECT_EQ(ask_tls(live, get("/api"), &stranger).status, 403);
  EXPECT_EQ(ask_tls(live, get("/")).status, 0);
}

TEST_F(Secure, ClientCertificatesMustHaveAnAllowedName) {
  const Identity named("a", "DNS:other.example,IP:10.0.0.1", &ca_);
  const Identity unnamed("scraper.example", "", &ca_);
  const Identity other("b", "DNS:scraper.example.evil,email:x@y", &ca_);
  LiveServer live(
      config(tls("  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n"
                 "  client_allowed_sans: [scraper.example, 10.0.0.1]\n")));
  EXPECT_EQ(ask_tls(live, get("/"), &named).status, 200);
  EXPECT_EQ(ask_tls(live, get("/"), &unnamed).status, 0);
  EXPECT_EQ(ask_tls(live, get("/"), &other).status, 0);
}

TEST_F(Secure, ARenewedCertificateIsServedWithoutARestart) {
  LiveServer live(config(tls()));
  EXPECT_EQ(ask_tls(live, get("/")).status, 200);
  const Identity renewed("renewed", "", &ca_);
  folder_.write("server.key", renewed.key_pem());
  folder_.write("server.crt", renewed.certificate_pem());
  EXPECT_TRUE(eventually([&] {
    const auto context = client_context();
    const std::shared_ptr<SSL> tls(::SSL_new(context.get()), ::SSL_free);
    const RawClient client = RawClient::tcp(live.port());
    ::SSL_set_fd(tls.get(), client.fd());
    if (::SSL_connect(tls.get()) != 1) return false;
    const std::shared_ptr<X509> shown(::SSL_get1_peer_certificate(tls.get()), ::X509_free);
    return ::X509_cmp(shown.get(), renewed.certificate()) == 0;
  }));
}

TEST_F(Secure, PasswordsOverTls) {
  LiveServer live(config(tls() + users(secret_hash)));
  EXPECT_EQ(ask_tls(live, get("/")).status, 401);
  EXPECT_EQ(ask_tls(live, get("/", mallory)).status, 401);
  EXPECT_EQ(ask_tls(live, get("/", alice)).status, 200);
}

TEST_F(Secure, ABodyTooLargeOverTlsIsStillAnswered) {
  LiveServer live(config(tls() + users(secret_hash)));
  const Route route = add(live, "POST", "/x", says("x"));
  EXPECT_EQ(ask_tls(live, post("/x", "[" + std::string(1100000, ' ') + "]", alice)).status, 413);
}

}  // namespace
}  // namespace sentinel::http::testing
