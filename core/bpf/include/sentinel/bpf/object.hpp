#pragma once

#include <cstddef>
#include <memory>
#include <sentinel/result.hpp>
#include <span>
#include <string>
#include <string_view>

struct bpf_map;
struct bpf_object;
struct bpf_program;

namespace sentinel::bpf {

/// A BPF object of libbpf's: opened from the bytes of a skeleton, then loaded into the kernel, where its maps and
/// programs live as long as this or a descriptor of them. Programs are off until enabled. Not thread-safe.
class Object {
 public:
  /// `elf` is copied. Errors: failed when it is no BPF object.
  static Result<Object> open(std::span<const std::byte> elf);

  /// To be loaded by load(). Errors: not_found.
  Result<void> enable(std::string_view program);
  /// Not to be made by load().
  void leave_out(std::string_view map);
  /// Uses an existing map, of which it makes a descriptor of its own, instead of a new one. Errors: not_found;
  /// invalid_argument when the two differ in type, key or value.
  Result<void> reuse(std::string_view map, int fd);
  /// Errors: not_found; failed.
  Result<void> set_entries(std::string_view map, std::uint32_t entries);

  /// Verifies and loads what is enabled. Errors: permission, unsupported, failed, with the errno's text, the last of
  /// what the verifier said, and what to do.
  Result<void> load();
  /// errno of the load() that failed; 0 when none did.
  [[nodiscard]] int load_errno() const { return load_errno_; }

  /// Descriptors, the object's own; -1 when there is no such one, or it was not loaded.
  [[nodiscard]] int map_fd(std::string_view name) const;
  [[nodiscard]] int program_fd(std::string_view name) const;
  /// Section of a program, such as "tp_btf/inet_sock_set_state"; empty when there is none.
  [[nodiscard]] std::string_view section(std::string_view program) const;

 private:
  struct Close {
    void operator()(bpf_object* object) const;
  };
  explicit Object(bpf_object* object) : object_(object) {}
  [[nodiscard]] bpf_map* map(std::string_view name) const;
  [[nodiscard]] bpf_program* program(std::string_view name) const;

  std::unique_ptr<bpf_object, Close> object_;
  std::unique_ptr<std::string> log_ = std::make_unique<std::string>();  ///< the verifier's; libbpf keeps its address
  int load_errno_ = 0;
};

/// An errno of bpf(2) or perf_event_open(2) as an Error that says what to do. `what` completes "cannot …".
Error bpf_error(int error_number, std::string_view what);

}  // namespace sentinel::bpf
