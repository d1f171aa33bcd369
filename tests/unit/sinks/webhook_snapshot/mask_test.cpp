#include "sinks/webhook_snapshot/mask.hpp"

#include <gtest/gtest.h>

#include <string>

namespace snapshot {
namespace {

/// Arguments separated by '|', as the kernel separates them by NUL.
std::string mask(std::string arguments) {
  for (char& c : arguments) {
    if (c == '|') c = '\0';
  }
  return mask_cmdline(arguments + '\0');
}

TEST(MaskTest, masks_what_looks_like_a_secret) {
  EXPECT_EQ(mask("app|--password=hunter2|-v"), "app --password=[masked] -v");
  EXPECT_EQ(mask("app|--password|hunter2|-v"), "app --password [masked] -v");
  EXPECT_EQ(mask("app|--db-pass|hunter2"), "app --db-pass [masked]");
  EXPECT_EQ(mask("app|--api-key|k|--token=t"), "app --api-key [masked] --token=[masked]");
  EXPECT_EQ(mask("env|AWS_SECRET_ACCESS_KEY=abc def|DB_PASSWORD=x|sh"),
            "env AWS_SECRET_ACCESS_KEY=[masked] DB_PASSWORD=[masked] sh");
  EXPECT_EQ(mask("java|-Dspring.datasource.password=x"), "java -Dspring.datasource.password=[masked]");
  EXPECT_EQ(mask("psql|postgres://bob:secret@db:5432/shop"), "psql postgres://[masked]@db:5432/shop");
  EXPECT_EQ(mask("curl|https://h/?user=u&token=abc&x=1"), "curl https://h/?user=u&token=[masked]&x=1");
  EXPECT_EQ(mask("curl|-H|Authorization: Bearer abc.def"), "curl -H Authorization: [masked]");
  EXPECT_EQ(mask("curl|-u|bob:secret|http://h"), "curl -u [masked] http://h");
  EXPECT_EQ(mask("curl|-d|{\"password\": \"x y\", \"user\": \"bob\"}"),
            "curl -d {\"password\": \"[masked]\", \"user\": \"bob\"}");
  EXPECT_EQ(mask("mysql|-psecret|-uroot"), "mysql -p[masked] -uroot");
  EXPECT_EQ(mask("sshpass|-p|secret|ssh|h"), "sshpass -p [masked] ssh h");
  EXPECT_EQ(mask("login|token|0123456789abcdef0123456789abcdef"), "login token [masked]");
  EXPECT_EQ(mask("git|ghp_0123456789abcdefghij"), "git [masked]");
  EXPECT_EQ(mask("aws|AKIAIOSFODNN7EXAMPLE"), "aws [masked]");
  EXPECT_EQ(mask_cmdline("worker: --password=hunter2 idle"), "worker: --password=[masked] idle")
      << "a title written over the arguments";
}

TEST(MaskTest, leaves_the_rest) {
  for (const auto* harmless :
       {"/usr/bin/python3 -m http.server 8000", "app --password-file=/run/secrets/db", "nginx: worker process",
        "ssh -p 2222 host", "app --keyspace=main --author=bob", "git commit --author=bob", "sort -k 2",
        "app --monkey=1", "postgres -D /var/lib/postgresql"}) {
    std::string arguments(harmless);
    for (char& c : arguments) {
      if (c == ' ') c = '\0';
    }
    EXPECT_EQ(mask_cmdline(arguments + '\0'), harmless);
  }
}

TEST(MaskTest, survives_anything) {
  EXPECT_EQ(mask_cmdline(""), "");
  EXPECT_EQ(mask("\xff\n|a\tb"), "\xef\xbf\xbd  a b");
  EXPECT_LT(mask(std::string(100'000, 'a')).size(), 4200U);
  EXPECT_EQ(mask("app|--password"), "app --password");
  EXPECT_EQ(mask("app|password="), "app password=");
  EXPECT_EQ(mask("app|://@://@|=:=:"), "app ://[masked]@://[masked]@ =:=:");
}

}  // namespace
}  // namespace snapshot
