#include "core/http/encoding.hpp"

#include <zlib.h>

#include <algorithm>

#include "core/http/message.hpp"

namespace sentinel::http {

namespace {

// An exposition of 3.7 MB on a 2-core VM, zlib 1.2.13: level 1 20.2 % in 24 ms, 4 16.9 % in 27 ms, 6 16.3 % in 47 ms;
// one of 35 kB, the usual case: level 1 20.8 % in 0.15 ms, 4 18.0 % in 0.27 ms, 6 17.3 % in 0.45 ms.
constexpr int level = 1;
constexpr int window_bits_gzip = 15 + 16;
constexpr int memory_level = 8;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Takes what stands before the next separator off the front of a list.
std::string_view next(std::string_view& list, char separator) {
  const std::size_t end = std::min(list.find(separator), list.size());
  const std::string_view item = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return trim(item);
}

/// Whether the parameters of a coding ("q=0.000") give it the weight zero.
bool weighs_nothing(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view value = next(parameters, ';');
    if (same_name(next(value, '='), "q")) return trim(value).find_first_not_of("0.") == value.npos;
  }
  return false;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    std::string_view parameters = next(accept_encoding, ',');
    const std::string_view coding = next(parameters, ';');
    const bool wanted = !weighs_nothing(parameters);
    // A coding that is named goes before `*`.
    if (same_name(coding, "gzip") || same_name(coding, "x-gzip")) return wanted;
    if (coding == "*") any = wanted;
  }
  return any;
}

std::optional<std::string> gzip(std::string_view text) {
  z_stream stream = {};
  if (::deflateInit2(&stream, level, Z_DEFLATED, window_bits_gzip, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::string out(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = text.size() <= UINT32_MAX && ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (!whole) return std::nullopt;
  return out;
}

}  // namespace sentinel::http
