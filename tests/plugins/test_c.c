/* A collector written against abi.h alone. The definitions below each break one promise of the ABI. */
#include <sentinel/abi.h>
#include <stddef.h>

#ifndef ABI_MAJOR
#define ABI_MAJOR SENTINEL_ABI_MAJOR
#endif
#ifndef ABI_MINOR
#define ABI_MINOR SENTINEL_ABI_MINOR
#endif
#ifndef DESCRIPTOR_ABI_MAJOR
#define DESCRIPTOR_ABI_MAJOR ABI_MAJOR
#endif
#ifndef MAGIC
#define MAGIC SENTINEL_ABI_MAGIC
#endif
#ifndef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE sizeof(sentinel_plugin)
#endif
#ifndef DESCRIPTOR_NAME
#define DESCRIPTOR_NAME NAME
#endif
#define VERSION "1.2.3"
#ifndef DESCRIPTOR_VERSION
#define DESCRIPTOR_VERSION VERSION
#endif
#ifndef DESCRIPTOR_KIND
#define DESCRIPTOR_KIND SENTINEL_KIND_COLLECTOR
#endif
#ifndef THREADING
#define THREADING SENTINEL_SERIAL
#endif
#ifndef FIELD_TYPE
#define FIELD_TYPE SENTINEL_INTEGER
#endif
#ifndef FIELD_MINIMUM
#define FIELD_MINIMUM 0
#endif
#ifndef FIELD_MAXIMUM
#define FIELD_MAXIMUM 100
#endif
#ifndef ENTRY
#define ENTRY sentinel_plugin_entry
#endif

#ifndef CREATE
#define CREATE create
#endif
#ifndef CREATE_RESULT
#define CREATE_RESULT &only
#endif
#ifndef COLLECT
#define COLLECT collect
#endif
#ifndef LIFECYCLE
#define LIFECYCLE &lifecycle
#endif
#ifndef COLLECTOR
#define COLLECTOR &collector
#endif
#ifndef DESCRIPTOR
#define DESCRIPTOR &plugin
#endif

#define MAYBE_UNUSED __attribute__((unused))
#define TEXT(literal) \
  { (literal), sizeof(literal) - 1 }

typedef struct instance {
  uint32_t metric;
  int64_t value;
} instance;

static instance only;

MAYBE_UNUSED static void* create(const sentinel_host* host, const sentinel_config* config, sentinel_error* error) {
  static const sentinel_metric metric = {
      sizeof(sentinel_metric), SENTINEL_GAUGE, TEXT("test_c_value"), TEXT("A value."), {NULL, 0}, NULL, NULL, 0, 0};
  if (host->declare_metric(host, &metric, &only.metric, error) != SENTINEL_OK) return NULL;
  only.value = config->value_count == 0 ? 42 : config->values[0].integer;
  return CREATE_RESULT;
}

static void destroy(void* self) {
  (void)self;
}

MAYBE_UNUSED static int32_t collect(void* self, sentinel_batch* batch, sentinel_error* error) {
  const instance* me = self;
  sentinel_record record = {0};
  record.size = sizeof(record);
  record.metric = me->metric;
  record.value = (double)me->value;
  const int32_t found = batch->series(batch, me->metric, NULL, 0, &record.series, error);
  return found != SENTINEL_OK ? found : batch->append(batch, &record, 1, error);
}

MAYBE_UNUSED static const sentinel_lifecycle lifecycle = {
    sizeof(sentinel_lifecycle), 0, CREATE, NULL, NULL, NULL, NULL, destroy, NULL};

MAYBE_UNUSED static const sentinel_collector collector = {sizeof(sentinel_collector), 0, COLLECT};

static const sentinel_field fields[] = {{sizeof(sentinel_field), FIELD_TYPE, 0, 0, TEXT("value"),
                                         TEXT("What to report."), TEXT("42"), TEXT(""), FIELD_MINIMUM, FIELD_MAXIMUM}};

MAYBE_UNUSED static const sentinel_plugin plugin = {MAGIC,
                                                    DESCRIPTOR_SIZE,
                                                    DESCRIPTOR_ABI_MAJOR,
                                                    ABI_MINOR,
                                                    DESCRIPTOR_KIND,
                                                    THREADING,
                                                    1,
                                                    0,
                                                    0,
                                                    TEXT(DESCRIPTOR_NAME),
                                                    TEXT(DESCRIPTOR_VERSION),
                                                    TEXT("Apache-2.0"),
                                                    TEXT("Reports one value."),
                                                    fields,
                                                    NULL,
                                                    LIFECYCLE,
                                                    COLLECTOR,
                                                    NULL};

#ifndef NO_NOTE
struct note {
  uint32_t name_size;
  uint32_t descriptor_size;
  uint32_t type;
  char owner[12];
  sentinel_note note;
};

__attribute__((used, section(".note.sentinel"), aligned(4))) static const struct note note = {
    sizeof(SENTINEL_NOTE_OWNER),
    sizeof(sentinel_note),
    SENTINEL_NOTE_TYPE,
    SENTINEL_NOTE_OWNER,
    {sizeof(sentinel_note), ABI_MAJOR, ABI_MINOR, SENTINEL_KIND_COLLECTOR, NAME, VERSION}};
#endif

__attribute__((visibility("default"))) const sentinel_plugin* ENTRY(void);
const sentinel_plugin* ENTRY(void) {
  return DESCRIPTOR;
}
