// `sentinel trace` with the real plugins and real traffic, without an agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <csignal>
#include <map>
#include <sstream>

#include "tests/support/agent_process.hpp"
#include "tests/support/privilege.hpp"
#include "tests/support/tcp_traffic.hpp"

namespace sentinel::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> command(std::vector<std::string> words) {
  words.insert(words.begin(), "trace");
  words.insert(words.end(), {"--plugin-path", plugin_file("ebpf_tcpstate").parent_path().string()});
  return words;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

std::vector<boost::json::object> objects(const std::string& text) {
  std::vector<boost::json::object> all;
  for (const auto& line : lines(text)) all.push_back(boost::json::parse(line).as_object());
  return all;
}

/// A trace that watches when the constructor is done.
class Trace {
 public:
  explicit Trace(std::vector<std::string> words) : process_(whole(std::move(words))) {
    EXPECT_TRUE(eventually([&] { return !process_.running() || process_.err().find("ends it") != std::string::npos; }));
  }
  [[nodiscard]] Process& process() { return process_; }
  /// Its end, which comes by itself.
  [[nodiscard]] Ended end() {
    auto ended = process_.wait();
    EXPECT_TRUE(ended) << process_.err();
    return ended.value_or(Ended());
  }

 private:
  static std::vector<std::string> whole(std::vector<std::string> words) {
    words = command(std::move(words));
    words.insert(words.begin(), sentinel_program());
    return words;
  }
  Process process_;
};

/// A listener, and one graceful connection to it with some bytes.
class Traffic {
 public:
  Traffic() : port_(TcpPort::listen({})) { EXPECT_TRUE(port_) << port_.error().message; }
  [[nodiscard]] std::string port() const { return std::to_string(port_->port()); }
  void connect() const {
    TcpTraffic traffic;
    traffic.bytes = 1000;
    const auto done = make_traffic(*port_, traffic);
    EXPECT_TRUE(done) << done.error().message;
  }

 private:
  Result<TcpPort> port_;
};

TEST(Trace, SeesExactlyTheTransitionsOfOneConnection) {
  SENTINEL_REQUIRE_BPF();
  const Traffic traffic;
  Trace trace({"tcp_state", "--port", traffic.port(), "--count", "10", "--json"});
  traffic.connect();
  const auto ended = trace.end();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::map<std::string, int> seen;
  for (const auto& event : objects(ended.out)) {
    EXPECT_EQ(event.at("event"), "sentinel_tcp_transition");
    EXPECT_FALSE(event.contains("stack"));
    const auto& labels = event.at("labels").as_object();
    EXPECT_TRUE(labels.at("sport") == boost::json::value(traffic.port()) ||
                labels.at("dport") == boost::json::value(traffic.port()));
    ++seen[std::string(labels.at("oldstate").as_string()) + ">" + std::string(labels.at("newstate").as_string())];
  }
  const std::map<std::string, int> expected = {{"close>syn_sent", 1},        {"syn_sent>established", 1},
                                               {"listen>syn_recv", 1},       {"syn_recv>established", 1},
                                               {"established>fin_wait1", 1}, {"established>close_wait", 1},
                                               {"fin_wait1>fin_wait2", 1},   {"fin_wait2>close", 1},
                                               {"close_wait>last_ack", 1},   {"last_ack>close", 1}};
  EXPECT_EQ(seen, expected);
  EXPECT_THAT(ended.err, ContainsRegex("seen [0-9]+, filtered [0-9]+, shown 10, lost 0\n$"));
}

TEST(Trace, EndsOrderlyByASignalWithItsLedger) {
  SENTINEL_REQUIRE_BPF();
  for (const int signal : {SIGINT, SIGTERM}) {
    const Traffic traffic;
    Trace trace({"tcp_state", "--port", traffic.port()});
    traffic.connect();
    EXPECT_TRUE(eventually([&] { return lines(trace.process().out()).size() == 11; })) << trace.process().out();
    trace.process().send(signal);
    const auto ended = trace.end();
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_THAT(ended.out, ContainsRegex("127.0.0.1:[0-9]+ > 127.0.0.1:" + traffic.port() +
                                         " +SYN_SENT -> ESTABLISHED +[0-9.]+ms"));
    EXPECT_THAT(ended.err, ContainsRegex("shown 10, lost 0\n$"));
  }
}

TEST(Trace, FiltersByStateAsItIsPrinted) {
  SENTINEL_REQUIRE_BPF();
  const Traffic traffic;
  Trace trace({"tcp_state", "--port", traffic.port(), "--state", "SYN_RECV,LAST_ACK", "--count", "4", "--json"});
  traffic.connect();
  const auto ended = trace.end();
  EXPECT_EQ(objects(ended.out).size(), 4U) << ended.out;
}

TEST(Trace, ShowsReceivesWithBothHalvesOfTheStack) {
  SENTINEL_REQUIRE_BPF();
  const Traffic traffic;
  Trace trace({"recv", "--port", traffic.port(), "--addr", "127.0.0.0/8", "--count", "1", "--json", "--stack"});
  traffic.connect();
  const auto ended = trace.end();
  const auto all = objects(ended.out);
  ASSERT_EQ(all.size(), 1U) << ended.err;
  EXPECT_EQ(all[0].at("event"), "sentinel_recv_slow");
  EXPECT_EQ(all[0].at("labels").at("waiting_bytes"), "1000");
  EXPECT_THAT(boost::json::serialize(all[0].at("stack")), ContainsRegex(R"(^\["[^-].*,"--","[^-])"));
}

TEST(Trace, ShowsPacketsWithTheirStack) {
  SENTINEL_REQUIRE_BPF();
  const Traffic traffic;
  Trace trace({"xmit", "--port", traffic.port(), "--addr", "127.0.0.1", "--count", "3", "--stack"});
  traffic.connect();
  const auto ended = trace.end();
  EXPECT_THAT(ended.out, ContainsRegex("> 127.0.0.1:" + traffic.port() + " +tcp +lo +[0-9]+ B\n    [_0-9a-z]+"));
}

TEST(Trace, ShowsWhatAProcessDoes) {
  SENTINEL_REQUIRE_BPF();
  Trace trace({"proc", "--comm", "true", "--count", "2", "--json"});
  EXPECT_EQ(run({"true"}).exit_code, 0);
  const auto all = objects(trace.end().out);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].at("labels").at("event"), "exec");
  EXPECT_EQ(all[1].at("labels").at("event"), "exit");
  EXPECT_EQ(all[0].at("comm"), "true");
  EXPECT_EQ(all[0].at("pid"), all[1].at("pid"));
}

TEST(Trace, EndsByTime) {
  SENTINEL_REQUIRE_BPF();
  const auto ended = sentinel(command({"tcp_state", "--port", "1", "--seconds", "0.05", "--json"}));
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.out, IsEmpty());
  EXPECT_THAT(ended.err, HasSubstr("shown 0, lost 0"));
}

TEST(Trace, SaysWhatIsWrongWithACommandLine) {
  const auto says = [](const std::vector<std::string>& words, const std::string& what) {
    const auto ended = sentinel(words);
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_THAT(ended.out, IsEmpty());
    EXPECT_THAT(ended.err, HasSubstr(what));
  };
  says({"trace", "fly"}, "subcommand");
  says({"trace", "proc", "--port", "80"}, "--port");
  says(command({"tcp_state", "--port", "http"}), "ports: \"http\" is no whole number");
  says(command({"tcp_state", "--addr", "10.0.0"}), "'10.0.0' is no address or prefix");
  says({"trace", "proc", "--plugin-path", "/nonexistent"}, "plugin 'ebpf_proc' is not there");
}

}  // namespace
}  // namespace sentinel::testing
