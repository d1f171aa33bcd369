// A collector that does all that one can do, and tells of its calls in its details.
#include <array>
#include <map>
#include <memory>
#include <regex>
#include <sentinel/collector.hpp>
#include <string>

namespace {

/// What g++ would make GNU-unique: shared between generations, were the plugin not built as it is.
struct Statics {
  static inline int instances = 0;
};

class TestCollector {
 public:
  static constexpr sentinel::Field schema[] = {
      {.name = "value", .type = sentinel::FieldType::number, .by_default = "1.5", .help = "What test_value says."},
      {.name = "kinds", .type = sentinel::FieldType::string_list, .by_default = "a,b", .help = "Series of test_value."},
      {.name = "refuse", .type = sentinel::FieldType::boolean, .by_default = "false", .help = "Fail in create."},
  };
  static constexpr std::string_view capabilities[] = {"CAP_SYS_PTRACE"};
  static constexpr std::uint32_t state_version = 3;

  TestCollector(const sentinel::Config& config, sentinel::Host& host)
      : host_(host),
        value_(config.number("value")),
        kinds_(config.strings("kinds")),
        gauge_(host.gauge({"test_value", "A value.", "ratio"}, {"kind"})),
        collections_(host.counter({"test_collections_total", "Collections so far."})),
        sizes_(host.histogram({"test_sizes_bytes", "Sizes.", "bytes"}, bounds)),
        event_(host.event({"test_event", "Something happened."}, {"what"})) {
    if (config.boolean("refuse")) {
      throw sentinel::PluginError({sentinel::Errc::unsupported, "refuse is set: unset it"});
    }
    ++Statics::instances;
    // Brings in what the C++ library instantiates in a plugin.
    shared_ = std::make_shared<std::regex>("[a-z]+");
    host.info("created");
  }

  sentinel::Result<void> start() { return called("start"); }
  sentinel::Result<void> drain(std::chrono::nanoseconds deadline) {
    deadline_ = deadline;
    return called("drain");
  }
  sentinel::Result<void> resume() { return called("resume"); }
  sentinel::Result<void> stop() { return called("stop"); }

  sentinel::Result<void> collect(sentinel::Batch& batch) {
    for (const auto& kind : kinds_) batch.add(gauge_, value_, {kind});
    batch.add(collections_, static_cast<double>(++count_));
    constexpr std::array<std::uint64_t, 3> buckets = {1, 2, 4};
    batch.add(sizes_, 100, buckets);
    const sentinel::Context context = {.pid = 7, .comm = "test"};
    batch.add(event_, host_.now(), 1, context, {"collected"});
    return called("collect");
  }

  sentinel::Result<void> save(sentinel::Writer& out) {
    out.write(std::to_string(count_));
    return called("save");
  }
  sentinel::Result<void> restore(std::uint32_t version, std::string_view state) {
    if (version != state_version) {
      return sentinel::Error{sentinel::Errc::unsupported, "cannot read state of version " + std::to_string(version)};
    }
    if (!std::regex_match(std::string(state), std::regex("[0-9]{1,9}"))) {
      return sentinel::Error{sentinel::Errc::invalid_argument, "the state is no number"};
    }
    count_ = std::stoull(std::string(state));
    return called("restore");
  }

  sentinel::Result<void> details(sentinel::Rows& rows) {
    for (const auto& [name, times] : calls_) rows.add("calls", {{"name", name}, {"times", std::to_string(times)}});
    rows.add("facts",
             {{"instances", std::to_string(Statics::instances)}, {"deadline", std::to_string(deadline_.count())}});
    return {};
  }

 private:
  static constexpr double bounds[] = {1, 1024};

  sentinel::Result<void> called(const std::string& name) {
    ++calls_[name];
    return {};
  }

  sentinel::Host host_;
  double value_;
  std::vector<std::string> kinds_;
  sentinel::Gauge<1> gauge_;
  sentinel::Counter<> collections_;
  sentinel::Histogram<> sizes_;
  sentinel::Event<1> event_;
  std::shared_ptr<std::regex> shared_;
  std::map<std::string, int> calls_;
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds deadline_{};
};

}  // namespace

SENTINEL_COLLECTOR(TestCollector, {.name = "test_collector",
                                   .version = "1.0.0",
                                   .licence = "Apache-2.0",
                                   .summary = "Does all that a collector can do."});
