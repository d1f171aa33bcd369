#pragma once

#include <cstddef>
#include <cstdint>

namespace sentinel::plugin {

/// Whether a struct of the ABI reaches past a member: it grows at its end alone and carries its size first, so that one
/// from an older plugin is shorter. Use: covers(table.size, SENTINEL_MEMBER_END(sentinel_sink, render)).
constexpr bool covers(std::uint32_t size, std::size_t member_end) {
  return size >= member_end;
}

}  // namespace sentinel::plugin

#define SENTINEL_MEMBER_END(STRUCT, MEMBER) (offsetof(STRUCT, MEMBER) + sizeof(STRUCT::MEMBER))

/// The member of a table behind a pointer, or null when the table is too short to have it.
#define SENTINEL_MEMBER(TABLE, STRUCT, MEMBER)                                    \
  (::sentinel::plugin::covers((TABLE)->size, SENTINEL_MEMBER_END(STRUCT, MEMBER)) \
       ? (TABLE)->MEMBER                                                          \
       : decltype((TABLE)->MEMBER)(nullptr))
