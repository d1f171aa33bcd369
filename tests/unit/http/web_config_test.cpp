#include "core/http/web_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "certificates.hpp"
#include "core/http/passwords.hpp"
#include "support.hpp"

namespace sentinel::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// "secret" at cost 4.
constexpr const char* secret_hash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

TEST(WebConfigTest, ReadsWhatExporterToolkitReads) {
  const auto config = parse_web_config(R"(
tls_server_config:
  cert_file: server.crt
  key_file: /etc/tls/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: sub/../ca.crt
  client_allowed_sans: [scraper.example, 10.0.0.1]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
  curve_preferences: [CurveP256, X25519]
  prefer_server_cipher_suites: false
http_server_config:
  http2: true
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  alice: )" + std::string(secret_hash) + "\n",
                                       "/conf/web.yml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_TRUE(config->tls);
  EXPECT_EQ(config->tls->certificate.file, "/conf/server.crt");
  EXPECT_EQ(config->tls->key.file, "/etc/tls/server.key");
  EXPECT_EQ(config->tls->client_ca.file, "/conf/ca.crt");
  EXPECT_EQ(config->tls->client_auth, ClientAuth::require_and_verify);
  EXPECT_THAT(config->tls->client_allowed_sans, ElementsAre("scraper.example", "10.0.0.1"));
  EXPECT_EQ(config->tls->min_version, TlsConfig::Version::tls13);
  EXPECT_THAT(config->tls->cipher_suites, ElementsAre("ECDHE-RSA-AES128-GCM-SHA256"));
  EXPECT_THAT(config->tls->curves, ElementsAre("P-256", "X25519"));
  EXPECT_FALSE(config->tls->prefer_server_cipher_suites);
  ASSERT_EQ(config->headers.size(), 2U);
  EXPECT_EQ(config->headers[0].name, "X-Frame-Options");
  ASSERT_EQ(config->users.size(), 1U);
  EXPECT_EQ(config->users[0].name, "alice");
  EXPECT_THAT(config->notes, ElementsAre(HasSubstr("/conf/web.yml:14:10: http2")));
}

TEST(WebConfigTest, NothingIsConfiguredByAnEmptyFile) {
  for (const char* text :
       {"", "# nothing\n", "{}", "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n",
        "tls_server_config: {}\nhttp_server_config: {http2: false, headers: {X-Frame-Options: }}\n"}) {
    const auto config = parse_web_config(text, "web.yml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_FALSE(config->tls);
    EXPECT_TRUE(config->users.empty());
    EXPECT_TRUE(config->headers.empty());
    EXPECT_TRUE(config->notes.empty());
  }
}

TEST(WebConfigTest, EveryMistakeIsNamedWithItsPlace) {
  const std::string user = std::string("u: ") + secret_hash;
  struct Case {
    std::string text;
    const char* message;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"basic_auth_user: {}",
            "w.yml:1:1: a web configuration knows no basic_auth_user, probably basic_auth_users is meant"},
           {"[]", "w.yml:1:1: a web configuration must be a mapping"},
           {"just text", "w.yml:1:1: a web configuration must be a mapping"},
           {"a: b: c", "w.yml:1:5: "},
           {"{", "w.yml:"},
           {"? [x]\n: y", "a key of a web configuration must be text"},
           {"basic_auth_users: {}\nbasic_auth_users: {}", "w.yml:2:1: a web configuration has basic_auth_users twice"},
           {"basic_auth_users:\n  " + user + "\n  " + user, "w.yml:3:3: basic_auth_users has u twice"},
           {"basic_auth_users: [a]", "w.yml:1:19: basic_auth_users must be a mapping"},
           {"basic_auth_users: {a: secret}", "w.yml:1:23: the password of a is no bcrypt hash"},
           {"basic_auth_users: {a: }", "the password of a is missing"},
           {"basic_auth_users: {a: [x]}", "the password hash of a must be text"},
           {"basic_auth_users: {\"a:b\": x}", "a user's name must have a character and no colon"},
           {"basic_auth_users: {a: $2b$31$" + std::string(53, 'a') + "}", "has a cost outside 4 to 16"},
           {"basic_auth_users: {a: $2x$10$" + std::string(53, 'a') + "}", "is no bcrypt hash"},
           {"basic_auth_users: {a: $2b$10$" + std::string(52, 'a') + "!}", "is no bcrypt hash"},
           {"http_server_config: {http2: maybe}", "w.yml:1:29: http2 must be true or false"},
           {"http_server_config: {headers: {X-Other: a}}", "headers knows no X-Other"},
           {"http_server_config: {headers: {X-Frame-Options: allow}}", "must be deny or sameorigin"},
           {"http_server_config: {headers: {X-Content-Type-Options: sniff}}", "must be nosniff"},
           {"http_server_config: {headers: {Content-Security-Policy: \"a\\r\\nb: c\"}}", "must be one line"},
           {"http_server_config: {headers: {Content-Security-Policy: [a]}}", "must be text"},
           {"tls_server_config: {cert_file: a}", "tls_server_config needs key_file"},
           {"tls_server_config: {key_file: a}", "tls_server_config needs cert_file"},
           {"tls_server_config: {cert_fil: a}", "probably cert_file is meant"},
           {"tls_server_config: {cert_file: a, cert: b, key_file: c}", "as a file and as text"},
           {"tls_server_config: {cert_file: a, key_file: c, min_version: TLS10}", "is broken and not served"},
           {"tls_server_config: {cert_file: a, key_file: c, max_version: SSL3}", "max_version must be TLS12 or TLS13"},
           {"tls_server_config: {cert_file: a, key_file: c, min_version: TLS13, max_version: TLS12}",
            "above max_version"},
           {"tls_server_config: {cert_file: a, key_file: c, client_auth_type: NoClientCerts}",
            "probably NoClientCert is meant"},
           {"tls_server_config: {cert_file: a, key_file: c, client_auth_type: VerifyClientCertIfGiven}",
            "needs client_ca_file"},
           {"tls_server_config: {cert_file: a, key_file: c, client_ca_file: d}", "no effect without client_auth_type"},
           {"tls_server_config: {cert_file: a, key_file: c, client_allowed_sans: [x]}",
            "client_allowed_sans has no effect"},
           {"tls_server_config: {cert_file: a, key_file: c, cipher_suites: [ROT13]}", "OpenSSL knows no ROT13"},
           {"tls_server_config: {cert_file: a, key_file: c, cipher_suites: ROT13}", "cipher_suites must be a list"},
           {"tls_server_config: {cert_file: a, key_file: c, curve_preferences: [P1]}", "curve_preferences knows"},
           {"tls_server_config: {cert_file: a, key_file: c, prefer_server_cipher_suites: 3}", "must be true or false"},
       }) {
    const auto config = parse_web_config(c.text, "w.yml");
    ASSERT_FALSE(config) << c.text;
    EXPECT_EQ(config.error().code, Errc::invalid_argument);
    EXPECT_THAT(config.error().message, HasSubstr(c.message)) << c.text;
  }
}

TEST(WebConfigTest, AllMistakesAtOnceAndNoHashAmongThem) {
  const auto config = parse_web_config(
      "tls_server_config:\n  cert_file: a\n  min_version: TLS9\nbasic_auth_users:\n  bob: $2b$99$abcdefg\nwhat: 1\n",
      "w.yml");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("w.yml:3:16: "));
  EXPECT_THAT(config.error().message, HasSubstr("w.yml:2:3: tls_server_config needs key_file"));
  EXPECT_THAT(config.error().message, HasSubstr("w.yml:5:8: "));
  EXPECT_THAT(config.error().message, HasSubstr("w.yml:6:1: "));
  EXPECT_THAT(config.error().message, Not(HasSubstr("abcdefg")));
}

TEST(WebConfigTest, EveryTruncationIsReadOrRefused) {
  const std::string whole =
      "tls_server_config: {cert_file: a, key_file: b}\nbasic_auth_users:\n  'x': " + std::string(secret_hash) +
      "\nhttp_server_config: {headers: {X-Frame-Options: deny}}\n";
  std::size_t refused = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (!parse_web_config(whole.substr(0, length), "w.yml")) ++refused;
  }
  EXPECT_GT(refused, whole.size() / 2);
  EXPECT_TRUE(parse_web_config(whole, "w.yml"));
}

TEST(WebConfigTest, FilesThatCannotBeRead) {
  const testing::TemporaryFolder folder;
  const auto absent = load_web_config(folder.path() / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Errc::not_found);
  EXPECT_THAT(absent.error().message, HasSubstr("agent.web_config"));
  EXPECT_FALSE(load_web_config(folder.path()));
  EXPECT_FALSE(load_web_config(folder.write("large", std::string(1024 * 1024 + 1, '#'))));
  EXPECT_TRUE(load_web_config(folder.write("small", "{}")));
}

TEST(WebConfigTest, CheckLoadsTheCertificates) {
  const testing::TemporaryFolder folder;
  const testing::Identity server("server");
  const testing::Identity other("other");
  folder.write("server.crt", server.certificate_pem());
  folder.write("server.key", server.key_pem());
  folder.write("other.key", other.key_pem());
  folder.write("garbage", "garbage");
  const auto message = [&](const std::string& tls) -> std::string {
    const auto config = check_web_config(folder.write("web.yml", "tls_server_config: {" + tls + "}"));
    return config ? "" : config.error().message;
  };
  EXPECT_EQ(message("cert_file: server.crt, key_file: server.key"), "");
  EXPECT_EQ(message("cert_file: server.crt, key_file: server.key, client_ca_file: server.crt, client_auth_type: "
                    "VerifyClientCertIfGiven, client_allowed_sans: [a]"),
            "");
  EXPECT_THAT(message("cert_file: absent, key_file: server.key"), HasSubstr("absent: cannot be read"));
  EXPECT_THAT(message("cert_file: garbage, key_file: server.key"), HasSubstr("holds no certificate"));
  EXPECT_THAT(message("cert_file: server.crt, key_file: absent"), HasSubstr("key_file"));
  EXPECT_THAT(message("cert_file: server.crt, key_file: garbage"), HasSubstr("private key"));
  EXPECT_THAT(message("cert_file: server.crt, key_file: other.key"), HasSubstr("is not the key of the certificate"));
  EXPECT_THAT(message("cert_file: server.crt, key_file: server.key, client_ca_file: garbage, client_auth_type: "
                      "VerifyClientCertIfGiven"),
              HasSubstr("client_ca_file"));
  std::string inlined = server.certificate_pem() + server.key_pem();
  for (std::size_t at = 0; (at = inlined.find('\n', at)) != inlined.npos; at += 5) inlined.replace(at, 1, "\n    ");
  const auto config = check_web_config(folder.write(
      "inline.yml", "tls_server_config:\n  cert: |\n    " + inlined + "\n  key: |\n    " + inlined + "\n"));
  EXPECT_TRUE(config) << config.error().message;
}

TEST(PasswordsTest, BasicCredentials) {
  const auto alice = parse_basic("Basic YWxpY2U6c2VjcmV0");
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->user, "alice");
  EXPECT_EQ(alice->password, "secret");
  EXPECT_TRUE(parse_basic("bASIC   YWxpY2U6c2VjcmV0"));
  EXPECT_EQ(parse_basic("Basic Og==")->user, "");
  EXPECT_EQ(parse_basic("Basic YTpiOmM=")->password, "b:c");
  for (const char* wrong : {"", "Basic", "Basic ", "Basic    ", "Bearer YWxpY2U6c2VjcmV0", "Basic YWxpY2U=",
                            "Basic !!!!", "Basic YTpi YTpi", "Basic YTpiAGM=", "BasicYWxpY2U6c2VjcmV0"}) {
    EXPECT_FALSE(parse_basic(wrong)) << wrong;
  }
}

TEST(PasswordsTest, ChecksAndRemembersWhatPassed) {
  Passwords passwords(std::vector<User>{{"alice", secret_hash}});
  EXPECT_FALSE(passwords.remembers({"alice", "secret"}));
  EXPECT_FALSE(passwords.check({"alice", "wrong"}));
  EXPECT_FALSE(passwords.check({"alice", ""}));
  EXPECT_FALSE(passwords.check({"bob", "secret"}));
  EXPECT_FALSE(passwords.check({"", ""}));
  EXPECT_FALSE(passwords.check({"alice", std::string(100000, 'x')}));
  EXPECT_TRUE(passwords.check({"alice", "secret"}));
  EXPECT_TRUE(passwords.remembers({"alice", "secret"}));
  EXPECT_FALSE(passwords.remembers({"alice", "wrong"}));
  EXPECT_FALSE(passwords.remembers({"bob", "secret"}));
}

TEST(PasswordsTest, AllPrefixesOfBcrypt) {
  for (const char* prefix : {"$2a$", "$2b$", "$2y$"}) {
    Passwords passwords(std::vector<User>{{"alice", prefix + std::string(secret_hash).substr(4)}});
    EXPECT_TRUE(passwords.check({"alice", "secret"})) << prefix;
    EXPECT_FALSE(passwords.check({"alice", "Secret"})) << prefix;
  }
}

}  // namespace
}  // namespace sentinel::http
