#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sentinel/result.hpp>

namespace sentinel::plugin {

/// What a plugin's ELF note (`sentinel_note` of abi.h) says.
struct NoteFacts {
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor = 0;
  std::uint32_t kind = 0;  ///< sentinel_kind
  std::string name;
  std::string version;
};

/// What a shared object's file tells without running a line of it.
struct ElfFacts {
  std::optional<NoteFacts> note;            ///< absent: no plugin
  std::vector<std::string> exported;        ///< symbols that other objects can bind to
  std::vector<std::string> unique_symbols;  ///< those of them that are GNU-unique
  std::vector<std::string> undefined;       ///< symbols that other objects must provide
  std::vector<std::string> needed;          ///< DT_NEEDED
  bool nodelete = false;                    ///< DF_1_NODELETE: dlclose never unmaps it
  bool static_tls = false;                  ///< DF_STATIC_TLS: takes of a small reserve at each load
};

/// Reads the image of a shared object for this machine. `image` is the whole file in private memory: a file that is
/// mapped can shrink under its reader (SIGBUS). Every offset is checked, so that a truncated or hostile file is refused
/// with a sentence instead of crashing here or in dlopen.
/// Errors: invalid_argument (not ELF, truncated, malformed), unsupported (of another machine, an executable …).
/// Source: elf(5), the ELF gABI's chapters 4 and 5.
[[nodiscard]] Result<ElfFacts> parse_elf(std::span<const std::byte> image);

/// What is wrong with a file as a plugin, each as a sentence with the cure.
struct Lint {
  std::vector<std::string> refusals;  ///< any of them: the agent does not load it
  std::vector<std::string> warnings;
};

/// Holds a file's facts to what the agent can load, and unload again. `name` is what the plugin must be called (its
/// file name without .so); empty skips that check.
///
/// A plugin of this ABI major and a newer minor is accepted with a warning: structs grow at their end alone and are
/// read as far as their size reaches, and a service that this agent lacks is a null extension, so what the plugin
/// cannot have it is told of.
[[nodiscard]] Lint lint(const ElfFacts& facts, std::string_view name);

/// The refusals of lint as one error, or success.
[[nodiscard]] Result<void> require_clean(const ElfFacts& facts, std::string_view name);

}  // namespace sentinel::plugin
