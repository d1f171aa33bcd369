#include "rules/engine/field.hpp"

#include <charconv>

namespace sentinel::rules {
namespace {

constexpr char separator = '\0';  // in no clean text

void append_bytes(std::string& key, std::uint64_t number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

}  // namespace

Field::Field(std::string_view name, const sentinel_metric& metric) {
  for (std::uint32_t i = 0; i < metric.label_count; ++i) {
    if (text_of(metric.label_keys[i]) != name) continue;
    kind_ = Kind::label;
    label_ = i;
    return;
  }
  if (name == "__name__") {
    kind_ = Kind::name;
    name_ = text_of(metric.name);
    return;
  }
  context_ = metric.kind == SENTINEL_EVENT ? context_field(name) : ContextField::none;
  if (context_ != ContextField::none) kind_ = Kind::context;
}

std::uint64_t Field::number(const sentinel_context& context) const {
  switch (context_) {
    case ContextField::pid:
      return context.pid;
    case ContextField::tid:
      return context.tid;
    case ContextField::ppid:
      return context.ppid;
    case ContextField::cgroup_id:
      return context.cgroup_id;
    default:
      return 0;
  }
}

std::string_view Field::context_text(const sentinel_context& context) const {
  switch (context_) {
    case ContextField::comm:
      return text_of(context.comm);
    case ContextField::parent_comm:
      return text_of(context.parent_comm);
    case ContextField::container_id:
      return text_of(context.container_id);
    case ContextField::exe:
      return text_of(context.exe);
    case ContextField::pod:
      return text_of(context.pod);
    default:
      return {};
  }
}

std::string_view Field::text(const RecordView& from, Digits& digits) const {
  if (kind_ == Kind::label) return text_of(from.labels[label_]);
  if (kind_ == Kind::name) return name_;
  if (kind_ == Kind::none || from.record.context == nullptr) return {};
  if (const auto found = context_text(*from.record.context); !found.empty()) return found;
  const std::uint64_t value = number(*from.record.context);
  if (value == 0) return {};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

void Field::append_identity(const RecordView& from, std::string& key) const {
  const bool is_number = context_ == ContextField::pid || context_ == ContextField::tid ||
                         context_ == ContextField::ppid || context_ == ContextField::cgroup_id;
  if (is_number) {
    const sentinel_context* context = from.record.context;
    append_bytes(key, context != nullptr ? number(*context) : 0);
    if (context_ == ContextField::pid) append_bytes(key, context != nullptr ? context->start_time_ns : 0);
    return;
  }
  Digits digits;
  key.append(text(from, digits));
  key.push_back(separator);
}

}  // namespace sentinel::rules
