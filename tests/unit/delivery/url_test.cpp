#include "core/delivery/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sentinel::delivery {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Url parsed(std::string_view text) {
  auto url = parse_url(text);
  EXPECT_TRUE(url) << text << ": " << (url ? "" : url.error().message);
  return url ? *url : Url();
}

TEST(Url, TakesApartWhatPostsNeed) {
  const auto url = parsed("https://Alerts.example:9093/hooks/a%20b?token=x/y&z");
  EXPECT_TRUE(url.tls);
  EXPECT_EQ(url.host, "alerts.example");
  EXPECT_EQ(url.port, 9093);
  EXPECT_EQ(url.path, "/hooks/a%20b");
  EXPECT_EQ(url.query, "?token=x/y&z");
  EXPECT_EQ(url.authority(), "alerts.example:9093");
  EXPECT_EQ(url.shown(), "https://alerts.example:9093/hooks/a%20b");
}

TEST(Url, FillsInPortAndPath) {
  EXPECT_EQ(parsed("http://box").port, 80);
  EXPECT_EQ(parsed("HTTPS://box").port, 443);
  EXPECT_EQ(parsed("http://box").path, "/");
  EXPECT_EQ(parsed("http://box?a=b").path, "/");
  EXPECT_EQ(parsed("http://box?a=b").query, "?a=b");
  EXPECT_EQ(parsed("http://box:80").authority(), "box");
  EXPECT_EQ(parsed("http://box:443").authority(), "box:443");
}

TEST(Url, KnowsAddresses) {
  const auto six = parsed("http://[2001:db8::1]:8000/x");
  EXPECT_EQ(six.host, "2001:db8::1");
  EXPECT_TRUE(six.is_ipv6);
  EXPECT_TRUE(six.is_address);
  EXPECT_EQ(six.authority(), "[2001:db8::1]:8000");
  EXPECT_TRUE(parsed("http://127.0.0.1").is_address);
  EXPECT_FALSE(parsed("http://127.0.0.1.example").is_address);
}

TEST(Url, RefusesWithTheReason) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "does not begin with http"},
      {"box:8000", "does not begin with http"},
      {"ftp://box/", "does not begin with http"},
      {"http:/box/", "does not begin with http"},
      {"http://", "names no host"},
      {"http:///path", "names no host"},
      {"http://:80/", "names no host"},
      {"http://box:/", "a port that is no number"},
      {"http://box:0/", "a port that is no number"},
      {"http://box:65536/", "a port that is no number"},
      {"http://box:80x/", "a port that is no number"},
      {"http://box:-1/", "a port that is no number"},
      {"http://[::1/", "without its \"]\""},
      {"http://[box]/", "other than an IPv6 address"},
      {"http://[fe80::1%25eth0]/", "other than an IPv6 address"},
      {"http://[::1]x/", "other than a port"},
      {"http://::1/", "names no host"},
      {"http://a_b!c/", "no host name has"},
      {"http://box/#top", "fragment"},
      {"http://box/a b", "space"},
      {"http://box/\r\nX: y", "space"},
      {"http://b\xc3\xb6x/", "ASCII"},
  };
  for (const auto& [text, reason] : cases) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Errc::invalid_argument);
    EXPECT_THAT(url.error().message, HasSubstr(std::string(reason))) << text;
  }
}

TEST(Url, RefusesCredentialsWithoutRepeatingThem) {
  const auto url = parse_url("https://me:hunter2@box/");
  ASSERT_FALSE(url);
  EXPECT_THAT(url.error().message, HasSubstr("password_file"));
  EXPECT_THAT(url.error().message, Not(HasSubstr("hunter2")));
}

TEST(Url, IsBounded) {
  EXPECT_TRUE(parse_url("http://box/" + std::string(2037, 'a')));
  EXPECT_FALSE(parse_url("http://box/" + std::string(2038, 'a')));
  EXPECT_FALSE(parse_url("http://" + std::string(254, 'a') + "/"));
}

}  // namespace
}  // namespace sentinel::delivery
