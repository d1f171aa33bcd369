// HTTPS, and who the courier says it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.hpp"

namespace sentinel::delivery {
namespace {

using namespace delivery::testing;
using http::testing::Identity;
using sentinel::testing::write_text;
using ::testing::HasSubstr;
using ::testing::Not;

class Secure : public ::testing::Test {
 protected:
  void SetUp() override {
    rig_.reopen();
    write_text(ca_file_, ca_.certificate_pem());
  }

  Receiver trusting(const std::string& url) const {
    Receiver receiver = webhook(url);
    receiver.ca_file = ca_file_;
    return receiver;
  }
  void post(const Receiver& receiver) {
    const auto id = rig_->add(receiver);
    ASSERT_TRUE(id) << id.error().message;
    ASSERT_TRUE(rig_->submit(*id, firing("cpu")));
  }
  /// Why a post to this receiver fails.
  std::string failure(const Receiver& receiver) {
    post(receiver);
    EXPECT_TRUE(eventually([&] { return rig_.stats().retries > 0; }));
    return rig_.stats().last_error;
  }

  Rig rig_;
  const Identity ca_{"test CA"};
  const Identity server_{"server", "IP:127.0.0.1,DNS:localhost", &ca_};
  const std::filesystem::path ca_file_ = rig_.folder / "ca.pem";
};

TEST_F(Secure, PostsWhereTheCertificateIsOfTheCa) {
  const Server server(always(200), &server_);
  post(trusting(server.url()));
  EXPECT_TRUE(rig_.delivered());
  EXPECT_EQ(server.count(), 1U);
}

TEST_F(Secure, PostsToANameInTheCertificate) {
  const Server server(always(200), &server_);
  post(trusting("https://localhost:" + std::to_string(server.port()) + "/"));
  EXPECT_TRUE(rig_.delivered());
  EXPECT_EQ(server.count(), 1U);
}

TEST_F(Secure, NotWhereItIsSomebodyElses) {
  const Identity other("other", "DNS:other.example,IP:127.0.0.2", &ca_);
  const Server server(always(200), &other);
  EXPECT_THAT(failure(trusting(server.url())), HasSubstr("certificate: IP address mismatch"));
  EXPECT_EQ(server.count(), 0U);
}

TEST_F(Secure, NotWhereTheNameIsAnotherOne) {
  const Identity other("other", "DNS:other.example", &ca_);
  const Server server(always(200), &other);
  EXPECT_THAT(failure(trusting("https://localhost:" + std::to_string(server.port()))), HasSubstr("hostname mismatch"));
  EXPECT_EQ(server.count(), 0U);
}

TEST_F(Secure, NotWhereNobodyKnowsTheIssuer) {
  const Server server(always(200), &server_);
  EXPECT_THAT(failure(webhook(server.url())), HasSubstr("certificate: unable to get local issuer certificate"));
  EXPECT_EQ(server.count(), 0U);
}

TEST_F(Secure, NotWhereItIsSelfSigned) {
  const Identity self("self", "IP:127.0.0.1");
  const Server server(always(200), &self);
  EXPECT_THAT(failure(trusting(server.url())), HasSubstr("certificate: self-signed certificate"));
}

TEST_F(Secure, NotWherePlainHttpIsSpoken) {
  rig_.options.timeout = std::chrono::milliseconds(200);  // both wait for the other to go on
  rig_.reopen();
  const Server server(always(200));
  EXPECT_THAT(failure(trusting("https://127.0.0.1:" + std::to_string(server.port()))), HasSubstr("TLS"));
  EXPECT_EQ(server.count(), 0U);
}

TEST_F(Secure, ReadsTheCaFileAgain) {
  const Server server(always(200), &server_);
  write_text(ca_file_, Identity("another CA").certificate_pem());
  EXPECT_THAT(failure(trusting(server.url())), HasSubstr("certificate"));
  write_text(ca_file_, ca_.certificate_pem());
  EXPECT_TRUE(rig_.delivered());
}

TEST_F(Secure, SaysWhoItIsFromTheFilesAsTheyAre) {
  const Server server(always(200));
  Receiver receiver = webhook(server.url());
  receiver.bearer_token_file = rig_.folder / "token";
  write_text(receiver.bearer_token_file, "first\n");
  const auto id = rig_->add(receiver);
  ASSERT_TRUE(id) << id.error().message;
  ASSERT_TRUE(rig_->submit(*id, firing("cpu")));
  ASSERT_TRUE(rig_.delivered());
  write_text(receiver.bearer_token_file, "second");
  ASSERT_TRUE(rig_->submit(*id, firing("disk")));
  ASSERT_TRUE(rig_.delivered());
  const auto requests = server.received();
  EXPECT_EQ(requests.at(0).headers.at("authorization"), "Bearer first");
  EXPECT_EQ(requests.at(1).headers.at("authorization"), "Bearer second");
}

TEST_F(Secure, WaitsForASecretThatIsGone) {
  const Server server(always(200));
  Receiver receiver = webhook(server.url());
  receiver.username = "agent";
  receiver.password_file = rig_.folder / "password";
  write_text(receiver.password_file, "pass:word\n");
  const auto id = rig_->add(receiver);
  ASSERT_TRUE(id) << id.error().message;
  std::filesystem::remove(receiver.password_file);
  ASSERT_TRUE(rig_->submit(*id, firing("cpu")));
  ASSERT_TRUE(eventually([&] { return rig_.stats().retries > 0; }));
  EXPECT_THAT(rig_.stats().last_error, HasSubstr("password_file"));
  EXPECT_EQ(server.connections(), 0U);
  write_text(receiver.password_file, "pass:word\n");
  ASSERT_TRUE(rig_.delivered());
  EXPECT_EQ(server.received().at(0).headers.at("authorization"), "Basic YWdlbnQ6cGFzczp3b3Jk");
}

TEST_F(Secure, ChecksAReceiverBeforeItIsUsed) {
  const auto file = [&](const std::string& name, std::string_view text) {
    write_text(rig_.folder / name, text);
    return rig_.folder / name;
  };
  struct Case {
    Receiver receiver;
    std::string_view reason;
  };
  const auto of = [](const std::string& url, auto change) {
    Receiver receiver = webhook(url);
    change(receiver);
    return receiver;
  };
  const std::vector<Case> cases = {
      {webhook("box"), "http://"},
      {webhook("http://me:hunter2@box/"), "password_file"},
      {of("http://box", [&](Receiver& r) { r.ca_file = ca_file_; }), "ca_file is for https"},
      {of("https://box", [&](Receiver& r) { r.ca_file = rig_.folder / "none"; }), "No such file"},
      {of("https://box", [&](Receiver& r) { r.ca_file = file("text", "hello"); }), "no certificate in PEM"},
      {of("http://box", [&](Receiver& r) { r.bearer_token_file = rig_.folder / "none"; }), "No such file"},
      {of("http://box", [&](Receiver& r) { r.bearer_token_file = file("empty", "\n"); }), "is empty"},
      {of("http://box", [&](Receiver& r) { r.bearer_token_file = file("two", "a\r\nX: b"); }), "second line"},
      {of("http://box", [&](Receiver& r) { r.bearer_token_file = file("big", std::string(20'000, 'x')); }), "16 KiB"},
      {of("http://box", [&](Receiver& r) { r.bearer_token_file = rig_.folder.path(); }), "Is a directory"},
      {of("http://box", [&](Receiver& r) { r.password_file = ca_file_; }), "username"},
      {of("http://box", [&](Receiver& r) { r.username = "a:b"; }), "colon"},
      {of("http://box",
          [&](Receiver& r) {
            r.username = "a";
            r.bearer_token_file = file("token", "hunter2");
          }),
       "two ways"},
  };
  for (const auto& [receiver, reason] : cases) {
    const auto id = rig_->add(receiver);
    ASSERT_FALSE(id) << reason;
    EXPECT_EQ(id.error().code, Errc::invalid_argument);
    EXPECT_THAT(id.error().message, HasSubstr(std::string(reason)));
    EXPECT_THAT(id.error().message, Not(HasSubstr("hunter2")));
  }
  EXPECT_TRUE(check(of("http://box", [&](Receiver& r) { r.username = "a"; })));
}

}  // namespace
}  // namespace sentinel::delivery
