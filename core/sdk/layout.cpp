/// The layout of the ABI: pinned here by assertions, and printed, for the build to compare with the committed
/// abi-<major>.<minor>.layout. A struct that this file does not describe whole does not compile.
#include <sentinel/abi.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <type_traits>
#include <utility>

namespace {

/// Stands for a value of whatever type an aggregate's next member has.
struct Any {
  template <class T>
  operator T() const;  // NOLINT: implicit is the point, and it is never called
};

template <class Struct, std::size_t... Index>
constexpr bool takes(std::index_sequence<Index...>) {
  return requires {
    Struct{((void)Index, Any{})...};
  };
}

/// Whether a struct has so many members, each element of an array being one.
template <class Struct, std::size_t Count>
constexpr bool has_exactly = takes<Struct>(std::make_index_sequence<Count>{}) &&
                             !takes<Struct>(std::make_index_sequence<Count + 1>{});

// Each of these is a line of the dump and the assertion that it is true.
// NOLINTBEGIN(bugprone-macro-parentheses): types and names stand there
#define STRUCT(NAME, SIZE)                                                             \
  {                                                                                    \
    using Struct = NAME;                                                               \
    constexpr const char* name = #NAME;                                                \
    static_assert(sizeof(Struct) == SIZE, "the size of " #NAME " is part of the ABI"); \
    std::printf("struct %s size %d align %zu\n", name, SIZE, alignof(Struct))

#define MEMBER(OFFSET, NAME, ...)                                                                                 \
  static_assert(offsetof(Struct, NAME) == OFFSET, "the offset of " #NAME " is part of the ABI");                  \
  static_assert(std::is_same_v<decltype(Struct::NAME), __VA_ARGS__>, "the type of " #NAME " is part of the ABI"); \
  std::printf("%s.%s offset %d size %zu type %s\n", name, #NAME, OFFSET, sizeof(Struct::NAME), #__VA_ARGS__)

#define END(COUNT)                                                                               \
  static_assert(has_exactly<Struct, COUNT>, "list every member of the struct here, at its end"); \
  }                                                                                              \
  static_assert(true)

#define VALUE(NAME, NUMBER)                                                   \
  static_assert(NAME == NUMBER, "the value of " #NAME " is part of the ABI"); \
  std::printf("value %s = %d\n", #NAME, NUMBER)

#define ENUM(NAME)                                                                         \
  static_assert(sizeof(NAME) == sizeof(std::uint32_t), "enums travel as 32-bit integers"); \
  std::printf("enum %s\n", #NAME)

#define TEXT(NAME) std::printf("text %s = %s\n", #NAME, NAME)
// NOLINTEND(bugprone-macro-parentheses)

// One line a member, spelled as the dump spells it.
// clang-format off
// NOLINTBEGIN(bugprone-sizeof-expression): pointers have sizes too
void structs() {
  STRUCT(sentinel_string, 16);
  MEMBER(0, data, const char*);
  MEMBER(8, size, uint64_t);
  END(2);

  STRUCT(sentinel_error, 1024);
  MEMBER(0, size, uint32_t);
  MEMBER(4, code, int32_t);
  MEMBER(8, message_size, uint32_t);
  MEMBER(12, reserved, uint32_t);
  MEMBER(16, message, char[1008]);
  END(1012);

  STRUCT(sentinel_writer, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, context, void*);
  MEMBER(16, write, int32_t (*)(sentinel_writer*, const char*, uint64_t));
  END(4);

  STRUCT(sentinel_field, 96);
  MEMBER(0, size, uint32_t);
  MEMBER(4, type, uint32_t);
  MEMBER(8, flags, uint32_t);
  MEMBER(12, reserved, uint32_t);
  MEMBER(16, name, sentinel_string);
  MEMBER(32, help, sentinel_string);
  MEMBER(48, default_value, sentinel_string);
  MEMBER(64, choices, sentinel_string);
  MEMBER(80, minimum, double);
  MEMBER(88, maximum, double);
  END(10);

  STRUCT(sentinel_config_value, 80);
  MEMBER(0, size, uint32_t);
  MEMBER(4, type, uint32_t);
  MEMBER(8, name, sentinel_string);
  MEMBER(24, text, sentinel_string);
  MEMBER(40, integer, int64_t);
  MEMBER(48, number, double);
  MEMBER(56, strings, const sentinel_string*);
  MEMBER(64, integers, const int64_t*);
  MEMBER(72, count, uint64_t);
  END(9);

  STRUCT(sentinel_config, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, value_count, uint32_t);
  MEMBER(8, values, const sentinel_config_value*);
  END(3);

  STRUCT(sentinel_metric, 80);
  MEMBER(0, size, uint32_t);
  MEMBER(4, kind, uint32_t);
  MEMBER(8, name, sentinel_string);
  MEMBER(24, help, sentinel_string);
  MEMBER(40, unit, sentinel_string);
  MEMBER(56, label_keys, const sentinel_string*);
  MEMBER(64, bounds, const double*);
  MEMBER(72, label_count, uint32_t);
  MEMBER(76, bound_count, uint32_t);
  END(9);

  STRUCT(sentinel_context, 144);
  MEMBER(0, size, uint32_t);
  MEMBER(4, pid, uint32_t);
  MEMBER(8, tid, uint32_t);
  MEMBER(12, ppid, uint32_t);
  MEMBER(16, start_time_ns, uint64_t);
  MEMBER(24, cgroup_id, uint64_t);
  MEMBER(32, comm, sentinel_string);
  MEMBER(48, parent_comm, sentinel_string);
  MEMBER(64, container_id, sentinel_string);
  MEMBER(80, stack, const uint64_t*);
  MEMBER(88, labels, const sentinel_string*);
  MEMBER(96, stack_count, uint32_t);
  MEMBER(100, label_count, uint32_t);
  MEMBER(104, exe, sentinel_string);
  MEMBER(120, pod, sentinel_string);
  MEMBER(136, symbols, const sentinel_string*);
  END(16);

  STRUCT(sentinel_record, 72);
  MEMBER(0, size, uint32_t);
  MEMBER(4, metric, uint32_t);
  MEMBER(8, series, uint64_t);
  MEMBER(16, time_ns, uint64_t);
  MEMBER(24, value, double);
  MEMBER(32, flags, uint32_t);
  MEMBER(36, bucket_count, uint32_t);
  MEMBER(40, buckets, const uint64_t*);
  MEMBER(48, context, const sentinel_context*);
  MEMBER(56, count, uint64_t);
  MEMBER(64, demand, uint64_t);
  END(11);

  STRUCT(sentinel_batch, 56);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, context, void*);
  MEMBER(16, tick_ns, uint64_t);
  MEMBER(24, every_ns, uint64_t);
  MEMBER(32, series, int32_t (*)(sentinel_batch*, uint32_t, const sentinel_string*, uint32_t, uint64_t*, sentinel_error*));
  MEMBER(40, append, int32_t (*)(sentinel_batch*, const sentinel_record*, uint64_t, sentinel_error*));
  MEMBER(48, lost, void (*)(sentinel_batch*, uint64_t));
  END(8);

  STRUCT(sentinel_delivery, 64);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, records, const sentinel_record*);
  MEMBER(16, count, uint64_t);
  MEMBER(24, instance, sentinel_string);
  MEMBER(40, context, void*);
  MEMBER(48, metric, const sentinel_metric* (*)(const sentinel_delivery*, const sentinel_record*));
  MEMBER(56, labels, const sentinel_string* (*)(const sentinel_delivery*, const sentinel_record*));
  END(8);

  STRUCT(sentinel_series, 40);
  MEMBER(0, size, uint32_t);
  MEMBER(4, bucket_count, uint32_t);
  MEMBER(8, labels, const sentinel_string*);
  MEMBER(16, time_ns, uint64_t);
  MEMBER(24, value, double);
  MEMBER(32, buckets, const uint64_t*);
  END(6);

  STRUCT(sentinel_family, 112);
  MEMBER(0, size, uint32_t);
  MEMBER(4, kind, uint32_t);
  MEMBER(8, name, sentinel_string);
  MEMBER(24, help, sentinel_string);
  MEMBER(40, unit, sentinel_string);
  MEMBER(56, instance, sentinel_string);
  MEMBER(72, label_keys, const sentinel_string*);
  MEMBER(80, bounds, const double*);
  MEMBER(88, series, const sentinel_series*);
  MEMBER(96, series_count, uint64_t);
  MEMBER(104, label_count, uint32_t);
  MEMBER(108, bound_count, uint32_t);
  END(12);

  STRUCT(sentinel_series_view, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, family_count, uint32_t);
  MEMBER(8, families, const sentinel_family*);
  END(3);

  STRUCT(sentinel_label, 32);
  MEMBER(0, name, sentinel_string);
  MEMBER(16, value, sentinel_string);
  END(2);

  STRUCT(sentinel_alert, 168);
  MEMBER(0, size, uint32_t);
  MEMBER(4, state, uint32_t);
  MEMBER(8, fingerprint, uint64_t);
  MEMBER(16, name, sentinel_string);
  MEMBER(32, severity, sentinel_string);
  MEMBER(48, labels, const sentinel_label*);
  MEMBER(56, annotations, const sentinel_label*);
  MEMBER(64, label_count, uint32_t);
  MEMBER(68, annotation_count, uint32_t);
  MEMBER(72, starts_at_ns, int64_t);
  MEMBER(80, ends_at_ns, int64_t);
  MEMBER(88, time_ns, uint64_t);
  MEMBER(96, value, double);
  MEMBER(104, lost, uint64_t);
  MEMBER(112, metric, sentinel_string);
  MEMBER(128, expression, sentinel_string);
  MEMBER(144, reason, sentinel_string);
  MEMBER(160, context, const sentinel_context*);
  END(18);

  STRUCT(sentinel_host, 40);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, context, void*);
  MEMBER(16, now_ns, uint64_t (*)(const sentinel_host*));
  MEMBER(24, declare_metric, int32_t (*)(const sentinel_host*, const sentinel_metric*, uint32_t*, sentinel_error*));
  MEMBER(32, extension, const void* (*)(const sentinel_host*, const char*));
  END(6);

  STRUCT(sentinel_host_log, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, write, void (*)(const sentinel_host*, int32_t, sentinel_string));
  END(3);

  STRUCT(sentinel_host_emit, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, open, sentinel_batch* (*)(const sentinel_host*));
  MEMBER(16, end_collection, int32_t (*)(const sentinel_host*, sentinel_batch*, int32_t, sentinel_string, sentinel_error*));
  END(4);

  STRUCT(sentinel_host_http_routes, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, add_render, int32_t (*)(const sentinel_host*, sentinel_string, sentinel_string, sentinel_error*));
  MEMBER(16, add_handler, int32_t (*)(const sentinel_host*, sentinel_string, sentinel_string, sentinel_error*));
  END(4);

  STRUCT(sentinel_host_agent, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, labels, uint32_t (*)(const sentinel_host*, const sentinel_label**));
  MEMBER(16, unix_ns, int64_t (*)(const sentinel_host*));
  END(4);

  STRUCT(sentinel_sample, 16);
  MEMBER(0, time_ns, uint64_t);
  MEMBER(8, value, double);
  END(2);

  STRUCT(sentinel_track, 72);
  MEMBER(0, size, uint32_t);
  MEMBER(4, label_count, uint32_t);
  MEMBER(8, instance, sentinel_string);
  MEMBER(24, metric, sentinel_string);
  MEMBER(40, label_keys, const sentinel_string*);
  MEMBER(48, labels, const sentinel_string*);
  MEMBER(56, samples, const sentinel_sample*);
  MEMBER(64, sample_count, uint64_t);
  END(8);

  STRUCT(sentinel_host_history, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, read, int32_t (*)(const sentinel_host*, sentinel_string, uint64_t, uint64_t, void*, void (*)(void*, const sentinel_track*), sentinel_error*));
  END(3);

  STRUCT(sentinel_receiver, 88);
  MEMBER(0, size, uint32_t);
  MEMBER(4, kind, uint32_t);
  MEMBER(8, url, sentinel_string);
  MEMBER(24, ca_file, sentinel_string);
  MEMBER(40, bearer_token_file, sentinel_string);
  MEMBER(56, username, sentinel_string);
  MEMBER(72, password_file, sentinel_string);
  END(7);

  STRUCT(sentinel_host_delivery, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, add_receiver, int32_t (*)(const sentinel_host*, const sentinel_receiver*, uint32_t*, sentinel_error*));
  MEMBER(16, submit, int32_t (*)(const sentinel_host*, uint32_t, const sentinel_alert*, sentinel_error*));
  END(4);

  STRUCT(sentinel_lifecycle, 64);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, create, void* (*)(const sentinel_host*, const sentinel_config*, sentinel_error*));
  MEMBER(16, start, int32_t (*)(void*, sentinel_error*));
  MEMBER(24, drain, int32_t (*)(void*, uint64_t, sentinel_error*));
  MEMBER(32, resume, int32_t (*)(void*, sentinel_error*));
  MEMBER(40, stop, int32_t (*)(void*, sentinel_error*));
  MEMBER(48, destroy, void (*)(void*));
  MEMBER(56, extension, const void* (*)(void*, const char*));
  END(9);

  STRUCT(sentinel_collector, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, collect, int32_t (*)(void*, sentinel_batch*, sentinel_error*));
  END(3);

  STRUCT(sentinel_sink, 32);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, consume, int32_t (*)(void*, const sentinel_delivery*, sentinel_error*));
  MEMBER(16, render, int32_t (*)(void*, const sentinel_series_view*, sentinel_writer*, sentinel_error*));
  MEMBER(24, alert, int32_t (*)(void*, const sentinel_alert*, sentinel_error*));
  END(5);

  STRUCT(sentinel_plugin_state, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, version, uint32_t);
  MEMBER(8, save, int32_t (*)(void*, sentinel_writer*, sentinel_error*));
  MEMBER(16, restore, int32_t (*)(void*, uint32_t, sentinel_string, sentinel_error*));
  END(4);

  STRUCT(sentinel_rows, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, context, void*);
  MEMBER(16, add, void (*)(sentinel_rows*, sentinel_string, const sentinel_string*, const sentinel_string*, uint32_t));
  END(4);

  STRUCT(sentinel_plugin_details, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, describe, int32_t (*)(void*, sentinel_rows*, sentinel_error*));
  END(3);

  STRUCT(sentinel_http_request, 104);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, method, sentinel_string);
  MEMBER(24, path, sentinel_string);
  MEMBER(40, query, sentinel_string);
  MEMBER(56, content_type, sentinel_string);
  MEMBER(72, body, sentinel_string);
  MEMBER(88, peer, sentinel_string);
  END(8);

  STRUCT(sentinel_http_response, 32);
  MEMBER(0, size, uint32_t);
  MEMBER(4, status, int32_t);
  MEMBER(8, content_type, sentinel_string);
  MEMBER(24, body, sentinel_writer*);
  END(4);

  STRUCT(sentinel_plugin_http, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, handle, int32_t (*)(void*, const sentinel_http_request*, sentinel_http_response*, sentinel_error*));
  END(3);

  STRUCT(sentinel_plugin_fd_watch, 24);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, watch, int32_t (*)(void*, int32_t*, uint64_t*, sentinel_error*));
  MEMBER(16, ready, int32_t (*)(void*, sentinel_batch*, sentinel_error*));
  END(4);

  STRUCT(sentinel_predicate, 48);
  MEMBER(0, size, uint32_t);
  MEMBER(4, kind, uint32_t);
  MEMBER(8, field, sentinel_string);
  MEMBER(24, values, const sentinel_string*);
  MEMBER(32, value_count, uint32_t);
  MEMBER(36, comparison, uint32_t);
  MEMBER(40, number, double);
  END(7);

  STRUCT(sentinel_demand, 88);
  MEMBER(0, size, uint32_t);
  MEMBER(4, metric, uint32_t);
  MEMBER(8, id, uint64_t);
  MEMBER(16, consumer, sentinel_string);
  MEMBER(32, predicates, const sentinel_predicate*);
  MEMBER(40, by, const sentinel_string*);
  MEMBER(48, predicate_count, uint32_t);
  MEMBER(52, by_count, uint32_t);
  MEMBER(56, complete, uint32_t);
  MEMBER(60, fold, uint32_t);
  MEMBER(64, pane_ns, uint64_t);
  MEMBER(72, has_threshold, uint32_t);
  MEMBER(76, reserved, uint32_t);
  MEMBER(80, threshold, double);
  END(14);

  STRUCT(sentinel_placement, 256);
  MEMBER(0, size, uint32_t);
  MEMBER(4, folds, uint32_t);
  MEMBER(8, predicates, uint64_t);
  MEMBER(16, reason, char[240]);
  END(243);

  STRUCT(sentinel_plugin_pushdown, 16);
  MEMBER(0, size, uint32_t);
  MEMBER(4, reserved, uint32_t);
  MEMBER(8, offer, int32_t (*)(void*, const sentinel_demand*, uint32_t, sentinel_placement*, sentinel_error*));
  END(3);

  STRUCT(sentinel_plugin, 144);
  MEMBER(0, magic, uint64_t);
  MEMBER(8, size, uint32_t);
  MEMBER(12, abi_major, uint32_t);
  MEMBER(16, abi_minor, uint32_t);
  MEMBER(20, kind, uint32_t);
  MEMBER(24, threading, uint32_t);
  MEMBER(28, field_count, uint32_t);
  MEMBER(32, capability_count, uint32_t);
  MEMBER(36, reserved, uint32_t);
  MEMBER(40, name, sentinel_string);
  MEMBER(56, version, sentinel_string);
  MEMBER(72, licence, sentinel_string);
  MEMBER(88, summary, sentinel_string);
  MEMBER(104, fields, const sentinel_field*);
  MEMBER(112, capabilities, const sentinel_string*);
  MEMBER(120, lifecycle, const sentinel_lifecycle*);
  MEMBER(128, collector, const sentinel_collector*);
  MEMBER(136, sink, const sentinel_sink*);
  END(18);

  STRUCT(sentinel_note, 96);
  MEMBER(0, size, uint32_t);
  MEMBER(4, abi_major, uint32_t);
  MEMBER(8, abi_minor, uint32_t);
  MEMBER(12, kind, uint32_t);
  MEMBER(16, name, char[48]);
  MEMBER(64, version, char[32]);
  END(84);
}

void values() {
  ENUM(sentinel_code);
  VALUE(SENTINEL_OK, 0);
  VALUE(SENTINEL_FAILED, 1);
  VALUE(SENTINEL_INVALID_ARGUMENT, 2);
  VALUE(SENTINEL_NO_DATA, 3);
  VALUE(SENTINEL_UNSUPPORTED, 4);
  VALUE(SENTINEL_NOT_FOUND, 5);
  VALUE(SENTINEL_PERMISSION, 6);
  VALUE(SENTINEL_TIMEOUT, 7);
  VALUE(SENTINEL_EXHAUSTED, 8);
  VALUE(SENTINEL_RECORD_FOLDED, 1);
  ENUM(sentinel_predicate_kind);
  VALUE(SENTINEL_ANY_OF, 1);
  VALUE(SENTINEL_NONE_OF, 2);
  VALUE(SENTINEL_COMPARES, 3);
  ENUM(sentinel_comparison);
  VALUE(SENTINEL_EQUAL_TO, 1);
  VALUE(SENTINEL_NOT_EQUAL_TO, 2);
  VALUE(SENTINEL_LESS, 3);
  VALUE(SENTINEL_LESS_OR_EQUAL, 4);
  VALUE(SENTINEL_GREATER, 5);
  VALUE(SENTINEL_GREATER_OR_EQUAL, 6);
  ENUM(sentinel_fold);
  VALUE(SENTINEL_FOLD_NONE, 0);
  VALUE(SENTINEL_FOLD_COUNT, 1);
  VALUE(SENTINEL_FOLD_SUM, 2);
  ENUM(sentinel_field_type);
  VALUE(SENTINEL_STRING, 1);
  VALUE(SENTINEL_PATH, 2);
  VALUE(SENTINEL_INTEGER, 3);
  VALUE(SENTINEL_NUMBER, 4);
  VALUE(SENTINEL_BOOLEAN, 5);
  VALUE(SENTINEL_DURATION, 6);
  VALUE(SENTINEL_BYTES, 7);
  VALUE(SENTINEL_STRING_LIST, 8);
  VALUE(SENTINEL_INTEGER_LIST, 9);
  ENUM(sentinel_metric_kind);
  VALUE(SENTINEL_GAUGE, 1);
  VALUE(SENTINEL_COUNTER, 2);
  VALUE(SENTINEL_HISTOGRAM, 3);
  VALUE(SENTINEL_EVENT, 4);
  ENUM(sentinel_alert_state);
  VALUE(SENTINEL_ALERT_FIRING, 1);
  VALUE(SENTINEL_ALERT_RESOLVED, 2);
  ENUM(sentinel_receiver_kind);
  VALUE(SENTINEL_RECEIVER_WEBHOOK, 1);
  VALUE(SENTINEL_RECEIVER_ALERTMANAGER, 2);
  ENUM(sentinel_log_level);
  VALUE(SENTINEL_DEBUG, 1);
  VALUE(SENTINEL_INFO, 2);
  VALUE(SENTINEL_WARNING, 3);
  VALUE(SENTINEL_ERROR, 4);
  ENUM(sentinel_kind);
  VALUE(SENTINEL_KIND_COLLECTOR, 1);
  VALUE(SENTINEL_KIND_SINK, 2);
  ENUM(sentinel_threading);
  VALUE(SENTINEL_SERIAL, 1);
  VALUE(SENTINEL_OWN_THREADS, 2);
  // flags and numbers
  VALUE(SENTINEL_FIELD_REQUIRED, 1);
  VALUE(SENTINEL_NOTE_TYPE, 1);
  static_assert(SENTINEL_ABI_MAGIC == UINT64_C(0x4c454e49544e4553), "the magic is part of the ABI");
}
// NOLINTEND(bugprone-sizeof-expression)
// clang-format on

void texts() {
  TEXT(SENTINEL_NOTE_OWNER);
  TEXT(SENTINEL_PLUGIN_ENTRY);
  TEXT(SENTINEL_EXTENSION_LOG);
  TEXT(SENTINEL_EXTENSION_EMIT);
  TEXT(SENTINEL_EXTENSION_HTTP_ROUTES);
  TEXT(SENTINEL_EXTENSION_AGENT);
  TEXT(SENTINEL_EXTENSION_HISTORY);
  TEXT(SENTINEL_EXTENSION_DELIVERY);
  TEXT(SENTINEL_EXTENSION_HTTP);
  TEXT(SENTINEL_EXTENSION_STATE);
  TEXT(SENTINEL_EXTENSION_DETAILS);
  TEXT(SENTINEL_EXTENSION_FD_WATCH);
  TEXT(SENTINEL_EXTENSION_PUSHDOWN);
}

}  // namespace

int main() {
  std::printf("abi %u.%u\n", SENTINEL_ABI_MAJOR, SENTINEL_ABI_MINOR);
  std::printf("value SENTINEL_ABI_MAGIC = %llx\n", static_cast<unsigned long long>(SENTINEL_ABI_MAGIC));
  structs();
  values();
  texts();
  return 0;
}
