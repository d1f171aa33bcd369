#include "core/http/listen.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>

#include "support.hpp"

namespace sentinel::http {
namespace {

using ::testing::HasSubstr;

TEST(ParseListen, UnderstandsTheFormsAndNoOthers) {
  struct Case {
    const char* text;
    const char* host;
    int port;
  };
  for (const Case& c :
       {Case{"127.0.0.1:8000", "127.0.0.1", 8000}, Case{"[::1]:8000", "::1", 8000}, Case{":9", "", 9},
        Case{"localhost:0", "localhost", 0}, Case{"a-b.c_d:65535", "a-b.c_d", 65535}, Case{"[::]:80", "::", 80}}) {
    const auto address = parse_listen(c.text);
    ASSERT_TRUE(address) << address.error().message;
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
  }
  for (const char* text :
       {"", "8000", "host", "host:", "host:x", "host:65536", "host:-1", "host:+1", "host: 1", "::1:8000", "[::1]",
        "[::1:8000", "[127.0.0.1]:80", "[]:80", "http://host:80", "ho st:80", "host:80/", "[::1]x:80"}) {
    const auto address = parse_listen(text);
    ASSERT_FALSE(address) << text;
    EXPECT_THAT(address.error().message, HasSubstr("127.0.0.1:8000")) << "says what would be understood";
  }
}

TEST(ListenTcp, ReportsThePortThatTheKernelChose) {
  const auto listener = listen_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_GT(listener->port, 0);
  EXPECT_EQ(listener->address, "127.0.0.1:" + std::to_string(listener->port));
}

TEST(ListenTcp, EveryInterfaceTakesIpv4) {
  const auto listener = listen_tcp({"", 0});
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_TRUE(testing::RawClient::tcp(listener->port).connected());
}

TEST(ListenTcp, APortInUseIsNamedWithTheCure) {
  const auto first = listen_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(first);
  const auto second = listen_tcp({"127.0.0.1", first->port});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::exhausted);
  EXPECT_THAT(second.error().message, HasSubstr("127.0.0.1:" + std::to_string(first->port)));
  EXPECT_THAT(second.error().message, HasSubstr("agent.listen"));
}

TEST(ListenTcp, AForeignAddress) {
  const auto foreign = listen_tcp({"192.0.2.1", 0});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Errc::not_found);
  EXPECT_THAT(foreign.error().message, HasSubstr("no such address"));
}

/// A socket file as an agent that was killed leaves it.
void leave_stale_socket(const std::filesystem::path& path) {
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
}

TEST(ListenUnix, IsPrivateAndGoesWithItsOwner) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "s";
  {
    const auto listener = listen_unix(path);
    ASSERT_TRUE(listener) << listener.error().message;
    struct stat info = {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_TRUE(testing::RawClient::unix_socket(path).connected());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ListenUnix, ReplacesWhatADeadAgentLeft) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "s";
  leave_stale_socket(path);
  ASSERT_TRUE(std::filesystem::exists(path));
  const auto listener = listen_unix(path);
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_TRUE(testing::RawClient::unix_socket(path).connected());
}

TEST(ListenUnix, LeavesALiveAgentAlone) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "s";
  const auto first = listen_unix(path);
  ASSERT_TRUE(first);
  const auto second = listen_unix(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::exhausted);
  EXPECT_THAT(second.error().message, HasSubstr("another agent answers"));
  EXPECT_TRUE(testing::RawClient::unix_socket(path).connected());
}

TEST(ListenUnix, LeavesAnotherAgentsFileAtTheEnd) {
  const testing::TemporaryFolder folder;
  const auto path = folder.path() / "s";
  {
    const auto first = listen_unix(path);
    ASSERT_TRUE(first);
    std::filesystem::remove(path);
    leave_stale_socket(path);
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(ListenUnix, RefusesWhatIsNoSocketAndPathsThatCannotBe) {
  const testing::TemporaryFolder folder;
  const auto file = folder.write("file", "precious");
  const auto occupied = listen_unix(file);
  ASSERT_FALSE(occupied);
  EXPECT_THAT(occupied.error().message, HasSubstr("something else"));
  EXPECT_EQ(std::filesystem::file_size(file), 8U);

  const auto longer = listen_unix(folder.path() / std::string(120, 'x'));
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().message, HasSubstr("107 bytes"));

  const auto nowhere = listen_unix(folder.path() / "absent" / "s");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Errc::not_found);
}

TEST(Loopback, Addresses) {
  for (const char* yes : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(yes)) << yes;
  for (const char* no : {"", "128.0.0.1", "10.0.0.1", "::", "::2", "::ffff:10.0.0.1", "localhost", "127.0.0.1x"}) {
    EXPECT_FALSE(is_loopback(no)) << no;
  }
}

}  // namespace
}  // namespace sentinel::http
