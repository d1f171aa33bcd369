#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <sentinel/abi.h>
#include <sentinel/config.hpp>
#include <sentinel/error.hpp>
#include <sentinel/host.hpp>
#include <sentinel/http.hpp>
#include <sentinel/pushdown.hpp>

namespace sentinel {

enum class Threading : std::uint32_t { serial = SENTINEL_SERIAL, own_threads = SENTINEL_OWN_THREADS };

/// What a plugin says of itself, the argument of SENTINEL_COLLECTOR and SENTINEL_SINK.
struct PluginInfo {
  std::string_view name;  ///< [a-z][a-z0-9_]{0,46}; folder, target, file and YAML key
  std::string_view version;
  std::string_view licence;  ///< SPDX identifier
  std::string_view summary;  ///< one sentence
  Threading threading = Threading::serial;
};

/// Where save and render write. Valid during the call.
class Writer {
 public:
  explicit Writer(sentinel_writer* writer) : writer_(writer) {}
  /// False when the agent takes no more; the call may return then.
  bool write(std::string_view bytes) { return writer_->write(writer_, bytes.data(), bytes.size()) == SENTINEL_OK; }

 private:
  sentinel_writer* writer_;
};

/// Rows of named tables for the status API. Valid during details().
class Rows {
 public:
  struct Cell {
    std::string_view key;
    std::string_view value;
  };

  explicit Rows(sentinel_rows* rows) : rows_(rows) {}

  void add(std::string_view table, std::initializer_list<Cell> cells) {
    constexpr std::size_t most_cells = 32;
    std::array<sentinel_string, most_cells> keys;
    std::array<sentinel_string, most_cells> values;
    std::uint32_t count = 0;
    for (const auto& cell : cells) {
      if (count == most_cells) break;
      keys[count] = to_abi(cell.key);
      values[count] = to_abi(cell.value);
      ++count;
    }
    rows_->add(rows_, to_abi(table), keys.data(), values.data(), count);
  }

 private:
  sentinel_rows* rows_;
};

namespace detail {

constexpr bool is_plugin_name(std::string_view name) {
  if (name.empty() || name.size() > 47 || name[0] < 'a' || name[0] > 'z') return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

/// The schema of T as the ABI wants it; empty when T has none.
template <class T>
constexpr auto abi_fields() {
  if constexpr (requires { T::schema; }) {
    std::array<sentinel_field, std::size(T::schema)> fields{};
    for (std::size_t i = 0; i < fields.size(); ++i) fields[i] = T::schema[i].abi();
    return fields;
  } else {
    return std::array<sentinel_field, 0>{};
  }
}

template <class T>
constexpr auto abi_capabilities() {
  if constexpr (requires { T::capabilities; }) {
    std::array<sentinel_string, std::size(T::capabilities)> names{};
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = to_abi(T::capabilities[i]);
    return names;
  } else {
    return std::array<sentinel_string, 0>{};
  }
}

/// A method that is there but cannot be called as the wrapper calls it would be left out in silence; so it is an error.
template <class T>
constexpr void check_optional_methods() {
  if constexpr (requires { &T::start; }) {
    static_assert(
        requires(T & t) {
          { t.start() } -> std::same_as<Result<void>>;
        },
        "start must be: sentinel::Result<void> start()");
  }
  if constexpr (requires { &T::drain; }) {
    static_assert(
        requires(T & t, std::chrono::nanoseconds by) {
          { t.drain(by) } -> std::same_as<Result<void>>;
        },
        "drain must be: sentinel::Result<void> drain(std::chrono::nanoseconds deadline)");
  }
  if constexpr (requires { &T::resume; }) {
    static_assert(
        requires(T & t) {
          { t.resume() } -> std::same_as<Result<void>>;
        },
        "resume must be: sentinel::Result<void> resume()");
  }
  if constexpr (requires { &T::stop; }) {
    static_assert(
        requires(T & t) {
          { t.stop() } -> std::same_as<Result<void>>;
        },
        "stop must be: sentinel::Result<void> stop()");
  }
  if constexpr (requires { &T::handle; }) {
    static_assert(
        requires(T & t, const HttpRequest& request, HttpResponse& response) {
          { t.handle(request, response) } -> std::same_as<Result<void>>;
        },
        "handle must be: sentinel::Result<void> handle(const sentinel::HttpRequest&, sentinel::HttpResponse&)");
  }
  if constexpr (
      requires { &T::save; } || requires { &T::restore; } || requires { T::state_version; }) {
    static_assert(
        requires(T & t, Writer & out, std::uint32_t version, std::string_view state) {
          { t.save(out) } -> std::same_as<Result<void>>;
          { t.restore(version, state) } -> std::same_as<Result<void>>;
          {std::uint32_t(T::state_version)};
        },
        "state needs all of: static constexpr std::uint32_t state_version; sentinel::Result<void> "
        "save(sentinel::Writer&); sentinel::Result<void> restore(std::uint32_t version, std::string_view state)");
  }
  if constexpr (
      requires { &T::watch; } || requires { &T::ready; }) {
    static_assert(
        requires(T & t, Batch & batch) {
          { t.watch() } -> std::same_as<Result<Watch>>;
          { t.ready(batch) } -> std::same_as<Result<void>>;
        },
        "events between collections need both: sentinel::Result<sentinel::Watch> watch(); sentinel::Result<void> "
        "ready(sentinel::Batch&)");
  }
  if constexpr (requires { &T::offer; }) {
    static_assert(
        requires(T & t, const Demands& demands) {
          { t.offer(demands) } -> std::same_as<Result<void>>;
        },
        "offer must be: sentinel::Result<void> offer(const sentinel::Demands&)");
  }
  if constexpr (requires { &T::details; }) {
    static_assert(
        requires(T & t, Rows & rows) {
          { t.details(rows) } -> std::same_as<Result<void>>;
        },
        "details must be: sentinel::Result<void> details(sentinel::Rows&)");
  }
}

/// The function tables of a plugin class. Every exception ends here.
template <class T>
struct Entry {
  static T& self(void* instance) { return *static_cast<T*>(instance); }

  static void* create(const sentinel_host* host, const sentinel_config* config, sentinel_error* error) {
    T* made = nullptr;
    const int status = guarded(error, [&]() -> Result<void> {
      Host wrapped(host);
      made = new T(Config(config), wrapped);
      return {};
    });
    return status == SENTINEL_OK ? made : nullptr;
  }
  static int32_t start(void* instance, sentinel_error* error) {
    return guarded(error, [&] { return self(instance).start(); });
  }
  static int32_t drain(void* instance, uint64_t deadline_ns, sentinel_error* error) {
    return guarded(error, [&] { return self(instance).drain(std::chrono::nanoseconds(deadline_ns)); });
  }
  static int32_t resume(void* instance, sentinel_error* error) {
    return guarded(error, [&] { return self(instance).resume(); });
  }
  static int32_t stop(void* instance, sentinel_error* error) {
    return guarded(error, [&] { return self(instance).stop(); });
  }
  static void destroy(void* instance) {
    guarded(nullptr, [&]() -> Result<void> {
      delete static_cast<T*>(instance);
      return {};
    });
  }
  static int32_t save(void* instance, sentinel_writer* out, sentinel_error* error) {
    return guarded(error, [&] {
      Writer writer(out);
      return self(instance).save(writer);
    });
  }
  static int32_t restore(void* instance, uint32_t version, sentinel_string state, sentinel_error* error) {
    return guarded(error, [&] { return self(instance).restore(version, from_abi(state)); });
  }
  static int32_t describe(void* instance, sentinel_rows* rows, sentinel_error* error) {
    return guarded(error, [&] {
      Rows wrapped(rows);
      return self(instance).details(wrapped);
    });
  }
  static int32_t handle(void* instance, const sentinel_http_request* request, sentinel_http_response* response,
                        sentinel_error* error) {
    return guarded(error, [&] {
      HttpResponse answer(response);
      return self(instance).handle(HttpRequest(request), answer);
    });
  }
  static int32_t collect(void* instance, sentinel_batch* raw, sentinel_error* error) {
    return guarded(error, [&]() -> Result<void> {
      Batch batch(raw);
      if (const Result<void> collected = self(instance).collect(batch); !collected) return collected;
      return batch.result();
    });
  }

  static int32_t watch(void* instance, int32_t* fd, uint64_t* period_ns, sentinel_error* error) {
    return guarded(error, [&]() -> Result<void> {
      const Result<Watch> answer = self(instance).watch();
      if (!answer) return answer.error();
      *fd = answer->fd;
      *period_ns = static_cast<uint64_t>(answer->period.count());
      return {};
    });
  }
  static int32_t ready(void* instance, sentinel_batch* raw, sentinel_error* error) {
    return guarded(error, [&]() -> Result<void> {
      Batch batch(raw);
      if (const Result<void> handed_over = self(instance).ready(batch); !handed_over) return handed_over;
      return batch.result();
    });
  }
  static int32_t offer(void* instance, const sentinel_demand* demands, uint32_t count, sentinel_placement* placements,
                       sentinel_error* error) {
    return guarded(error, [&] { return self(instance).offer(Demands(demands, count, placements)); });
  }

  static const void* extension(void*, const char* raw_id) {
    const std::string_view id(raw_id);
    if constexpr (requires { T::state_version; }) {
      static constexpr sentinel_plugin_state state = {sizeof(sentinel_plugin_state), T::state_version, &save, &restore};
      if (id == SENTINEL_EXTENSION_STATE) return &state;
    }
    if constexpr (requires { &T::details; }) {
      static constexpr sentinel_plugin_details details = {sizeof(sentinel_plugin_details), 0, &describe};
      if (id == SENTINEL_EXTENSION_DETAILS) return &details;
    }
    if constexpr (requires { &T::handle; }) {
      static constexpr sentinel_plugin_http http = {sizeof(sentinel_plugin_http), 0, &handle};
      if (id == SENTINEL_EXTENSION_HTTP) return &http;
    }
    if constexpr (requires { &T::ready; }) {
      static constexpr sentinel_plugin_fd_watch fd_watch = {sizeof(sentinel_plugin_fd_watch), 0, &watch, &ready};
      if (id == SENTINEL_EXTENSION_FD_WATCH) return &fd_watch;
    }
    if constexpr (requires { &T::offer; }) {
      static constexpr sentinel_plugin_pushdown pushdown = {sizeof(sentinel_plugin_pushdown), 0, &offer};
      if (id == SENTINEL_EXTENSION_PUSHDOWN) return &pushdown;
    }
    return nullptr;
  }

  static constexpr sentinel_lifecycle lifecycle() {
    check_optional_methods<T>();
    sentinel_lifecycle table{
        sizeof(sentinel_lifecycle), 0, &create, nullptr, nullptr, nullptr, nullptr, &destroy, &extension};
    if constexpr (requires { &T::start; }) table.start = &start;
    if constexpr (requires { &T::drain; }) table.drain = &drain;
    if constexpr (requires { &T::resume; }) table.resume = &resume;
    if constexpr (requires { &T::stop; }) table.stop = &stop;
    return table;
  }
};

template <class T>
const sentinel_plugin* describe_plugin(const PluginInfo& info, sentinel_kind kind, const sentinel_collector* collector,
                                       const sentinel_sink* sink) {
  static constexpr auto fields = abi_fields<T>();
  static constexpr auto capabilities = abi_capabilities<T>();
  static constexpr sentinel_lifecycle lifecycle = Entry<T>::lifecycle();
  static const sentinel_plugin plugin = {SENTINEL_ABI_MAGIC,
                                         sizeof(sentinel_plugin),
                                         SENTINEL_ABI_MAJOR,
                                         SENTINEL_ABI_MINOR,
                                         static_cast<std::uint32_t>(kind),
                                         static_cast<std::uint32_t>(info.threading),
                                         static_cast<std::uint32_t>(fields.size()),
                                         static_cast<std::uint32_t>(capabilities.size()),
                                         0,
                                         to_abi(info.name),
                                         to_abi(info.version),
                                         to_abi(info.licence),
                                         to_abi(info.summary),
                                         fields.data(),
                                         capabilities.data(),
                                         &lifecycle,
                                         collector,
                                         sink};
  return &plugin;
}

/// A whole ELF note: header, owner's name, descriptor (elf(5)).
struct ElfNote {
  std::uint32_t name_size;
  std::uint32_t descriptor_size;
  std::uint32_t type;
  char name[12];
  sentinel_note note;
};

consteval ElfNote elf_note(const PluginInfo& info, sentinel_kind kind) {
  ElfNote out{9, sizeof(sentinel_note), SENTINEL_NOTE_TYPE, SENTINEL_NOTE_OWNER, {}};
  out.note = {sizeof(sentinel_note), SENTINEL_ABI_MAJOR, SENTINEL_ABI_MINOR, static_cast<std::uint32_t>(kind), {}, {}};
  for (std::size_t i = 0; i < info.name.size(); ++i) out.note.name[i] = info.name[i];
  for (std::size_t i = 0; i < info.version.size(); ++i) out.note.version[i] = info.version[i];
  return out;
}

}  // namespace detail
}  // namespace sentinel

#define SENTINEL_DETAIL_NOTE(KIND)                                                                           \
  static_assert(::sentinel::detail::is_plugin_name(sentinel_plugin_info.name),                               \
                "a plugin's name is [a-z][a-z0-9_]{0,46}");                                                  \
  static_assert(!sentinel_plugin_info.version.empty() && sentinel_plugin_info.version.size() < 32,           \
                "a plugin's version has 1 to 31 characters");                                                \
  static_assert(!sentinel_plugin_info.licence.empty(), "a plugin names its licence by its SPDX identifier"); \
  static_assert(!sentinel_plugin_info.summary.empty(), "a plugin says in one sentence what it does");        \
  [[gnu::used, gnu::section(".note.sentinel"),                                                               \
    gnu::aligned(4)]] constexpr ::sentinel::detail::ElfNote sentinel_plugin_note =                           \
      ::sentinel::detail::elf_note(sentinel_plugin_info, KIND)

#define SENTINEL_DETAIL_EXPORT extern "C" __attribute__((visibility("default")))
