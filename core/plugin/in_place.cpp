#include "core/plugin/in_place.hpp"

#include <system_error>
#include <utility>

#include "core/plugin/image.hpp"

namespace sentinel::plugin {

namespace fs = std::filesystem;

Result<StagedFile> in_place(const fs::path& file) {
  auto image = read_image(file);
  if (!image) return image.error();
  auto elf = parse_elf(image->bytes);
  if (!elf) return elf.error().in(file.string());
  // Without the file's name: a staged copy has another one than its plugin.
  if (const auto clean = require_clean(*elf, {}); !clean) return clean.error().in(file.string());
  std::error_code failure;
  StagedFile staged;
  staged.source = file;
  // Canonical, because the loader names objects as they were given, and /proc/self/maps resolves links.
  staged.path = fs::canonical(file, failure);
  if (failure) return Error{Errc::failed, "cannot look at " + file.string() + ": " + failure.message()};
  staged.sha256 = sha256(image->bytes);
  staged.size = image->bytes.size();
  staged.modified_ns = image->modified_ns;
  staged.elf = std::move(*elf);
  return staged;
}

}  // namespace sentinel::plugin
