#include "core/plugin/threads.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "core/plugin/loader.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

namespace {

using Word = std::uintptr_t;
using Clock = std::chrono::steady_clock;

struct OwnThreads {
  std::mutex mutex;
  std::multiset<pid_t> ids;  // scopes may be nested
};

OwnThreads& own_threads() {
  // Never destroyed: a worker that hangs in a plugin at the process's end may come back after the statics have gone.
  static auto& threads = *new OwnThreads;
  return threads;
}

fs::path folder_of(pid_t tid) {
  return fs::path("/proc/self/task") / std::to_string(tid);
}

/// The threads that may hold an object's code, in order of their ids.
std::vector<pid_t> foreign_threads() {
  std::vector<pid_t> found;
  std::error_code failure;
  for (auto entry = fs::directory_iterator("/proc/self/task", failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    pid_t tid = 0;
    std::from_chars(name.data(), name.data() + name.size(), tid);
    if (tid != ::gettid()) found.push_back(tid);
  }
  auto& own = own_threads();
  const std::lock_guard lock(own.mutex);
  std::erase_if(found, [&](pid_t tid) { return own.ids.contains(tid); });
  std::sort(found.begin(), found.end());
  return found;
}

/// Copies this process's own memory, of which another thread may unmap a part meanwhile. How many bytes could be read.
std::size_t read_memory(Word address, void* out, std::size_t size) {
  const iovec local = {out, size};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the address is a word found on a stack
  const iovec remote = {reinterpret_cast<void*>(address), size};
  const ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
  return got < 0 ? 0 : static_cast<std::size_t>(got);
}

bool points_into_code(const std::vector<Segment>& object, Word word) {
  return std::any_of(object.begin(), object.end(), [&](const Segment& segment) {
    return segment.executable && word >= segment.begin && word < segment.end;
  });
}

bool points_into(const std::vector<Segment>& object, Word word) {
  return std::any_of(object.begin(), object.end(),
                     [&](const Segment& segment) { return word >= segment.begin && word < segment.end; });
}

/// std::thread starts a function of the C++ library with an object whose table of virtual functions lies in the plugin.
bool is_object_of(const std::vector<Segment>& object, Word word) {
  Word table = 0;
  return word % alignof(std::max_align_t) == 0 && word != 0 &&
         read_memory(word, &table, sizeof(table)) == sizeof(table) && points_into(object, table);
}

constexpr std::size_t page = 4096;
using Page = std::array<Word, page / sizeof(Word)>;

/// Where in a page glibc's descriptor of a thread begins, which ends the thread's stack: on x86-64 its first and third
/// word are its own address (tcbhead_t of sysdeps/x86_64/nptl/tls.h).
std::size_t find_descriptor(const Page& words, std::size_t count, Word address) {
  constexpr std::size_t alignment = 64 / sizeof(Word);
  const std::size_t first = (alignment - address / sizeof(Word) % alignment) % alignment;
  for (std::size_t i = first; i + 2 < count; i += alignment) {
    const Word own = address + i * sizeof(Word);
    if (words[i] == own && words[i + 2] == own) return i;
  }
  return count;
}

enum class Look {
  idle,    ///< it has nothing of the object
  uses,    ///< it has
  unknown  ///< it runs, or cannot be looked at
};

/// The start routine and its argument stand in the descriptor.
Look look_at_descriptor(const std::vector<Segment>& object, Word address) {
  std::array<Word, 2304 / sizeof(Word)> words;  // sizeof(struct pthread) of glibc 2.36
  const std::size_t count = read_memory(address, words.data(), sizeof(words)) / sizeof(Word);
  const bool started = std::any_of(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count), [&](Word word) {
    return points_into_code(object, word) || is_object_of(object, word);
  });
  return started ? Look::uses : Look::idle;
}

/// Looks at a stack from its top up to its thread's descriptor, or where the memory ends.
Look look_at_stack(const std::vector<Segment>& object, Word top) {
  constexpr std::size_t most_pages = (std::size_t{8} << 20U) / page;
  Page words;
  Word address = top & ~Word{sizeof(Word) - 1};
  for (std::size_t i = 0; i < most_pages; ++i) {
    const std::size_t wanted = page - address % page;
    const std::size_t count = read_memory(address, words.data(), wanted) / sizeof(Word);
    if (i == 0 && count == 0) return Look::unknown;  // it ended, or memory cannot be read here
    const auto end = words.begin() + static_cast<std::ptrdiff_t>(count);
    if (std::any_of(words.begin(), end, [&](Word word) { return points_into_code(object, word); })) return Look::uses;
    const std::size_t descriptor = find_descriptor(words, count, address);
    if (descriptor < count) {
      return look_at_descriptor(object, address + descriptor * sizeof(Word));
    }
    if (count * sizeof(Word) < wanted) break;
    address += wanted;
  }
  return Look::idle;
}

Look look_at(const std::vector<Segment>& object, pid_t tid) {
  std::ifstream file(folder_of(tid) / "syscall");
  std::vector<std::string> fields{std::istream_iterator<std::string>(file), {}};
  if (fields.size() < 3) return Look::unknown;  // "running", or not to be read
  const auto number = [](const std::string& text) {
    Word value = 0;
    const std::string_view digits = std::string_view(text).substr(std::min<std::size_t>(2, text.size()));  // after 0x
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return value;
  };
  const Word counter = number(fields.back());
  const Word stack = number(fields[fields.size() - 2]);
  if (points_into_code(object, counter)) return Look::uses;
  if (stack == 0) return Look::idle;  // a thread of the kernel's, such as io_uring's
  return look_at_stack(object, stack);
}

/// When a thread was started, by thread_clock(); nothing when it has ended.
std::optional<std::uint64_t> start_of(pid_t tid) {
  constexpr std::size_t place = 19;  // behind the name, which may hold anything
  std::ifstream file(folder_of(tid) / "stat");
  std::string text;
  std::getline(file, text);
  const auto name_end = text.rfind(')');
  if (name_end == text.npos) return {};
  std::istringstream rest(text.substr(name_end + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  if (fields.size() <= place) return {};
  std::uint64_t ticks = 0;
  std::from_chars(fields[place].data(), fields[place].data() + fields[place].size(), ticks);
  return ticks;
}

std::string describe(pid_t tid, std::string_view what) {
  std::ifstream file(folder_of(tid) / "comm");
  std::string name;
  std::getline(file, name);
  return "thread " + std::to_string(tid) + " (" + clean_text(name) + ") " + std::string(what);
}

/// Waits until every thread was seen waiting, and none was added meanwhile.
class Search {
 public:
  Search(std::vector<Segment> object, std::uint64_t loaded_at, Clock::time_point deadline)
      : object_(std::move(object)), loaded_at_(loaded_at), deadline_(deadline) {}

  std::optional<std::string> find() {
    while (true) {
      const auto threads = foreign_threads();
      std::optional<pid_t> unknown;
      for (const pid_t tid : threads) {
        const Look look = look_at(object_, tid);
        if (look == Look::uses) return describe(tid, "has code of it on its stack");
        if (look == Look::unknown && may_be_its(tid)) unknown = tid;
      }
      // One that appeared while the others were looked at may have been started by one that has ended since.
      const auto now = foreign_threads();
      const bool complete = std::includes(threads.begin(), threads.end(), now.begin(), now.end());
      if (!unknown && complete) return {};
      if (Clock::now() >= deadline_) {
        if (!unknown) return "threads come and go too fast to look at each";
        return describe(*unknown, "was started after it and never stood still to be looked at");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

 private:
  [[nodiscard]] bool may_be_its(pid_t tid) const {
    const auto started = start_of(tid);
    return started && *started >= loaded_at_;
  }

  std::vector<Segment> object_;
  std::uint64_t loaded_at_;
  Clock::time_point deadline_;
};

}  // namespace

OwnThread::OwnThread() : tid_(::gettid()) {
  auto& own = own_threads();
  const std::lock_guard lock(own.mutex);
  own.ids.insert(tid_);
}

OwnThread::~OwnThread() {
  auto& own = own_threads();
  const std::lock_guard lock(own.mutex);
  own.ids.erase(own.ids.find(tid_));
}

std::uint64_t thread_clock() {
  timespec now = {};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  constexpr std::uint64_t ns_per_s = 1'000'000'000;
  return static_cast<std::uint64_t>(now.tv_sec) * ticks + static_cast<std::uint64_t>(now.tv_nsec) * ticks / ns_per_s;
}

std::optional<std::string> find_user(const fs::path& object, std::uint64_t loaded_at,
                                     std::chrono::milliseconds patience) {
  auto segments = segments_of(object);
  if (segments.empty()) return {};
  return Search(std::move(segments), loaded_at, Clock::now() + patience).find();
}

}  // namespace sentinel::plugin
