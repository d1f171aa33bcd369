#include "sentinel/bpf/funnel.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

namespace sentinel::bpf {
namespace {

/// A program that was in the middle of its event when the pane ended has long finished after this.
constexpr std::uint64_t settle_ns = 20'000'000;
constexpr std::uint64_t read_after_ns = 5'000'000;  ///< the end of that
/// Demands whose keys are remembered for panes that still come: more than any reload leaves behind.
constexpr std::size_t most_known_demands = 256;
/// A kernel that fills the ring as fast as it is read would hold a reader for good; the rest is for the next read.
constexpr std::uint64_t most_events_a_read = 65'536;

std::size_t padded(std::size_t size) {
  return (size + 7) & ~std::size_t{7};
}

}  // namespace

struct Funnel::Ring {
  explicit Ring(int map_fd) : buffer(ring_buffer__new(map_fd, &Ring::take_one, this, nullptr)) {}
  ~Ring() { ring_buffer__free(buffer); }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Below 0 ends the reading, after this event.
  static int take_one(void* self, void* data, std::size_t size) {
    auto& ring = *static_cast<Ring*>(self);
    if (size >= sizeof(funnel_event)) (*ring.take)(*static_cast<const funnel_event*>(data), size);
    return ++ring.taken < most_events_a_read ? 0 : -ECANCELED;
  }

  ring_buffer* buffer;
  const std::function<void(const funnel_event&, std::size_t)>* take = nullptr;
  std::uint64_t taken = 0;
};

const funnel_value* Pane::value(std::uint32_t field) const {
  const auto found = std::find(keys.begin(), keys.end(), field);
  return found == keys.end() ? nullptr : &values[static_cast<std::size_t>(found - keys.begin())];
}

std::string_view Pane::text(const Fields& fields, std::uint32_t field, FieldText& buffer) const {
  const funnel_value* found = value(field);
  if (found == nullptr) return {};
  for (const Field& each : fields.all()) {
    if (each.index == field && each.kind != FieldKind::value) return to_text(each, *found, buffer);
  }
  return {};
}

Funnel::Funnel(const FunnelSpec& spec, FunnelOptions options)
    : spec_(spec),
      options_(std::move(options)),
      cpus_(std::max(1, libbpf_num_possible_cpus())),
      hooks_(std::make_unique<Hooks>(spec.elf, spec.hooks, options_.hooks)),
      config_(std::make_unique<funnel_config>()) {
  config_->filter = options_.filter;
  config_->stacks = options_.stacks;
  config_->flags = options_.flags;
  config_->sample = 1;
  config_->wakeup_bytes = options_.ring_bytes / 4;
  std::copy(std::begin(options_.limits), std::end(options_.limits), config_->limits);
}

Funnel::~Funnel() = default;

/// Fills the next demand of the configuration, and says where each part of it runs.
void Funnel::place(const Demand& demand, const EventType& type) {
  Demand answer = demand;
  if (config_->demand_count == FUNNEL_DEMANDS) {
    // The last one becomes a demand for each event: nobody goes without, the kernel only drops less.
    funnel_demand& last = config_->demands[FUNNEL_DEMANDS - 1];
    last.folds = 0;
    last.filter = {};
    answer.left("the collector already serves " + std::to_string(FUNNEL_DEMANDS) + " demands in the kernel");
    return;
  }
  funnel_demand& out = config_->demands[config_->demand_count++];
  out = {};
  out.id = demand.id();
  out.event = type.type;
  out.pane_ns = static_cast<std::uint64_t>(demand.pane().count());

  bool whole = demand.complete();
  if (!whole) answer.left("a regular expression that is no list of values is for user space");
  for (std::size_t i = 0; i < demand.size(); ++i) {
    std::string_view why = "a demand in the kernel has no more than 8 predicates";
    const auto compiled = out.filter.count < FUNNEL_PREDICATES ? type.fields.compile(demand.predicate(i), why)
                                                               : std::optional<funnel_predicate>();
    if (!compiled) {
      whole = false;
      answer.left(why);
      continue;
    }
    out.filter.predicates[out.filter.count++] = *compiled;
    answer.in_kernel(i);
  }
  if (demand.fold() == SENTINEL_FOLD_NONE) {
    answer.left("each event is needed as it is");
    return;
  }
  if (!whole || out.pane_ns == 0) return;

  std::vector<std::uint32_t> keys;
  for (std::size_t i = 0; i < demand.key_count(); ++i) {
    const Field* field = type.fields.find(demand.key(i));
    if (field == nullptr || field->kind == FieldKind::value) {
      answer.left("the kernel does not know the field '" + std::string(demand.key(i)) +
                  "' by which groups are told apart");
      return;
    }
    keys.push_back(field->index);
    if (field->beside != FUNNEL_NO_FIELD) keys.push_back(field->beside);
  }
  if (keys.size() > FUNNEL_KEYS) {
    answer.left("groups are told apart by more fields than a pane in the kernel has");
    return;
  }
  out.folds = 1;
  out.key_count = static_cast<std::uint32_t>(keys.size());
  std::copy(keys.begin(), keys.end(), out.keys);
  if (demand.has_threshold() && demand.fold() == SENTINEL_FOLD_COUNT) {
    const double share = std::ceil(demand.threshold() / cpus_);
    out.exemplar_at = share < 1 ? 1 : share > 1e18 ? 0 : static_cast<std::uint64_t>(share);
  } else if (demand.has_threshold()) {
    out.exemplar_at = 1;
  }
  answer.folds();
  if (folded(out.id) != nullptr) return;
  if (folded_.size() == most_known_demands) folded_.erase(folded_.begin());
  folded_.push_back({out.id, out.event, std::move(keys)});
}

const Funnel::FoldedDemand* Funnel::folded(std::uint64_t id) const {
  const auto found =
      std::find_if(folded_.begin(), folded_.end(), [&](const FoldedDemand& each) { return each.id == id; });
  return found == folded_.end() ? nullptr : &*found;
}

Result<void> Funnel::offer(const Demands& demands, std::span<const EventType> types) {
  config_->demand_count = 0;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    const Demand demand = demands[i];
    const auto type =
        std::find_if(types.begin(), types.end(), [&](const EventType& each) { return each.metric == demand.metric(); });
    if (type == types.end()) {
      return Error{Errc::invalid_argument, "a demand for an event that this collector has not declared"};
    }
    place(demand, *type);
  }
  return started() ? apply() : Result<void>();
}

Result<void> Funnel::prepare(Object& object) {
  if (auto sized = object.set_entries("funnel_ring", options_.ring_bytes); !sized) return sized;
  for (const auto& [name, fd] : inherited_) {
    if (auto taken = object.reuse(name, fd.get()); !taken) return taken;
  }
  return {};
}

Result<void> Funnel::start() {
  auto object = hooks_->load([this](Object& each) { return prepare(each); });
  if (!object && !inherited_.empty()) {
    gap_ = object.error().message;
    inherited_.clear();
    hooks_ = std::make_unique<Hooks>(spec_.elf, spec_.hooks, options_.hooks);
    object = hooks_->load([this](Object& each) { return prepare(each); });
  }
  if (!object) return object.error();
  object_.emplace(std::move(*object));
  inherited_.clear();
  ring_ = std::make_unique<Ring>(object_->map_fd("funnel_ring"));
  if (ring_->buffer == nullptr) {
    const int error_number = errno;
    stop();
    return bpf_error(error_number, "map the ring buffer");
  }
  if (auto opened = open_wait(); !opened) {
    stop();
    return opened;
  }
  return begin();
}

/// Ring and timer behind one descriptor. Edge-triggered: the ring is readable as long as anything is in it, but user
/// space is to wake up when the program says so, at a quarter full.
Result<void> Funnel::open_wait() {
  timer_ = procfs::UniqueFd(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  wait_ = procfs::UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!timer_ || !wait_) return bpf_error(errno, "make a descriptor to wait by");
  for (const int fd : {object_->map_fd("funnel_ring"), timer_.get()}) {
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLET;
    event.data.fd = fd;
    if (epoll_ctl(wait_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return bpf_error(errno, "wait for events");
  }
  return {};
}

/// When to read next if the program does not wake before. Events that are needed as they are must not wait longer than
/// a period; what is folded is read when its pane has ended, for the window that it belongs to is judged soon after.
void Funnel::set_timer() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const auto now_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
  std::uint64_t next_ns = UINT64_MAX;
  for (std::uint32_t i = 0; i < config_->demand_count && events_on_; ++i) {
    const auto& demand = config_->demands[i];
    const std::uint64_t due_ns = demand.folds == 0
                                     ? now_ns + options_.period_ns
                                     : (now_ns / demand.pane_ns + 1) * demand.pane_ns + settle_ns + read_after_ns;
    next_ns = std::min(next_ns, due_ns);
  }
  itimerspec times = {};  // disarms it
  if (next_ns != UINT64_MAX) {
    times.it_value = {static_cast<time_t>(next_ns / 1'000'000'000), static_cast<long>(next_ns % 1'000'000'000)};
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &times, nullptr);
}

Result<void> Funnel::begin() {
  if (auto applied = apply(); !applied) return applied;
  return hooks_->lead_to(*object_);
}

Result<void> Funnel::resume() {
  return started() ? begin() : Result<void>();
}

void Funnel::stop() {
  ring_.reset();
  wait_ = {};
  timer_ = {};
  hooks_->detach();
  object_.reset();
}

Result<void> Funnel::apply() {
  funnel_config written = *config_;
  if (!events_on_) written.demand_count = 0;
  written.sample *= std::max(1U, options_.sample);
  for (auto& demand : written.demands) demand.exemplar_at *= threshold_times_;
  for (auto& limit : written.limits) limit *= threshold_times_;
  written.wanted = written.demand_count > 0 ? ~std::uint64_t{0} : 0;
  for (std::uint32_t i = 0; i < written.filter.count; ++i) {
    written.wanted |= std::uint64_t{1} << written.filter.predicates[i].field;
    if (written.filter.predicates[i].other < FUNNEL_FIELDS) {
      written.wanted |= std::uint64_t{1} << written.filter.predicates[i].other;
    }
  }
  const std::uint32_t next = active_ ^ 1U;
  const std::uint32_t zero = 0;
  if (bpf_map_update_elem(object_->map_fd("funnel_configs"), &next, &written, BPF_ANY) != 0 ||
      bpf_map_update_elem(object_->map_fd("funnel_active"), &zero, &next, BPF_ANY) != 0) {
    return bpf_error(errno, "tell the BPF program what is wanted");
  }
  active_ = next;
  set_timer();
  return {};
}

Watch Funnel::watch() const {
  if (!started() || !wants_events()) return {};
  return {wait_.get(), {}};
}

std::uint64_t Funnel::read_events(const std::function<void(const funnel_event&, std::size_t)>& take) {
  if (!started()) return 0;
  // What it woke for is served now; set anew, the timer is not readable any more.
  epoll_event woken[2];
  (void)epoll_wait(wait_.get(), woken, 2, 0);
  set_timer();
  ring_->take = &take;
  ring_->taken = 0;
  (void)ring_buffer__consume(ring_->buffer);
  ring_->take = nullptr;
  return ring_->taken;
}

void Funnel::read_panes(std::uint64_t now_ns, bool all, const std::function<void(const Pane&)>& take) {
  if (!started() || folded_.empty()) return;
  const int map = object_->map_fd("funnel_panes");
  // First the keys: a key that goes while they are walked would begin the walk anew.
  std::vector<funnel_pane_key> ended;
  funnel_pane_key key = {};
  const funnel_pane_key* previous = nullptr;
  while (bpf_map_get_next_key(map, previous, &key) == 0) {
    previous = &key;
    std::uint64_t pane_ns = 0;
    for (std::uint32_t i = 0; i < config_->demand_count; ++i) {
      if (config_->demands[i].id == key.demand) pane_ns = config_->demands[i].pane_ns;
    }
    // Of a demand that is gone nobody adds to a pane any more.
    if (all || folded(key.demand) == nullptr || pane_ns == 0 || (key.pane + 1) * pane_ns + settle_ns <= now_ns) {
      ended.push_back(key);
    }
  }
  for (const auto& each : ended) {
    Pane pane;
    pane.demand = each.demand;
    const bool found = each_cpu(map, &each, sizeof(funnel_pane), [&](const std::byte* part) {
      funnel_pane of_cpu;
      std::memcpy(&of_cpu, part, sizeof(of_cpu));
      pane.count += of_cpu.count;
      pane.sum += of_cpu.sum;
    });
    bpf_map_delete_elem(map, &each);
    const auto* demand = folded(each.demand);
    if (!found || pane.count == 0 || demand == nullptr) continue;
    pane.event = demand->event;
    pane.keys = demand->keys;
    pane.values = {each.keys, pane.keys.size()};
    for (std::uint32_t i = 0; i < config_->demand_count; ++i) {
      if (config_->demands[i].id == each.demand) pane.end_ns = (each.pane + 1) * config_->demands[i].pane_ns;
    }
    pane.end_ns = pane.end_ns == 0 ? now_ns : std::min(pane.end_ns, now_ns);
    take(pane);
  }
}

bool Funnel::each_cpu(int map_fd, const void* key, std::size_t value_size,
                      const std::function<void(const std::byte*)>& sum) const {
  scratch_.resize(padded(value_size) * static_cast<std::size_t>(cpus_));
  if (bpf_map_lookup_elem(map_fd, key, scratch_.data()) != 0) return false;
  for (int cpu = 0; cpu < cpus_; ++cpu) sum(scratch_.data() + static_cast<std::size_t>(cpu) * padded(value_size));
  return true;
}

std::uint64_t Funnel::count(int map_fd, std::uint32_t index) const {
  std::uint64_t sum = 0;
  each_cpu(map_fd, &index, sizeof(sum), [&](const std::byte* part) {
    std::uint64_t of_cpu = 0;
    std::memcpy(&of_cpu, part, sizeof(of_cpu));
    sum += of_cpu;
  });
  return sum;
}

void Funnel::each_key(int map_fd, std::size_t key_size, const std::function<void(const std::byte*)>& take) {
  std::vector<std::byte> key(key_size);
  std::vector<std::byte> previous;
  bpf_map_info info = {};
  __u32 info_size = sizeof(info);
  if (bpf_obj_get_info_by_fd(map_fd, &info, &info_size) != 0) return;
  // When the previous key is gone the walk begins anew.
  std::set<std::vector<std::byte>> taken;
  for (std::uint64_t left = 2 * std::uint64_t{info.max_entries}; left > 0; --left) {
    if (bpf_map_get_next_key(map_fd, previous.empty() ? nullptr : previous.data(), key.data()) != 0) return;
    if (taken.insert(key).second) take(key.data());
    previous = key;
  }
}

bool Funnel::read_entry(int map_fd, const void* key, void* value) {
  return bpf_map_lookup_elem(map_fd, key, value) == 0;
}

Result<void> Funnel::write_entry(int map_fd, const void* key, const void* value) {
  if (bpf_map_update_elem(map_fd, key, value, BPF_ANY) == 0) return {};
  return bpf_error(errno, "write to a map of the BPF program");
}

funnel_ledger Funnel::ledger() const {
  constexpr std::size_t count = sizeof(funnel_ledger) / sizeof(funnel_u64);
  std::uint64_t sums[count] = {};
  const std::uint32_t zero = 0;
  if (started()) {
    each_cpu(object_->map_fd("funnel_ledgers"), &zero, sizeof(funnel_ledger), [&](const std::byte* part) {
      std::uint64_t of_cpu[count];
      std::memcpy(of_cpu, part, sizeof(of_cpu));
      for (std::size_t i = 0; i < count; ++i) sums[i] += of_cpu[i];
    });
  }
  funnel_ledger total;
  static_assert(sizeof(total) == sizeof(sums));
  std::memcpy(&total, sums, sizeof(total));
  return total;
}

void Funnel::set_sample(std::uint32_t one_in) {
  config_->sample = one_in;
  if (started()) (void)apply();
}

void Funnel::raise_thresholds(std::uint32_t times) {
  threshold_times_ = times;
  if (started()) (void)apply();
}

void Funnel::set_events(bool on) {
  events_on_ = on;
  if (started()) (void)apply();
}

Result<void> Funnel::set_attached(bool on) {
  return on ? hooks_->lead_to(*object_) : hooks_->lead_nowhere();
}

}  // namespace sentinel::bpf
