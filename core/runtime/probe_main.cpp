#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/plugin/abi_config.hpp"
#include "core/plugin/answer.hpp"
#include "core/plugin/call.hpp"
#include "core/plugin/description_json.hpp"
#include "core/plugin/in_place.hpp"
#include "core/plugin/library.hpp"
#include "core/runtime/holdings.hpp"
#include "core/runtime/instance_host.hpp"
#include "core/runtime/probe.hpp"
#include "core/runtime/probe_task.hpp"
#include "core/store/batch.hpp"
#include "core/store/store.hpp"
#include "core/telemetry/log.hpp"

namespace sentinel::runtime {
namespace {

/// One life of an instance, from the file to the file, with the host that the agent gives it. Never destroyed before
/// the process ends: what an instance left running may use all of it.
class Trial {
 public:
  explicit Trial(ProbeTask task)
      : spec_(std::move(task.spec)),
        labels_(std::move(task.agent_labels)),
        producer_(is_sink() ? nullptr : store_.producer(spec_.name, spec_.labels, spec_.series_limit)),
        before_(holdings()) {}

  Result<void> run(const plugin::Answer& answer) {
    struct Step {
      const char* name;
      Result<void> (Trial::*take)();
      bool of_sinks;
    };
    static constexpr Step steps[] = {{"load", &Trial::load, true},    {"create", &Trial::create, true},
                                     {"start", &Trial::start, false}, {"collect", &Trial::collect, false},
                                     {"stop", &Trial::stop, false},   {"destroy", &Trial::destroy, true},
                                     {"unload", &Trial::unload, true}};
    for (const auto& step : steps) {
      if (is_sink() && !step.of_sinks) continue;
      if (!answer.say(step.name)) return Error{Errc::failed, "nobody listens"};
      if (const auto taken = (this->*step.take)(); !taken) return taken.error().in(step.name);
    }
    return {};
  }

 private:
  [[nodiscard]] bool is_sink() const { return spec_.kind == Kind::sink; }

  Result<void> load() {
    auto file = plugin::in_place(spec_.file);
    if (!file) return file.error();
    if (file->sha256 != spec_.sha256) {
      return Error{Errc::failed, spec_.file.string() + " changed while it was being tried; try again"};
    }
    auto loaded = plugin::Library::load(std::move(*file));
    if (!loaded) return loaded.error();
    library_ = std::move(*loaded);
    return {};
  }

  Result<void> create() {
    host_.emplace(spec_.name, InstanceHost::Services{&system_clock(), producer_.get(), nullptr, is_sink(),
                                                     [](const auto&, const auto&) {}, is_sink() ? &store_ : nullptr,
                                                     nullptr, &labels_});
    const plugin::AbiConfig config(spec_.config);
    auto created = plugin::Instance::create(library_, host_->abi(), config.raw());
    if (!created) return created.error();
    instance_.emplace(std::move(*created));
    host_->seal();
    return {};
  }

  Result<void> start() { return instance_->start(); }

  Result<void> collect() {
    if (!instance_->collects()) return {};  // it emits from threads of its own
    batch_ = std::make_unique<store::RecordBatch>(*producer_);
    batch_->reset(system_clock().boottime_ns(), static_cast<std::uint64_t>(spec_.every.count()));
    const auto collected = instance_->collect(batch_->abi());
    const bool no_data = !collected && collected.error().code == Errc::no_data;
    return no_data ? Result<void>() : collected;
  }

  Result<void> stop() { return instance_->stop(); }

  Result<void> destroy() {
    const auto destroyed = instance_->destroy();
    return destroyed ? no_thread_left(before_) : destroyed;
  }

  Result<void> unload() {
    instance_.reset();
    const auto unloaded = plugin::unload(std::move(library_));
    return unloaded ? no_descriptor_left(before_) : unloaded;
  }

  const InstanceSpec spec_;
  const AgentLabels labels_;
  store::Store store_{1U << 20U};
  const std::unique_ptr<store::Producer> producer_;
  const Holdings before_;
  std::shared_ptr<plugin::Library> library_;
  std::optional<InstanceHost> host_;
  std::optional<plugin::Instance> instance_;
  std::unique_ptr<store::RecordBatch> batch_;
};

}  // namespace

void probe_main() noexcept {
  const plugin::Answer answer;
  if (!answer) std::_Exit(1);
  // Of its log only what may explain a crash is worth a line.
  telemetry::Log::configure(telemetry::LogLevel::error, telemetry::LogFormat::text);
  auto task = read_task(read_input());
  if (!task) std::_Exit(answer.say(plugin::error_line(task.error())) ? 0 : 1);
  Trial trial(std::move(*task));
  const auto tried = trial.run(answer);
  std::_Exit(answer.say(tried ? "{}" : plugin::error_line(tried.error())) ? 0 : 1);
}

}  // namespace sentinel::runtime
