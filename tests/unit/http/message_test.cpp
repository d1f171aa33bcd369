#include "core/http/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/http/encoding.hpp"
#include "core/http/respond.hpp"
#include "core/http/target.hpp"
#include "support.hpp"

namespace sentinel::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Target, OriginAndAbsoluteForms) {
  struct Case {
    const char* text;
    const char* path;
    const char* query;
  };
  for (const Case& c :
       {Case{"/", "/", ""}, Case{"/a/b?x=1&y", "/a/b", "x=1&y"}, Case{"/a%20b", "/a b", ""}, Case{"/a?", "/a", ""},
        Case{"/a??", "/a", "?"}, Case{"/%2e%2E/x", "/../x", ""}, Case{"/a+b", "/a+b", ""},
        Case{"http://host:1/x?y", "/x", "y"}, Case{"HTTP://host", "/", ""}, Case{"https://h?q", "/", "q"}}) {
    const auto target = parse_target(c.text);
    ASSERT_TRUE(target) << c.text;
    EXPECT_EQ(target->path, c.path) << c.text;
    EXPECT_EQ(target->query, c.query) << c.text;
  }
  for (const char* text : {"", "*", "a", "host:80", "/a b", "/a\x7f", "/\xff", "/%", "/%4", "/%4g", "/%00", "/a#b",
                           "http://", "http:///x", "ftp://h/x", "/a\tb"}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

TEST(RequestTest, LooksUpHeadersAndQueryValues) {
  Request request;
  request.headers = {{"Content-Type", "a"}, {"content-type", "b"}};
  request.query = "match%5B%5D=up&x=1+2%2B&empty=&flag&bad=%zz";
  EXPECT_EQ(request.header("CONTENT-TYPE"), "a");
  EXPECT_EQ(request.header("content"), "");
  EXPECT_EQ(request.query_value("match[]"), "up");
  EXPECT_EQ(request.query_value("x"), "1 2+");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("flag"), "");
  EXPECT_EQ(request.query_value("bad"), "");
  EXPECT_EQ(request.query_value("absent"), "");
  EXPECT_EQ(request.param("x"), "");
}

TEST(Encoding, AcceptsGzip) {
  for (const char* yes : {"gzip", "GZIP", "deflate, gzip", "gzip;q=1.0", "gzip; q=0.001", "*", "*;q=0.5", "br;q=0, *",
                          "x-gzip", "gzip, *;q=0", ",, gzip"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzip ; Q=0", "*;q=0", "gzip;q=0, *",
                         "gzipp", "*, gzip;q=0", "gzip;q="}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

TEST(Encoding, GzipRoundTrip) {
  for (const std::size_t size : {0UL, 1UL, 2000UL, 3000000UL}) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i * i % 23);
    const auto small = gzip(text);
    ASSERT_TRUE(small);
    EXPECT_EQ(testing::gunzip(*small), text);
  }
}

TEST(Respond, HeadHoldsWhatTheHandlerSaidAndNothingInjected) {
  Response response = Response::text(200, "x");
  response.headers = {
      {"X-One", "a\r\nX-Two: b"}, {"Bad Name", "c"}, {"Content-Length", "99"}, {"connection", "upgrade"}, {"", "d"}};
  const std::string head = render_head(response, true, false, {{"X-Frame-Options", "deny"}});
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nX-One: a  X-Two: b\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nContent-Length: 2\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nX-Frame-Options: deny\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Bad Name")));
  EXPECT_THAT(head, Not(HasSubstr("99")));
  EXPECT_THAT(head, Not(HasSubstr("upgrade")));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_EQ(head.find("\r\n\r\n"), head.size() - 4);
}

TEST(Respond, ConnectionHeaderFollowsTheVersion) {
  const Response response = Response::text(200, "x");
  EXPECT_THAT(render_head(response, false, false), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(render_head(response, true, true), HasSubstr("\r\nConnection: keep-alive\r\n"));
  EXPECT_THAT(render_head(response, true, false), Not(HasSubstr("\r\nConnection:")));
}

TEST(Respond, NoContentHasNoLength) {
  Response response;
  response.status = 204;
  EXPECT_THAT(render_head(response, true, false), Not(HasSubstr("\r\nContent-")));
  EXPECT_FALSE(has_body(204));
  EXPECT_TRUE(has_body(404));
}

TEST(Respond, EncodesWhatIsWorthIt) {
  Response small;
  small.body = std::string(gzip_threshold_bytes, 'x');
  encode(small, true);
  EXPECT_EQ(small.header("content-encoding"), "");
  EXPECT_EQ(small.header("vary"), "");

  Response large;
  large.body = std::string(gzip_threshold_bytes + 1, 'x');
  encode(large, true);
  EXPECT_EQ(large.header("content-encoding"), "gzip");
  EXPECT_EQ(large.header("vary"), "Accept-Encoding");
  EXPECT_LT(large.body.size(), 100U);

  Response unwanted;
  unwanted.body = std::string(5000, 'x');
  encode(unwanted, false);
  EXPECT_EQ(unwanted.header("vary"), "Accept-Encoding") << "a cache must not give this one to a client with gzip";
  EXPECT_EQ(unwanted.body.size(), 5000U);

  Response done;
  done.body = std::string(5000, 'x');
  done.headers = {{"Content-Encoding", "br"}};
  encode(done, true);
  EXPECT_EQ(done.body.size(), 5000U);

  for (const int status : {-1, 0, 99, 100, 199, 600, 100000}) {
    Response impossible;
    impossible.status = status;
    encode(impossible, false);
    EXPECT_EQ(impossible.status, 500) << status;
  }
}

TEST(Respond, Dates) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
}

}  // namespace
}  // namespace sentinel::http
