#include "sentinel/procfs/pressure.hpp"

#include "core/procfs/scan.hpp"

namespace sentinel::procfs {
namespace {

constexpr std::string_view file = "pressure";

bool take_average(std::string_view& rest, std::string_view name, double& value) {
  skip_blanks(rest);
  if (!rest.starts_with(name)) return false;
  rest.remove_prefix(name.size());
  return take_char(rest, '=') && take_decimal(rest, value);
}

bool take_total(std::string_view& rest, std::uint64_t& value) {
  constexpr std::string_view name = "total=";
  skip_blanks(rest);
  if (!rest.starts_with(name)) return false;
  rest.remove_prefix(name.size());
  return take_u64(rest, value);
}

}  // namespace

Result<Pressure> parse_pressure(std::string_view text) {
  std::optional<PressureLine> some;
  std::optional<PressureLine> full;
  std::string_view line;
  while (take_line(text, line)) {
    std::string_view rest = line;
    std::string_view kind;
    take_word(rest, kind);
    auto* target = kind == "some" ? &some : kind == "full" ? &full : nullptr;
    if (target == nullptr) continue;
    PressureLine parsed;
    if (target->has_value() || !take_average(rest, "avg10", parsed.avg10) ||
        !take_average(rest, "avg60", parsed.avg60) || !take_average(rest, "avg300", parsed.avg300) ||
        !take_total(rest, parsed.total_us)) {
      return malformed(file, "one line \"some|full avg10=N avg60=N avg300=N total=N\"", line);
    }
    *target = parsed;
  }
  if (!text.empty()) return cut(file, text);
  if (!some) return missing(file, "\"some …\"");
  return Pressure{*some, full};
}

}  // namespace sentinel::procfs
