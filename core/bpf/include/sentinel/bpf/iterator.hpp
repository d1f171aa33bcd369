#pragma once

#include <cstddef>
#include <sentinel/procfs/unique_fd.hpp>
#include <sentinel/result.hpp>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sentinel::bpf {

/// A program that the kernel calls for each object of a kind, when asked to (SEC("iter/task"), SEC("iter/tcp"),
/// Documentation/bpf/bpf_iterators.rst). Owns program, maps and link, which go with it. Move-only; one walk at a time.
class Iterator {
 public:
  /// Loads and attaches one program of an object. Errors: permission without CAP_BPF and CAP_PERFMON; unsupported on a
  /// kernel without BTF or this kind of iterator; failed, with what the verifier said.
  static Result<Iterator> load(std::span<const std::byte> elf, std::string_view program);

  /// Walks once over all objects that the caller's namespaces show, those of the calling thread, and gives what the
  /// program wrote meanwhile (bpf_seq_write). The bytes are valid until the next walk. Allocates nothing once its
  /// buffer is large enough. Errors: permission, exhausted, failed, with the errno's text.
  Result<std::span<const std::byte>> walk();

 private:
  explicit Iterator(procfs::UniqueFd link) : link_(std::move(link)) {}

  procfs::UniqueFd link_;
  std::vector<std::byte> written_;
};

}  // namespace sentinel::bpf
