#include "tests/unit/plugins/rig.hpp"

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <sentinel/error.hpp>
#include <sentinel/sink.hpp>

#include "core/config/bytes.hpp"
#include "core/config/duration.hpp"
#include "core/plugin/library.hpp"
#include "tests/support/fake_host.hpp"

namespace rig {

using sentinel::from_abi;
using sentinel::Result;

namespace {

template <class T>
T required(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

/// Every load is a fresh one from a private copy, as in the agent.
std::shared_ptr<sentinel::plugin::Library> load(const std::string& name) {
  static const TemporaryFolder folder;
  static const auto stage = required(sentinel::plugin::Stage::open(folder.path()));
  static std::uint64_t generation = 0;
  auto file = required(stage.stage(SENTINEL_BINARY_DIR "/plugins/" + name + ".so", "test", ++generation));
  return required(sentinel::plugin::Library::load(std::move(file)));
}

/// Elements between commas and blanks.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> all;
  std::string word;
  for (const char c : text + ",") {
    if (c != ',' && c != ' ') {
      word += c;
    } else if (!word.empty()) {
      all.push_back(std::exchange(word, {}));
    }
  }
  return all;
}

/// The schema's defaults with `given` over them, as the agent's configuration would hand them over.
void fill(sentinel::testing::FakeConfig& config, const sentinel_plugin& plugin, const ConfigValues& given) {
  for (std::uint32_t i = 0; i < plugin.field_count; ++i) {
    const auto& field = plugin.fields[i];
    const auto name = from_abi(field.name);
    const auto found = given.find(std::string(name));
    const auto text = found != given.end() ? found->second : std::string(from_abi(field.default_value));
    if (text.empty()) continue;
    switch (static_cast<sentinel::FieldType>(field.type)) {
      case sentinel::FieldType::integer:
        config.integer(name, std::stoll(text));
        break;
      case sentinel::FieldType::boolean:
        config.boolean(name, text == "true");
        break;
      case sentinel::FieldType::duration:
        config.duration(name, required(sentinel::config::parse_duration(text)));
        break;
      case sentinel::FieldType::path:
        config.path(name, text);
        break;
      case sentinel::FieldType::string_list:
        config.strings(name, split(text));
        break;
      case sentinel::FieldType::integer_list: {
        std::vector<std::int64_t> numbers;
        for (const auto& word : split(text)) numbers.push_back(std::stoll(word));
        config.integers(name, numbers);
        break;
      }
      case sentinel::FieldType::bytes:
        config.bytes(name, required(sentinel::config::parse_bytes(text)));
        break;
      default:
        config.string(name, text);
    }
  }
}

std::int32_t report(sentinel_error* out, const sentinel::Error& error) {
  return sentinel::detail::fill(out, error.code, error.message);
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "sentinel-test.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TemporaryFolder::write(const std::string& relative, std::string_view text) const {
  const auto file = path_ / relative;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

Plugin::Plugin(sentinel::store::Store& store, const std::string& name, const ConfigValues& config,
               const std::string& instance, std::set<std::string> leaving)
    : producer_(store.producer(instance, {}, 10'000, std::move(leaving))),
      batch_(*producer_),
      host_{sizeof(sentinel_host), 0, this, &now_ns, &declare_metric, &extension} {
  const auto library = load(name);
  sentinel::testing::FakeConfig filled;
  fill(filled, library->descriptor(), config);
  instance_ = std::make_unique<sentinel::plugin::Instance>(
      required(sentinel::plugin::Instance::create(library, &host_, filled.raw())));
}

Plugin::~Plugin() {
  if (started_) (void)instance_->stop();
}

Result<void> Plugin::start() {
  if (started_) return {};
  const auto done = instance_->start();
  started_ = done.ok();
  return done;
}

void Plugin::require_start() {
  if (const auto done = start(); !done) throw std::runtime_error(done.error().message);
}

std::vector<sentinel_placement> Plugin::offer(const std::vector<Want>& wants) {
  struct Owned {
    std::vector<std::vector<sentinel_string>> values;
    std::vector<sentinel_predicate> predicates;
    std::vector<sentinel_string> by;
  };
  std::vector<Owned> owned(wants.size());
  std::vector<sentinel_demand> demands;
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const Want& want = wants[i];
    for (const auto& [field, values] : want.any_of) {
      auto& texts = owned[i].values.emplace_back();
      for (const auto& value : values) texts.push_back(sentinel::to_abi(value));
      owned[i].predicates.push_back({sizeof(sentinel_predicate), SENTINEL_ANY_OF, sentinel::to_abi(field), texts.data(),
                                     static_cast<std::uint32_t>(texts.size()), 0, 0});
    }
    for (const auto& key : want.by) owned[i].by.push_back(sentinel::to_abi(key));
    demands.push_back({sizeof(sentinel_demand), ids_.at(want.event), want.id, sentinel::to_abi("test"),
                       owned[i].predicates.data(), owned[i].by.data(),
                       static_cast<std::uint32_t>(owned[i].predicates.size()),
                       static_cast<std::uint32_t>(owned[i].by.size()), 1, want.fold,
                       static_cast<std::uint64_t>(want.pane.count()), want.threshold > 0 ? 1U : 0U, 0, want.threshold});
  }
  std::vector<sentinel_placement> placements(wants.size());
  for (auto& placement : placements) placement.size = sizeof(sentinel_placement);
  if (const auto done = instance_->offer(demands, placements); !done) throw std::runtime_error(done.error().message);
  return placements;
}

bool Plugin::watched() {
  require_start();
  const auto awaited = required(instance_->watch());
  return awaited.fd >= 0 || awaited.period_ns > 0;
}

std::vector<Event> Plugin::ready() {
  require_start();
  timespec time = {};
  clock_gettime(CLOCK_BOOTTIME, &time);
  now_ = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  batch_.reset(static_cast<std::uint64_t>(now_.count()), 0);
  if (const auto done = instance_->ready(batch_.abi()); !done) throw std::runtime_error(done.error().message);
  const auto delivery = batch_.delivery();
  std::vector<Event> events;
  for (const sentinel_record& record : batch_.records()) {
    const sentinel_metric& metric = *delivery.metric(&delivery, &record);
    const sentinel_string* labels = delivery.labels(&delivery, &record);
    Event& event = events.emplace_back();
    event.metric = from_abi(metric.name);
    for (std::uint32_t i = 0; i < metric.label_count; ++i) {
      event.labels.emplace(from_abi(metric.label_keys[i]), from_abi(labels[i]));
    }
    const sentinel_context& context = *record.context;
    event.value = record.value;
    event.time = std::chrono::nanoseconds(record.time_ns);
    event.pid = context.pid;
    event.tid = context.tid;
    event.ppid = context.ppid;
    event.start_time_ns = context.start_time_ns;
    event.cgroup_id = context.cgroup_id;
    event.comm = from_abi(context.comm);
    event.parent_comm = from_abi(context.parent_comm);
    event.container_id = from_abi(context.container_id);
    event.exe = from_abi(context.exe);
    event.frames = context.stack_count;
    for (std::uint32_t i = 0; context.symbols != nullptr && i < context.stack_count; ++i) {
      event.symbols.emplace_back(from_abi(context.symbols[i]));
    }
    if ((record.flags & SENTINEL_RECORD_FOLDED) != 0) {
      event.count = record.count;
      event.demand = record.demand;
    }
  }
  return events;
}

Result<void> Plugin::collect(std::chrono::nanoseconds now) {
  require_start();
  now_ = now;
  const std::uint64_t every_ns = 5'000'000'000;
  batch_.reset(static_cast<std::uint64_t>(now.count()), every_ns);
  const auto done = instance_->collect(batch_.abi());
  done ? producer_->commit(batch_) : producer_->fail(batch_.tick_ns(), every_ns);
  return done;
}

Result<std::string> Plugin::render(const sentinel::store::View& view) {
  require_start();
  const auto abi = view.abi();
  return instance_->render(abi, std::size_t{64} << 20U);
}

std::vector<Row> Plugin::details(const std::string& table) {
  sentinel::testing::FakeRows rows;
  if (const auto done = instance_->details(rows.raw()); !done) throw std::runtime_error(done.error().message);
  std::vector<Row> all;
  for (const auto& row : rows.tables[table]) all.emplace_back(row.begin(), row.end());
  return all;
}

Result<sentinel::plugin::SavedState> Plugin::save() {
  require_start();
  if (const auto drained = instance_->drain(0); !drained) return drained.error();
  return instance_->save();
}

Result<void> Plugin::restore(const sentinel::plugin::SavedState& state) {
  return instance_->restore(state);
}

std::uint64_t Plugin::now_ns(const sentinel_host* host) {
  return static_cast<std::uint64_t>(self(host).now_.count());
}

std::int32_t Plugin::declare_metric(const sentinel_host* host, const sentinel_metric* metric, std::uint32_t* id,
                                    sentinel_error* error) {
  auto decl = sentinel::store::checked_decl(*metric);
  if (!decl) return report(error, decl.error());
  const auto declared = self(host).producer_->declare(std::move(*decl));
  if (!declared) return report(error, declared.error());
  *id = *declared;
  self(host).ids_[std::string(from_abi(metric->name))] = *declared;
  return SENTINEL_OK;
}

const void* Plugin::extension(const sentinel_host*, const char* id) {
  static constexpr sentinel_host_log log = {sizeof(sentinel_host_log), 0,
                                            [](const sentinel_host* host, std::int32_t, sentinel_string message) {
                                              self(host).log_.emplace_back(from_abi(message));
                                            }};
  static constexpr sentinel_host_http_routes routes = {
      sizeof(sentinel_host_http_routes), 0,
      [](const sentinel_host* host, sentinel_string path, sentinel_string content_type,
         sentinel_error* error) -> std::int32_t {
        if (self(host).routes_.emplace(from_abi(path), from_abi(content_type)).second) return SENTINEL_OK;
        return report(error, {sentinel::Errc::invalid_argument, "path taken"});
      },
      nullptr};
  if (std::strcmp(id, SENTINEL_EXTENSION_LOG) == 0) return &log;
  if (std::strcmp(id, SENTINEL_EXTENSION_HTTP_ROUTES) == 0) return &routes;
  return nullptr;
}

sentinel::store::View view(const sentinel::store::Store& store) {
  return store.view([](std::string_view) { return true; });
}

Values values(const sentinel::store::Store& store) {
  Values all;
  const auto live = view(store);
  const auto abi = live.abi();
  for (const auto& family : sentinel::SeriesView(abi.families, abi.family_count)) {
    for (const auto& series : sentinel::series_of(family)) {
      std::string name(from_abi(family.name));
      for (std::uint32_t i = 0; i < family.label_count; ++i) {
        name += i == 0 ? '{' : ',';
        name.append(from_abi(family.label_keys[i])).append("=\"").append(from_abi(series.labels[i])) += '"';
      }
      if (family.label_count > 0) name += '}';
      all.emplace(std::move(name), series.value);
    }
  }
  return all;
}

}  // namespace rig
