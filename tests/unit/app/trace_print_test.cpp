// The lines of `sentinel trace`, of events as a batch would have them.
#include "core/app/trace_print.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <sentinel/config.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sentinel::app {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// One event with what it points to.
class Made {
 public:
  Made(std::string_view name, const Labels& labels, double value) {
    for (const auto& [key, text] : labels) {
      keys_.push_back(to_abi(key));
      values_.push_back(to_abi(text));
    }
    metric_.name = to_abi(name);
    metric_.label_keys = keys_.data();
    metric_.label_count = static_cast<std::uint32_t>(keys_.size());
    context_.comm = to_abi("curl");
    context_.pid = 4711;
    context_.tid = 4712;
    record_.value = value;
    record_.context = &context_;
  }
  Made(const Made&) = delete;
  Made& operator=(const Made&) = delete;

  sentinel_context& context() { return context_; }
  void set_stack(std::vector<std::uint64_t> stack, std::vector<std::string_view> names) {
    stack_ = std::move(stack);
    for (const auto name : names) names_.push_back(to_abi(name));
    context_.stack = stack_.data();
    context_.stack_count = static_cast<std::uint32_t>(stack_.size());
    context_.symbols = names_.empty() ? nullptr : names_.data();
  }
  [[nodiscard]] TracedEvent event() const { return {metric_, values_.data(), record_, 1'700'000'000'042'999'999}; }

 private:
  std::vector<sentinel_string> keys_;
  std::vector<sentinel_string> values_;
  std::vector<std::uint64_t> stack_;
  std::vector<sentinel_string> names_;
  sentinel_metric metric_ = {};
  sentinel_context context_ = {};
  sentinel_record record_ = {};
};

const Labels between = {
    {"saddr", "127.0.0.1"}, {"sport", "50512"}, {"daddr", "127.0.0.1"}, {"dport", "8888"}, {"netns", "4026531833"}};

Labels with(Labels labels, const Labels& more) {
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

class TracePrint : public ::testing::Test {
 protected:
  TracePrint() {
    setenv("TZ", "UTC", 1);  // NOLINT(concurrency-mt-unsafe): the only thread
    tzset();
  }
};

TEST_F(TracePrint, APersonSeesWhoAndWhatInColumns) {
  Made transition("sentinel_tcp_transition", with(between, {{"oldstate", "syn_sent"}, {"newstate", "established"}}),
                  42e-6);
  Made child("sentinel_tcp_transition", with(between, {{"oldstate", "listen"}, {"newstate", "syn_recv"}}), 0);
  child.context().pid = 0;
  child.context().comm = {};
  Made receive("sentinel_recv_slow", with(between, {{"side", "server"}, {"waiting_bytes", "1448"}}), 0.0201);
  Made request("sentinel_request_slow", between, 1.5);
  Made packet("sentinel_xmit_packet", with(between, {{"protocol", "tcp"}, {"device", "eth0"}}), 3066);
  const std::string text = trace_heading() + trace_text(transition.event()) + trace_text(child.event()) +
                           trace_text(receive.event()) + trace_text(request.event()) + trace_text(packet.event());
  EXPECT_EQ(text, R"(TIME          COMM                 PID  EVENT
22:13:20.042  curl                4711  127.0.0.1:50512 > 127.0.0.1:8888               SYN_SENT -> ESTABLISHED         0.042ms
22:13:20.042  -                      -  127.0.0.1:50512 > 127.0.0.1:8888               LISTEN -> SYN_RECV                    -
22:13:20.042  curl                4711  127.0.0.1:50512 < 127.0.0.1:8888               server   waited     20.100ms     1448 B
22:13:20.042  curl                4711  127.0.0.1:50512 < 127.0.0.1:8888               server   answered     1.500s
22:13:20.042  curl                4711  127.0.0.1:50512 > 127.0.0.1:8888               tcp    eth0           3066 B
)");
}

TEST_F(TracePrint, AProcessIsShownWithItsParentAndItsEnd) {
  const auto process = [](std::string_view what, std::string_view code, std::string_view signal) {
    return Labels{{"event", what}, {"session", "1"}, {"child", "4713"}, {"exit_code", code}, {"signal", signal}};
  };
  std::string text;
  for (const auto& labels : {process("fork", "0", ""), process("exec", "0", ""), process("exit", "3", ""),
                             process("exit", "0", "SIGKILL"), process("oom_kill", "0", "")}) {
    Made made("sentinel_process_event", labels, 0.0058);
    made.context().ppid = 99;
    made.context().parent_comm = to_abi("bash");
    made.context().exe = to_abi("/usr/bin/curl");
    text += trace_text(made.event());
  }
  EXPECT_EQ(text, R"(22:13:20.042  curl                4711  fork      child 4713
22:13:20.042  curl                4711  exec      of bash(99)                 /usr/bin/curl
22:13:20.042  curl                4711  exit      of bash(99)                 code 3     lived 5.800ms
22:13:20.042  curl                4711  exit      of bash(99)                 SIGKILL    lived 5.800ms
22:13:20.042  curl                4711  oom_kill  of bash(99)
)");
}

TEST_F(TracePrint, AddressesOfIPv6StandInBracketsAndProtocolsWithoutPortsHaveNone) {
  const Labels ends = {{"saddr", "2001:db8::1"}, {"sport", "0"}, {"daddr", "2001:db8::2"}, {"dport", "53"}};
  Made udp("sentinel_xmit_packet", with(ends, {{"protocol", "udp"}, {"device", "lo"}}), 80);
  Made icmp("sentinel_xmit_packet", with(ends, {{"protocol", "icmp"}, {"device", "lo"}}), 80);
  Made arp("sentinel_xmit_packet", {{"saddr", ""}, {"daddr", ""}, {"protocol", "other"}, {"device", "lo"}}, 42);
  EXPECT_NE(trace_text(udp.event()).find("  [2001:db8::1]:0 > [2001:db8::2]:53  "), std::string::npos);
  EXPECT_NE(trace_text(icmp.event()).find("  2001:db8::1 > 2001:db8::2  "), std::string::npos);
  EXPECT_NE(trace_text(arp.event()).find("  - > -  "), std::string::npos);
}

TEST_F(TracePrint, AnEventOfAPluginThatIsNotKnownIsShownWhole) {
  Made made("acme_thing", {{"colour", "red"}}, 2.5);
  EXPECT_EQ(trace_text(made.event()), "22:13:20.042  curl                4711  acme_thing colour=red 2.5\n");
}

TEST_F(TracePrint, FramesStandBeneathByNameOrByAddress) {
  Made named("acme_thing", {}, 1);
  named.set_stack({0xffffffff81000010, 0xffffffff81000020}, {"tcp_connect+0xb23", ""});
  EXPECT_EQ(trace_text(named.event()),
            "22:13:20.042  curl                4711  acme_thing 1\n    tcp_connect+0xb23\n    0xffffffff81000020\n");
  Made bare("acme_thing", {}, 1);
  bare.set_stack({0xffffffff81000010, 0}, {});
  EXPECT_EQ(trace_text(bare.event()),
            "22:13:20.042  curl                4711  acme_thing 1\n    0xffffffff81000010\n    --\n");
}

TEST_F(TracePrint, AnObjectOfJsonHasWhatIsKnownAndNoMore) {
  Made made("acme_thing", {{"colour", "a \"red\" one"}}, 2.5);
  auto& context = made.context();
  context.ppid = 99;
  context.parent_comm = to_abi("bash");
  context.exe = to_abi("/usr/bin/curl");
  context.cgroup_id = 77;
  context.container_id = to_abi("0123456789ab");
  made.set_stack({0xffffffff81000010, 1}, {"tcp_connect+0xb23", ""});
  const auto line = trace_json(made.event());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(boost::json::parse(line), boost::json::parse(R"({
    "event": "acme_thing", "time": "2023-11-14T22:13:20.042Z", "value": 2.5, "labels": {"colour": "a \"red\" one"},
    "pid": 4711, "tid": 4712, "comm": "curl", "ppid": 99, "parent_comm": "bash", "exe": "/usr/bin/curl",
    "cgroup_id": 77, "container_id": "0123456789ab", "stack": ["tcp_connect+0xb23", "0x1"]})"));
  Made nobody("acme_thing", {}, 0);
  nobody.context() = {};
  EXPECT_EQ(boost::json::parse(trace_json(nobody.event())),
            boost::json::parse(R"({"event": "acme_thing", "time": "2023-11-14T22:13:20.042Z", "value": 0.0,
                                   "labels": {}})"));
}

}  // namespace
}  // namespace sentinel::app
