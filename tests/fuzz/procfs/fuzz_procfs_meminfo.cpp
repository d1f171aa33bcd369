#include <sentinel/procfs/meminfo.hpp>
#include <set>
#include <string>

#include "tests/fuzz/harness.hpp"

using namespace sentinel::fuzz;
using namespace sentinel::procfs;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Kept from input to input, as a collector keeps it: what the last text left must not show in this one.
  static MemInfo reused;
  MemInfo fresh;
  const auto result = parse_meminfo(text(data, size), fresh);
  require(parse_meminfo(text(data, size), reused).ok() == result.ok(), "a reused struct gives the same verdict");
  if (!result) {
    require_refusal(result.error());
    return 0;
  }
  require(reused.fields.size() == fresh.fields.size() && reused.malformed_lines == fresh.malformed_lines,
          "a reused struct counts the same");
  std::set<std::string> keys;
  for (std::size_t i = 0; i < fresh.fields.size(); ++i) {
    const auto& field = fresh.fields[i];
    require(reused.fields[i].name == field.name && reused.fields[i].key == field.key &&
                reused.fields[i].value == field.value && reused.fields[i].is_kib == field.is_kib,
            "a reused struct holds the same");
    require(keys.insert(field.key).second, "keys are unique");
    require(
        !field.key.empty() && field.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos,
        "a key is snake case");
    require(!field.is_kib || field.bytes() / 1024 == field.value, "bytes do not overflow");
  }
  require(fresh.total_bytes().ok(), "the total is there");
  return 0;
}
