#include "rules/engine/recording_format.hpp"

#include <bit>

#include "rules/engine/field.hpp"

namespace sentinel::rules {
namespace {

constexpr std::size_t head_size = 5;

/// Bytes of the UTF-8 character (RFC 3629) that `text` begins with; 0 when it is none, or a control character.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  std::uint32_t code = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return 0;
    code = code << 6U | (byte(i) & 0x3fU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return overlong || surrogate || code < 0xa0 || code > 0x10ffff ? 0 : size;
}

/// As the host makes every text before a rule sees it.
bool is_clean(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace

void FrameWriter::begin(FrameType type) {
  bytes_.clear();
  u8(static_cast<std::uint8_t>(type));
  u32(0);
}

void FrameWriter::u32(std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) u8(static_cast<std::uint8_t>(number >> shift));
}

void FrameWriter::u64(std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) u8(static_cast<std::uint8_t>(number >> shift));
}

void FrameWriter::f64(double number) {
  u64(std::bit_cast<std::uint64_t>(number));
}

void FrameWriter::text(std::string_view text) {
  u32(static_cast<std::uint32_t>(text.size()));
  bytes_.append(text);
}

void FrameWriter::event(const sentinel_record& record, const sentinel_string* labels, std::uint32_t label_count) {
  const sentinel_context nothing{};
  const sentinel_context& context = record.context != nullptr ? *record.context : nothing;
  u64(record.time_ns);
  f64(record.value);
  u32(context.pid);
  u32(context.tid);
  u32(context.ppid);
  u64(context.start_time_ns);
  u64(context.cgroup_id);
  text(text_of(context.comm));
  text(text_of(context.parent_comm));
  text(text_of(context.container_id));
  u32(context.stack_count);
  for (std::uint32_t i = 0; i < context.stack_count; ++i) u64(context.stack[i]);
  for (std::uint32_t i = 0; i < label_count; ++i) text(text_of(labels[i]));
  text(text_of(context.exe));
  text(text_of(context.pod));
  const std::uint32_t symbols = context.symbols != nullptr ? context.stack_count : 0;
  u32(symbols);
  for (std::uint32_t i = 0; i < symbols; ++i) text(text_of(context.symbols[i]));
  const bool folded = (record.flags & SENTINEL_RECORD_FOLDED) != 0;
  u64(folded ? record.count : 0);
  if (folded) u64(record.demand);
}

std::string_view FrameWriter::end() {
  const auto size = static_cast<std::uint32_t>(bytes_.size() - head_size);
  for (unsigned i = 0; i < 4; ++i) bytes_[1 + i] = static_cast<char>(static_cast<std::uint8_t>(size >> (8 * i)));
  return bytes_;
}

std::string_view FrameReader::take(std::size_t size) {
  if (!ok_ || size > left()) {
    ok_ = false;
    return {};
  }
  const auto taken = bytes_.substr(at_, size);
  at_ += size;
  return taken;
}

std::uint8_t FrameReader::u8() {
  const auto byte = take(1);
  return byte.empty() ? 0 : static_cast<std::uint8_t>(byte[0]);
}

std::uint32_t FrameReader::u32() {
  std::uint32_t number = 0;
  unsigned shift = 0;
  for (const char byte : take(4)) {
    number |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(byte)) << shift;
    shift += 8;
  }
  return number;
}

std::uint64_t FrameReader::u64() {
  const std::uint64_t low = u32();
  return low | static_cast<std::uint64_t>(u32()) << 32;
}

double FrameReader::f64() {
  return std::bit_cast<double>(u64());
}

std::string_view FrameReader::text() {
  const auto taken = take(u32());
  if (is_clean(taken)) return taken;
  ok_ = false;
  return {};
}

std::uint32_t FrameReader::count(std::size_t each) {
  const std::uint32_t number = u32();
  if (static_cast<std::uint64_t>(number) * each > left()) ok_ = false;
  return ok_ ? number : 0;
}

}  // namespace sentinel::rules
