/// The boundary between the agent and a plugin, in C.
///
/// A plugin is a shared object that exports one function, `sentinel_plugin_entry`, which returns a constant descriptor.
/// Nothing of C++ crosses: no object, exception, allocator or ownership. In C++ use collector.hpp or sink.hpp, which
/// make the descriptor from a class; this header is the contract they keep, and what other languages bind to.
///
/// Rules that hold for every declaration below
/// - Structs grow at their end alone and carry their size first. A reader takes a member only if `size` covers it, and
///   walks an array of structs by the `size` of its first element.
/// - Text is UTF-8, not terminated, as a `sentinel_string`. What is passed in lives until the call returns,
///   unless said.
/// - Functions return 0 or a `sentinel_code`; then `error` holds a sentence. No function may let an exception out.
/// - "lifecycle" names the states in which the host calls a function or a plugin may call it:
///   created -> started -> drained -> stopped; `resume` leads from drained back to started.
/// - Threading: a `serial` plugin's calls never overlap but may come from any thread. An `own_threads` plugin may call
///   the host from its own threads between start and stop, and joins them in stop.
/// - Every call has a deadline. A call that overruns is not interrupted; its instance is set aside until it returns.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SENTINEL_ABI_MAGIC UINT64_C(0x4c454e49544e4553) /* "SENTINEL" in little endian */
#define SENTINEL_ABI_MAJOR 1u                           /* moves when a plugin must be rebuilt */
#define SENTINEL_ABI_MINOR 2u                           /* moves when something was appended */

/// Name of the ELF note's owner and its type; the descriptor of the note is a `sentinel_note`.
#define SENTINEL_NOTE_OWNER "Sentinel"
#define SENTINEL_NOTE_TYPE 1u

/// A view of UTF-8 text or, for saved state, of bytes. `data` may be null when `size` is 0.
typedef struct sentinel_string {
  const char* data;
  uint64_t size;
} sentinel_string;

typedef enum sentinel_code {
  SENTINEL_OK = 0,
  SENTINEL_FAILED = 1,
  SENTINEL_INVALID_ARGUMENT = 2,
  SENTINEL_NO_DATA = 3,
  SENTINEL_UNSUPPORTED = 4,
  SENTINEL_NOT_FOUND = 5,
  SENTINEL_PERMISSION = 6,
  SENTINEL_TIMEOUT = 7,
  SENTINEL_EXHAUSTED = 8
} sentinel_code;

/// Why a call failed. The caller owns it and sets `size`; the callee fills the rest. `message` is not terminated.
typedef struct sentinel_error {
  uint32_t size;
  int32_t code;
  uint32_t message_size;
  uint32_t reserved;
  char message[1008];
} sentinel_error;

/// Takes bytes; the host owns it, and it is valid during the call that got it. Returns a `sentinel_code`.
typedef struct sentinel_writer {
  uint32_t size;
  uint32_t reserved;
  void* context;
  int32_t (*write)(struct sentinel_writer* self, const char* data, uint64_t size);
} sentinel_writer;

/* Configuration ---------------------------------------------------------------------------------------------------- */

typedef enum sentinel_field_type {
  SENTINEL_STRING = 1,
  SENTINEL_PATH = 2, /* relative ones are relative to the configuration file that names them */
  SENTINEL_INTEGER = 3,
  SENTINEL_NUMBER = 4,
  SENTINEL_BOOLEAN = 5,  /* integer 0 or 1 */
  SENTINEL_DURATION = 6, /* "5s", "100ms"; integer in nanoseconds */
  SENTINEL_BYTES = 7,    /* "64KiB"; integer in bytes */
  SENTINEL_STRING_LIST = 8,
  SENTINEL_INTEGER_LIST = 9
} sentinel_field_type;

#define SENTINEL_FIELD_REQUIRED 1u

/// One key that a plugin's `config:` may hold. The host checks a configuration against these before create.
typedef struct sentinel_field {
  uint32_t size;
  uint32_t type; /* sentinel_field_type */
  uint32_t flags;
  uint32_t reserved;
  sentinel_string name;
  sentinel_string help;
  sentinel_string default_value; /* in the notation of the file; a list's elements separated by commas; empty: none */
  sentinel_string choices;       /* the only values allowed, separated by commas; empty: any */
  double minimum;                /* bounds of integer, number, duration (seconds) and bytes; both 0: none */
  double maximum;
} sentinel_field;

/// The checked value of one field: `text` always, beside it the member that its type names.
typedef struct sentinel_config_value {
  uint32_t size;
  uint32_t type;
  sentinel_string name;
  sentinel_string text;
  int64_t integer;
  double number;
  const sentinel_string* strings;
  const int64_t* integers;
  uint64_t count; /* of strings or integers */
} sentinel_config_value;

/// Every field of the schema, given or by default; a field with neither is absent. Valid during create.
typedef struct sentinel_config {
  uint32_t size;
  uint32_t value_count;
  const sentinel_config_value* values;
} sentinel_config;

/* Data ------------------------------------------------------------------------------------------------------------- */

typedef enum sentinel_metric_kind {
  SENTINEL_GAUGE = 1,
  SENTINEL_COUNTER = 2,
  SENTINEL_HISTOGRAM = 3,
  SENTINEL_EVENT = 4 /* no series: each record stands alone and carries its labels in its context */
} sentinel_metric_kind;

/// What a collector measures. Identity: instance, name, kind, unit, label keys and bounds.
typedef struct sentinel_metric {
  uint32_t size;
  uint32_t kind;
  sentinel_string name; /* [a-zA-Z_:][a-zA-Z0-9_:]*; base units, `_total` on counters */
  sentinel_string help;
  sentinel_string unit; /* "seconds", "bytes", "ratio" … or empty */
  const sentinel_string* label_keys;
  const double* bounds; /* upper bounds of a histogram's buckets, ascending, without +Inf */
  uint32_t label_count;
  uint32_t bound_count;
} sentinel_metric;

/// The circumstances of an event, taken when it happened. 0, empty or null: not known.
typedef struct sentinel_context {
  uint32_t size;
  uint32_t pid;
  uint32_t tid;
  uint32_t ppid;
  uint64_t start_time_ns; /* of the process, CLOCK_BOOTTIME */
  uint64_t cgroup_id;     /* inode of its cgroup v2 directory */
  sentinel_string comm;
  sentinel_string parent_comm;
  sentinel_string container_id;
  const uint64_t* stack;         /* kernel addresses, innermost first */
  const sentinel_string* labels; /* values in the order of the metric's label keys */
  uint32_t stack_count;
  uint32_t label_count;
  sentinel_string exe;            /* since 1.2: path of the executable */
  sentinel_string pod;            /* since 1.2: "namespace/name" of its Kubernetes pod */
  const sentinel_string* symbols; /* since 1.2: names of the stack's frames, "tcp_v4_rcv+0x1c"; null: not known */
} sentinel_context;

/// Flag of a record, since 1.2: an event that stands for `count` of them, which one demand had folded into a group. It
/// is that demand's alone, bypasses its filter, and reaches no sink. An event that comes without the flag is every
/// consumer's, and in no fold. The context tells the group's keys; of `pid` both pid and start time.
#define SENTINEL_RECORD_FOLDED 1u

/// One sample or event. The host copies it and what it points to.
typedef struct sentinel_record {
  uint32_t size;
  uint32_t metric;  /* from declare_metric */
  uint64_t series;  /* from sentinel_batch.series; 0 for events */
  uint64_t time_ns; /* CLOCK_BOOTTIME; 0 on a sample: the tick of its collection */
  double value;     /* of a histogram: the sum of its observations; of a folded record: that of its events' values */
  uint32_t flags;   /* SENTINEL_RECORD_… */
  uint32_t bucket_count;
  const uint64_t* buckets; /* cumulative counts, one a bound and one for +Inf */
  const sentinel_context* context;
  uint64_t count;  /* since 1.2, of a folded record: how many events it stands for */
  uint64_t demand; /* since 1.2, of a folded record: the id of the sentinel_demand that it answers, and no other */
} sentinel_record;

/// Where a collection's records go. The host owns it; valid from collect's start to its return (or open to close).
/// A batch is taken whole when the collection ends well, else not at all.
typedef struct sentinel_batch {
  uint32_t size;
  uint32_t reserved;
  void* context;
  uint64_t tick_ns;  /* CLOCK_BOOTTIME at which this collection was scheduled */
  uint64_t every_ns; /* the collector's interval */
  /// The handle of the series with these label values, in the order of the metric's keys. Invalid UTF-8 and control
  /// characters are replaced. The handle stays valid as long as each good collection reports the series.
  /// Errors: invalid_argument (unknown metric, wrong number of values).
  int32_t (*series)(struct sentinel_batch* self, uint32_t metric, const sentinel_string* values, uint32_t count,
                    uint64_t* handle, sentinel_error* error);
  /// Appends copies. Errors: invalid_argument (unknown metric, ended series, wrong number of buckets or labels),
  /// exhausted (the batch's limit); then nothing was appended.
  int32_t (*append)(struct sentinel_batch* self, const sentinel_record* records, uint64_t count, sentinel_error* error);
  /// Since 1.2. Tells of events that were lost before the plugin could read them, since it told last: alerts that miss
  /// them say so. Counts even when the batch is not taken.
  void (*lost)(struct sentinel_batch* self, uint64_t events);
} sentinel_batch;

/* What a sink sees ------------------------------------------------------------------------------------------------- */

/// Records of one collection on their way to a sink, with what their numbers stand for. Valid during the call.
typedef struct sentinel_delivery {
  uint32_t size;
  uint32_t reserved;
  const sentinel_record* records;
  uint64_t count;
  sentinel_string instance; /* the collector's name in the pipeline file */
  void* context;
  /// The declaration of a record's metric; its label keys are followed by the constant ones of the pipeline file.
  const sentinel_metric* (*metric)(const struct sentinel_delivery* self, const sentinel_record* record);
  /// The record's label values, in the order of those keys.
  const sentinel_string* (*labels)(const struct sentinel_delivery* self, const sentinel_record* record);
} sentinel_delivery;

/// One live series. Label values are in the order of its family's keys and never contain invalid UTF-8.
typedef struct sentinel_series {
  uint32_t size;
  uint32_t bucket_count;
  const sentinel_string* labels;
  uint64_t time_ns;
  double value;
  const uint64_t* buckets;
} sentinel_series;

/// The series of one metric of one instance. Families of one name stand together and agree in kind and help.
typedef struct sentinel_family {
  uint32_t size;
  uint32_t kind;
  sentinel_string name;
  sentinel_string help;
  sentinel_string unit;
  sentinel_string instance;          /* the collector's name in the pipeline file */
  const sentinel_string* label_keys; /* the declared ones, then the constant ones of the pipeline file */
  const double* bounds;
  const sentinel_series* series;
  uint64_t series_count;
  uint32_t label_count;
  uint32_t bound_count;
} sentinel_family;

/// What a sink may render: sorted by name, consistent, and valid during the call.
typedef struct sentinel_series_view {
  uint32_t size;
  uint32_t family_count;
  const sentinel_family* families;
} sentinel_series_view;

/* Alerts ------------------------------------------------------------------------------------------------------------
 */

typedef enum sentinel_alert_state { SENTINEL_ALERT_FIRING = 1, SENTINEL_ALERT_RESOLVED = 2 } sentinel_alert_state;

/// A name and its value. Never grows.
typedef struct sentinel_label {
  sentinel_string name;
  sentinel_string value;
} sentinel_label;

/// An alert that began to fire, or was resolved. Text is clean UTF-8. Valid during the call.
typedef struct sentinel_alert {
  uint32_t size;
  uint32_t state;       /* sentinel_alert_state */
  uint64_t fingerprint; /* of the label set, and of nothing else */
  sentinel_string name;
  sentinel_string severity;
  const sentinel_label* labels; /* sorted by name; alertname, severity and the agent's own labels among them */
  const sentinel_label* annotations;
  uint32_t label_count;
  uint32_t annotation_count;
  int64_t starts_at_ns;            /* Unix time at which it began to fire */
  int64_t ends_at_ns;              /* Unix time at which it was resolved; 0 while it fires */
  uint64_t time_ns;                /* CLOCK_BOOTTIME of what tripped or resolved it */
  double value;                    /* of the left side of its comparison, then */
  uint64_t lost;                   /* records known to be lost in its window */
  sentinel_string metric;          /* that its rule watches; empty when several */
  sentinel_string expression;      /* its rule, in one line to be read */
  sentinel_string reason;          /* of a resolved one: "resolved", "no_data" or "rule_changed" */
  const sentinel_context* context; /* of the event that tripped it; null for samples */
} sentinel_alert;

/* Host services ---------------------------------------------------------------------------------------------------- */

/// The host as one instance sees it; owned by the host, valid from create to the return of destroy.
typedef struct sentinel_host {
  uint32_t size;
  uint32_t reserved;
  void* context;
  /// CLOCK_BOOTTIME in nanoseconds, or a test's clock. Any thread.
  uint64_t (*now_ns)(const struct sentinel_host* self);
  /// Announces a metric and gives its id. In create only. Errors: invalid_argument (name, keys, bounds, twice).
  int32_t (*declare_metric)(const struct sentinel_host* self, const sentinel_metric* metric, uint32_t* id,
                            sentinel_error* error);
  /// A further service by its id, or null when this host has none of that id. Any thread; valid as long as the host.
  const void* (*extension)(const struct sentinel_host* self, const char* id);
} sentinel_host;

typedef enum sentinel_log_level {
  SENTINEL_DEBUG = 1,
  SENTINEL_INFO = 2,
  SENTINEL_WARNING = 3,
  SENTINEL_ERROR = 4
} sentinel_log_level;

/// "sentinel.log/1": lines in the agent's log, marked with the instance. Any thread, from create to destroy.
#define SENTINEL_EXTENSION_LOG "sentinel.log/1"
typedef struct sentinel_host_log {
  uint32_t size;
  uint32_t reserved;
  void (*write)(const sentinel_host* host, int32_t level, sentinel_string message);
} sentinel_host_log;

/// "sentinel.emit/1": collections that an `own_threads` collector opens by itself, between start and stop.
#define SENTINEL_EXTENSION_EMIT "sentinel.emit/1"
typedef struct sentinel_host_emit {
  uint32_t size;
  uint32_t reserved;
  /// A batch of the caller's until end_collection, or null when one is open already.
  sentinel_batch* (*open)(const sentinel_host* host);
  /// Ends the collection and the batch's life. `ok` 0: its records are dropped, its error is counted and shown.
  int32_t (*end_collection)(const sentinel_host* host, sentinel_batch* batch, int32_t ok, sentinel_string reason,
                            sentinel_error* error);
} sentinel_host_emit;

/// "sentinel.http_routes/1": paths of the agent's one listener. In create only.
#define SENTINEL_EXTENSION_HTTP_ROUTES "sentinel.http_routes/1"
typedef struct sentinel_host_http_routes {
  uint32_t size;
  uint32_t reserved;
  /// GET `path` answers with what the sink's render writes. The route opens at start and closes at stop.
  /// Errors: invalid_argument (not a sink that renders, malformed path, path taken).
  int32_t (*add_render)(const sentinel_host* host, sentinel_string path, sentinel_string content_type,
                        sentinel_error* error);
  /// Since 1.1. `method` and `path` are answered by the plugin's "sentinel.http/1", from start to stop. Whoever asks
  /// from beyond loopback must authenticate. Errors: invalid_argument (plugin without it, malformed or taken path).
  int32_t (*add_handler)(const sentinel_host* host, sentinel_string method, sentinel_string path,
                         sentinel_error* error);
} sentinel_host_http_routes;

/// "sentinel.agent/1", since 1.1: what the plugin's agent is. Any thread, from create to destroy.
#define SENTINEL_EXTENSION_AGENT "sentinel.agent/1"
typedef struct sentinel_host_agent {
  uint32_t size;
  uint32_t reserved;
  /// The labels that the agent puts on each of its alerts; returns how many. They live as long as the instance.
  uint32_t (*labels)(const sentinel_host* host, const sentinel_label** labels);
  /// Nanoseconds since the epoch, or a test's clock.
  int64_t (*unix_ns)(const sentinel_host* host);
} sentinel_host_agent;

/// One value of a series, at CLOCK_BOOTTIME. Never grows.
typedef struct sentinel_sample {
  uint64_t time_ns;
  double value;
} sentinel_sample;

/// A series with its samples of the last minutes, oldest first. Valid during the call that got it.
typedef struct sentinel_track {
  uint32_t size;
  uint32_t label_count;
  sentinel_string instance; /* the collector's name in the pipeline file */
  sentinel_string metric;
  const sentinel_string* label_keys;
  const sentinel_string* labels;
  const sentinel_sample* samples;
  uint64_t sample_count;
} sentinel_track;

/// "sentinel.history/1" of sinks, since 1.1: what the agent remembers of its series. Any thread, from start to stop.
#define SENTINEL_EXTENSION_HISTORY "sentinel.history/1"
typedef struct sentinel_host_history {
  uint32_t size;
  uint32_t reserved;
  /// Calls `take` for each series of `metric` (empty: of every metric), live or ended, with its samples in [from, to].
  int32_t (*read)(const sentinel_host* host, sentinel_string metric, uint64_t from_ns, uint64_t to_ns, void* context,
                  void (*take)(void* context, const sentinel_track* track), sentinel_error* error);
} sentinel_host_history;

typedef enum sentinel_receiver_kind {
  SENTINEL_RECEIVER_WEBHOOK = 1,     /* Alertmanager's webhook, version 4: what happened, in order */
  SENTINEL_RECEIVER_ALERTMANAGER = 2 /* Alertmanager's /api/v2/alerts: what fires, told again each minute */
} sentinel_receiver_kind;

/// Where alerts are posted to. Secrets stay in files, which are read again for each post.
typedef struct sentinel_receiver {
  uint32_t size;
  uint32_t kind; /* sentinel_receiver_kind */
  sentinel_string url;
  sentinel_string ca_file;           /* PEM; empty: the system's authorities */
  sentinel_string bearer_token_file; /* empty: none */
  sentinel_string username;          /* of basic authentication; empty: none */
  sentinel_string password_file;
} sentinel_receiver;

/// "sentinel.delivery/1" of sinks, since 1.1: posts that outlive the sink, the connection and the agent.
#define SENTINEL_EXTENSION_DELIVERY "sentinel.delivery/1"
typedef struct sentinel_host_delivery {
  uint32_t size;
  uint32_t reserved;
  /// In create only. Errors: invalid_argument (URL, unreadable file).
  int32_t (*add_receiver)(const sentinel_host* host, const sentinel_receiver* receiver, uint32_t* id,
                          sentinel_error* error);
  /// Takes a copy of the alert to be posted, on disk when it returns. One that was taken before (fingerprint,
  /// starts_at, state and annotations) is not posted again. Any thread, from start to stop. Errors: invalid_argument,
  /// exhausted.
  int32_t (*submit)(const sentinel_host* host, uint32_t receiver, const sentinel_alert* alert, sentinel_error* error);
} sentinel_host_delivery;

/* The plugin ------------------------------------------------------------------------------------------------------- */

typedef enum sentinel_kind { SENTINEL_KIND_COLLECTOR = 1, SENTINEL_KIND_SINK = 2 } sentinel_kind;
typedef enum sentinel_threading { SENTINEL_SERIAL = 1, SENTINEL_OWN_THREADS = 2 } sentinel_threading;

/// What every plugin does, in the order of its life. Each runs under a deadline, none overlaps another call.
typedef struct sentinel_lifecycle {
  uint32_t size;
  uint32_t reserved;
  /// Makes an instance, or returns null and fills `error`. `config` is valid during the call.
  void* (*create)(const sentinel_host* host, const sentinel_config* config, sentinel_error* error);
  /// created -> started. May be null.
  int32_t (*start)(void* instance, sentinel_error* error);
  /// started -> drained: hand over what is held back; take nothing new. `deadline_ns` is CLOCK_BOOTTIME. May be null.
  int32_t (*drain)(void* instance, uint64_t deadline_ns, sentinel_error* error);
  /// drained -> started, as if neither drain nor save had happened. May be null.
  int32_t (*resume)(void* instance, sentinel_error* error);
  /// Any state -> stopped: threads joined, descriptors closed. May be null.
  int32_t (*stop)(void* instance, sentinel_error* error);
  /// Frees the instance; the last call.
  void (*destroy)(void* instance);
  /// A capability of the plugin by its id, or null. Constant over the instance's life. May be null.
  const void* (*extension)(void* instance, const char* id);
} sentinel_lifecycle;

typedef struct sentinel_collector {
  uint32_t size;
  uint32_t reserved;
  /// One collection, while started. 0 ends it well: a series that it did not report ends. Else the batch is dropped and
  /// series stay for two intervals. Null only for `own_threads`, which may use "sentinel.emit/1" instead.
  int32_t (*collect)(void* instance, sentinel_batch* batch, sentinel_error* error);
} sentinel_collector;

typedef struct sentinel_sink {
  uint32_t size;
  uint32_t reserved;
  /// Takes records as they come from the sink's pipelines, while started. May be null.
  int32_t (*consume)(void* instance, const sentinel_delivery* delivery, sentinel_error* error);
  /// Writes the live series of the sink's pipelines, while started. May be null.
  int32_t (*render)(void* instance, const sentinel_series_view* view, sentinel_writer* out, sentinel_error* error);
  /// Since 1.1. Takes an alert of a rule that goes to this sink, while started. One that it took before a restart of
  /// the agent may come again. May be null.
  int32_t (*alert)(void* instance, const sentinel_alert* alert, sentinel_error* error);
} sentinel_sink;

/// "sentinel.state/1" of a plugin: what a successor of the same instance goes on from.
#define SENTINEL_EXTENSION_STATE "sentinel.state/1"
typedef struct sentinel_plugin_state {
  uint32_t size;
  uint32_t version; /* of the format that save writes */
  /// While drained.
  int32_t (*save)(void* instance, sentinel_writer* out, sentinel_error* error);
  /// While created. `unsupported` refuses a version that it cannot read.
  int32_t (*restore)(void* instance, uint32_t version, sentinel_string state, sentinel_error* error);
} sentinel_plugin_state;

/// Rows of named tables for the status API. Text is cleaned as label values are.
typedef struct sentinel_rows {
  uint32_t size;
  uint32_t reserved;
  void* context;
  void (*add)(struct sentinel_rows* self, sentinel_string table, const sentinel_string* keys,
              const sentinel_string* values, uint32_t count);
} sentinel_rows;

/// "sentinel.details/1" of a plugin: lists, such as culprits, that belong in the status API and in no label. Called
/// after a good collection, while started.
#define SENTINEL_EXTENSION_DETAILS "sentinel.details/1"
typedef struct sentinel_plugin_details {
  uint32_t size;
  uint32_t reserved;
  int32_t (*describe)(void* instance, sentinel_rows* rows, sentinel_error* error);
} sentinel_plugin_details;

/// A request of the agent's listener, complete and within its limits. Valid during the call.
typedef struct sentinel_http_request {
  uint32_t size;
  uint32_t reserved;
  sentinel_string method;
  sentinel_string path;  /* percent-decoded */
  sentinel_string query; /* still encoded */
  sentinel_string content_type;
  sentinel_string body;
  sentinel_string peer; /* "127.0.0.1:40312", "unix" */
} sentinel_http_request;

/// What a handler answers; the host owns it. `status` is 200 and the type JSON unless the plugin sets them.
typedef struct sentinel_http_response {
  uint32_t size;
  int32_t status;
  sentinel_string content_type; /* constant as long as the plugin is loaded */
  sentinel_writer* body;
} sentinel_http_response;

/// "sentinel.http/1" of a sink, since 1.1: answers the paths of add_handler. While started; a failure is answered by
/// 500.
#define SENTINEL_EXTENSION_HTTP "sentinel.http/1"
typedef struct sentinel_plugin_http {
  uint32_t size;
  uint32_t reserved;
  int32_t (*handle)(void* instance, const sentinel_http_request* request, sentinel_http_response* response,
                    sentinel_error* error);
} sentinel_plugin_http;

/// "sentinel.fd_watch/1" of a `serial` collector, since 1.2: events that are handed over between collections.
#define SENTINEL_EXTENSION_FD_WATCH "sentinel.fd_watch/1"
typedef struct sentinel_plugin_fd_watch {
  uint32_t size;
  uint32_t reserved;
  /// What to wait for: input at `fd`, which stays the plugin's and open until drain (-1: none), and at the latest
  /// `period_ns` after the last call of ready (0: no such limit). While started; asked after start, resume and offer.
  int32_t (*watch)(void* instance, int32_t* fd, uint64_t* period_ns, sentinel_error* error);
  /// Hands over the events that there are. While started; its calls and those of collect never overlap. The batch takes
  /// events alone, and ends no series. Called once more before drain. What a pane has folded may come in parts; it is
  /// in time for its window until 200 ms after the pane's end.
  int32_t (*ready)(void* instance, sentinel_batch* batch, sentinel_error* error);
} sentinel_plugin_fd_watch;

typedef enum sentinel_predicate_kind {
  SENTINEL_ANY_OF = 1,  /* the field's text is one of `values` */
  SENTINEL_NONE_OF = 2, /* it is none of them */
  SENTINEL_COMPARES = 3 /* the record's value compares to `number` */
} sentinel_predicate_kind;

typedef enum sentinel_comparison {
  SENTINEL_EQUAL_TO = 1,
  SENTINEL_NOT_EQUAL_TO = 2,
  SENTINEL_LESS = 3,
  SENTINEL_LESS_OR_EQUAL = 4,
  SENTINEL_GREATER = 5,
  SENTINEL_GREATER_OR_EQUAL = 6
} sentinel_comparison;

/// A condition that holds of every event that a consumer takes. An absent field has the empty text.
typedef struct sentinel_predicate {
  uint32_t size;
  uint32_t kind;         /* sentinel_predicate_kind */
  sentinel_string field; /* a label key of the metric, or a context field: pid, comm, cgroup_id … */
  const sentinel_string* values;
  uint32_t value_count;
  uint32_t comparison; /* sentinel_comparison */
  double number;
} sentinel_predicate;

typedef enum sentinel_fold {
  SENTINEL_FOLD_NONE = 0,  /* the consumer needs each event */
  SENTINEL_FOLD_COUNT = 1, /* of each group and pane, how many events */
  SENTINEL_FOLD_SUM = 2    /* beside it the sum of their values */
} sentinel_fold;

/// What one consumer of an event type needs of it. Valid during the call.
typedef struct sentinel_demand {
  uint32_t size;
  uint32_t metric; /* of the event, from declare_metric */
  uint64_t id;     /* the host's, never given twice */
  sentinel_string consumer;
  const sentinel_predicate* predicates;
  const sentinel_string* by; /* label keys and context fields that tell groups apart */
  uint32_t predicate_count;
  uint32_t by_count;
  uint32_t complete; /* 1: the predicates are the whole filter; 0: user space has more, so that nothing can be folded */
  uint32_t fold;     /* sentinel_fold: what would do instead of each event */
  uint64_t pane_ns;  /* panes are the half-open (n * pane_ns, (n + 1) * pane_ns] of CLOCK_BOOTTIME */
  uint32_t has_threshold;
  uint32_t reserved;
  double threshold; /* of a group's fold in one pane; one that comes near it wants a folded record of count 1, with the
                       context and stack of an event that is left out of the rest */
} sentinel_demand;

/// How a collector serves a demand. The host owns it and sets `size`; the plugin fills the rest.
typedef struct sentinel_placement {
  uint32_t size;
  uint32_t folds;      /* 1: it sends folded records. Then every predicate is evaluated in the kernel */
  uint64_t predicates; /* bit i: predicate i is evaluated in the kernel */
  char reason[240];    /* terminated; why what is left to user space is left there; empty when nothing is */
} sentinel_placement;

/// "sentinel.pushdown/1" of a collector, since 1.2: it is told who consumes its events, and sends no others.
#define SENTINEL_EXTENSION_PUSHDOWN "sentinel.pushdown/1"
typedef struct sentinel_plugin_pushdown {
  uint32_t size;
  uint32_t reserved;
  /// The demands from now on, all of them; none: not one event is wanted. Before the first call, too, none is. Created
  /// or started; an event that no demand wants may still come, one that a demand wants is left out never, except as
  /// part of a folded record. While created, answers without touching the machine.
  int32_t (*offer)(void* instance, const sentinel_demand* demands, uint32_t count, sentinel_placement* placements,
                   sentinel_error* error);
} sentinel_plugin_pushdown;

/// What `sentinel_plugin_entry` returns: constant, and valid as long as the object is loaded.
typedef struct sentinel_plugin {
  uint64_t magic;
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t kind;      /* sentinel_kind */
  uint32_t threading; /* sentinel_threading */
  uint32_t field_count;
  uint32_t capability_count;
  uint32_t reserved;
  sentinel_string name; /* [a-z][a-z0-9_]{0,46}; the file is <name>.so */
  sentinel_string version;
  sentinel_string licence; /* SPDX */
  sentinel_string summary; /* one sentence */
  const sentinel_field* fields;
  const sentinel_string* capabilities; /* capabilities(7) it needs, such as "CAP_BPF" */
  const sentinel_lifecycle* lifecycle;
  const sentinel_collector* collector; /* exactly the one that `kind` names is set */
  const sentinel_sink* sink;
} sentinel_plugin;

/// Descriptor of the ELF note, so that a file can be told apart without running its code. Texts are zero-padded.
typedef struct sentinel_note {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t kind;
  char name[48];
  char version[32];
} sentinel_note;

typedef const sentinel_plugin* (*sentinel_plugin_entry_function)(void);
#define SENTINEL_PLUGIN_ENTRY "sentinel_plugin_entry"

#ifdef __cplusplus
}
#endif
