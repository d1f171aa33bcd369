#include "sinks/webhook_snapshot/text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace snapshot {
namespace {

TEST(TextTest, cleans) {
  EXPECT_EQ(clean("plain ä €"), "plain ä €");
  EXPECT_EQ(clean("\xff\xc0\xaf\xed\xa0\x80"),
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(clean("a\nb\x1b[31mc\x7f"), "a b [31mc ");
  EXPECT_EQ(clean("a\xe2\x80\xae"
                  "b"),
            "a\xef\xbf\xbd"
            "b")
      << "text that turns direction";
  EXPECT_EQ(clean("abcdef", 3), "abc…");
  EXPECT_EQ(clean("ab€", 3), "ab…") << "no half of a character";
}

TEST(TextTest, markup_stays_text) {
  EXPECT_EQ(code("a`b|c\nd"), "`a'b\\|c d`");
  EXPECT_EQ(code(""), "–");
  EXPECT_EQ(plain("# *a* [b](c) <d> & |"), "# \\*a\\* \\[b\\](c) &lt;d> &amp; \\|");
  EXPECT_EQ(plain("a_b _c_"), "a_b \\_c\\_");
  EXPECT_EQ(xml("<a b=\"&\">"), "&lt;a b=&quot;&amp;&quot;&gt;");
  EXPECT_EQ(tab_field("a\tb\nc\\d\x01"), "a\\tb\\nc\\\\d\\x01");
  std::string field;
  csv_field(field, "a\"b,c");
  EXPECT_EQ(field, "\"a\"\"b,c\"");
}

TEST(TextTest, names_of_files) {
  EXPECT_EQ(path_part("../../etc/passwd"), "______etc_passwd");
  EXPECT_EQ(path_part(""), "_");
  EXPECT_EQ(path_part(std::string(100, 'a')), std::string(64, 'a'));
  EXPECT_EQ(path_part("ä.b-C_9"), "___b-C_9");
  EXPECT_EQ(hex(0x1234), "0000000000001234");
  EXPECT_EQ(unhex("0000000000001234"), 0x1234U);
  EXPECT_FALSE(unhex("00000000000012G4"));
  EXPECT_FALSE(unhex("0000000000001234 "));
  EXPECT_FALSE(unhex(""));
}

TEST(TextTest, for_people) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
  EXPECT_EQ(human_seconds(0.0123), "12 ms");
  EXPECT_EQ(human_seconds(75), "1 m 15 s");
  EXPECT_EQ(human_seconds(7200), "2 h");
  EXPECT_EQ(human_seconds(-3), "-3.0 s");
  EXPECT_EQ(human_seconds(std::numeric_limits<double>::infinity()), "–");
  EXPECT_EQ(percent(1, 3), "33 %");
  EXPECT_EQ(percent(1, 0), "–");
  EXPECT_EQ(quantity(0.915, "x_ratio"), "91.5 %");
  EXPECT_EQ(quantity(2048, "x_bytes"), "2.0 KiB");
  EXPECT_EQ(quantity(std::numeric_limits<double>::quiet_NaN(), "x_bytes"), "nan");
}

TEST(TextTest, times) {
  constexpr std::int64_t at = 1'714'999'980'123'000'000;
  EXPECT_EQ(rfc3339(at), "2024-05-06T12:53:00.123Z");
  EXPECT_EQ(compact_time(at), "20240506T125300Z");
  EXPECT_EQ(readable_time(at), "2024-05-06 12:53:00 UTC");
  EXPECT_EQ(parse_rfc3339("2024-05-06T12:53:00.123Z"), at);
  EXPECT_EQ(parse_rfc3339("2024-05-06T14:53:00.123+02:00"), at);
  EXPECT_EQ(parse_rfc3339("2024-05-06T12:53:00.123000000Z"), at);
  EXPECT_EQ(parse_compact_time("20240506T125300Z"), at - 123'000'000);
  EXPECT_EQ(rfc3339(951'782'400'000'000'000), "2000-02-29T00:00:00.000Z");
  for (const auto* bad : {"", "2024-05-06", "2024-13-06T12:53:00Z", "2024-05-06T12:53:00", "2024-05-06T12:53:00.Z",
                          "2024-05-06T12:53:00.1234567890Z", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z",
                          "2024-05-06T12:53:00+2:00", "2024-05-06T24:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(TextTest, json) {
  JsonText json(JsonText::Style::compact);
  json.object()
      .text("a\"", "b\\\n\xff")
      .integer("n", -1)
      .number("x", 0.5)
      .number("inf", std::numeric_limits<double>::infinity());
  json.array("l").text("", "1").end().object("o").end().boolean("t", true).null("z").end();
  EXPECT_EQ(json.take(),
            "{\"a\\\"\":\"b\\\\ "
            "\xef\xbf\xbd\",\"n\":-1,\"x\":0.5,\"inf\":null,\"l\":[\"1\"],\"o\":{},\"t\":true,\"z\":null}\n");
}

}  // namespace
}  // namespace snapshot
