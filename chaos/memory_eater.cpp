// Memory that is taken step by step, really touched, and held until the lifetime is over. The process asks the OOM
// killer to choose it first, so that nothing else dies of it.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "chaos/tool.hpp"

namespace {

constexpr std::uint64_t mib = 1024 * 1024;

/// Anonymous memory with something else in each page, so that neither the zero page nor merging saves it.
class Block {
 public:
  explicit Block(std::size_t bytes)
      : bytes_(bytes),
        data_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (data_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot take more memory");
    auto* words = static_cast<std::uint64_t*>(data_);
    for (std::size_t i = 0; i < bytes / sizeof(std::uint64_t); ++i) words[i] = seed_ += 0x9e3779b97f4a7c15U;
  }
  Block(Block&& other) noexcept : bytes_(other.bytes_), data_(std::exchange(other.data_, MAP_FAILED)) {}
  Block& operator=(Block&&) = delete;
  ~Block() {
    if (data_ != MAP_FAILED) ::munmap(data_, bytes_);
  }

 private:
  static inline std::uint64_t seed_ = 1;
  std::size_t bytes_;
  void* data_;
};

std::string read_meminfo() {
  std::ostringstream text;
  text << std::ifstream("/proc/meminfo").rdbuf();
  return text.str();
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::uint64_t most_mib = 65'536;
  constexpr std::uint64_t fast_step_mib = 100;
  constexpr double slow_rate = 10;
  CLI::App app{"Takes memory up to a ceiling and holds it", "memory_eater"};
  std::uint64_t ceiling = 0;
  double rate = slow_rate;
  bool fast = false;
  bool slow = false;
  std::string lifetime_text;
  auto* ceiling_option =
      app.add_option("--ceiling", ceiling, "MiB to take, 1 to 65536, and nine tenths of what is available");
  auto* rate_option = app.add_option("--rate", rate, "MiB a second, in steps of 1 MiB, 0.1 to 100000");
  auto* fast_option = app.add_flag("--fast", fast, "as fast as it goes, in steps of 100 MiB");
  app.add_flag("--slow", slow, "10 MiB a second; the default")->excludes(fast_option)->excludes(rate_option);
  fast_option->excludes(rate_option);
  app.add_option("--lifetime", lifetime_text, "when all is given back, such as 60s from the start");
  return chaos::run(app, argc, argv, [&](chaos::Stop& stop) {
    if (ceiling_option->empty()) throw chaos::Refusal("give --ceiling: how many MiB to take at most");
    chaos::within("--ceiling", ceiling, 1, most_mib);
    chaos::require_an_end({{"--lifetime", !lifetime_text.empty()}});
    const auto lifetime = chaos::parse_duration("--lifetime", lifetime_text);
    if (!(rate >= 0.1 && rate <= 1e5)) throw chaos::Refusal("--rate is not between 0.1 and 100000");
    chaos::require_memory("--ceiling", ceiling * mib, chaos::available_memory_bytes(read_meminfo()));
    std::ofstream("/proc/self/oom_score_adj") << "1000";
    char pace_text[64];
    std::snprintf(pace_text, sizeof pace_text, fast ? "in steps of 100 MiB" : "at %g MiB a second", rate);
    chaos::say("memory_eater: will take " + std::to_string(ceiling) + " MiB " + pace_text + " and give it back after " +
               chaos::text(lifetime) + "; Ctrl-C ends it earlier");
    const auto end = chaos::Clock::now() + lifetime;
    const std::uint64_t step = fast ? fast_step_mib : 1;
    chaos::Pace pace(rate);
    std::vector<Block> blocks;
    std::uint64_t held = 0;
    const auto due = [&] { return fast ? chaos::Clock::time_point::min() : std::min(pace.next(), end); };
    while (held < ceiling && chaos::Clock::now() < end && !stop.wait_until(due())) {
      const auto more = std::min(step, ceiling - held);
      blocks.emplace_back(more * mib);
      held += more;
    }
    chaos::say("ready: " + std::to_string(held) + " MiB held by process " + std::to_string(::getpid()));
    stop.wait_until(end);
    blocks.clear();
    chaos::say("done: gave back " + std::to_string(held) + " MiB");
  });
}
