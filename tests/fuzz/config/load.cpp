#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/config/config.hpp"
#include "core/config/diff.hpp"
#include "core/config/schema.hpp"
#include "tests/fuzz/harness.hpp"

using namespace sentinel::config;
using namespace sentinel::fuzz;

namespace {

/// A file of the input's bytes; load() reads files alone.
class Memory {
 public:
  Memory(const std::uint8_t* data, std::size_t size) : fd_(::memfd_create("config", MFD_CLOEXEC)) {
    require(fd_ >= 0 && ::write(fd_, data, size) == static_cast<ssize_t>(size), "the input is written");
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { ::close(fd_); }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

const std::vector<FieldSpec>& schema() {
  static const std::vector<FieldSpec> fields = [] {
    std::vector<FieldSpec> all;
    for (std::uint32_t type = SENTINEL_STRING; type <= SENTINEL_INTEGER_LIST; ++type) {
      FieldSpec field;
      field.name = std::string(1, static_cast<char>('a' + type - 1));
      field.type = static_cast<sentinel::FieldType>(type);
      all.push_back(field);
    }
    return all;
  }();
  return fields;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Memory file(data, size);
  auto loaded = load(file.path(), {{"X", "5s"}, {"EMPTY", ""}, {"BAD", "\xff"}});
  for (const auto& collector : loaded.config.collectors) {
    const auto resolved = resolve(collector.config, schema(), "collector", loaded.diagnostics);
    require(resolved.size() <= schema().size(), "each field is resolved once");
  }
  for (const auto& diagnostic : loaded.diagnostics) {
    require(!diagnostic.message.empty() && diagnostic.message.size() < 2000, "a message is there and short");
    for (const char c : diagnostic.message) {
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F, "a message is one printable line");
    }
    require(diagnostic.where.line >= 0 && diagnostic.where.column >= 0, "a place is in the file");
    require(!diagnostic.where.file.empty(), "a place names its file");
  }
  require(diff(loaded.config, loaded.config).empty(), "a configuration does not differ from itself");
  if (!loaded.ok()) return 0;
  for (const auto& pipeline : loaded.config.pipelines) {
    require(!pipeline.from.empty() && pipeline.to.empty() == pipeline.alert.has_value(),
            "a good pipeline has both ends");
    require(!pipeline.alert || !pipeline.windows.empty(), "an alert judges windows");
    require(pipeline.windows.empty() || pipeline.named_windows || pipeline.filter, "a window has a filter");
    for (const auto& window : pipeline.windows) {
      require(window.over.count() > 0 && !window.fn.empty(), "a window has a length and a function");
    }
    for (const auto& name : pipeline.alerts_to)
      require(loaded.config.find_sink(name) != nullptr, "its receivers are there");
    for (const auto& name : pipeline.from) {
      require(name == self_name || loaded.config.find_collector(name) != nullptr, "its collectors are there");
    }
    for (const auto& name : pipeline.to) require(loaded.config.find_sink(name) != nullptr, "its sinks are there");
  }
  return 0;
}
