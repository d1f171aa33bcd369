#pragma once

#include <boost/dll/shared_library.hpp>

#include <memory>
#include <string_view>

#include <sentinel/abi.h>
#include <sentinel/result.hpp>

#include "core/plugin/loader.hpp"
#include "core/plugin/stage.hpp"

namespace sentinel::plugin {

/// A loaded plugin. Whoever holds an instance, or a pointer into the plugin, holds the library too, in a member
/// declared before it: the code must outlive what points into it. Unloads in the destructor, which runs no faster than
/// dlclose.
///
/// Load only what came through describe() first: a static constructor that throws, and a damaged file whose headers are
/// whole, take the process down inside dlopen.
class Library {
 public:
  /// Maps the staged copy (dlopen with RTLD_NOW and RTLD_LOCAL), and checks its descriptor before any other call.
  /// Errors: invalid_argument (undefined symbol, refused descriptor), with the source's path. Any thread, which runs
  /// the plugin's static constructors.
  static Result<std::shared_ptr<Library>> load(StagedFile file);

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();

  [[nodiscard]] const StagedFile& file() const { return file_; }
  /// Valid as long as the library.
  [[nodiscard]] const sentinel_plugin& descriptor() const { return *descriptor_; }
  [[nodiscard]] std::string_view name() const { return {descriptor_->name.data, descriptor_->name.size}; }
  [[nodiscard]] std::string_view version() const { return {descriptor_->version.data, descriptor_->version.size}; }

 private:
  explicit Library(StagedFile file) : file_(std::move(file)) {}
  Result<void> open();

  StagedFile file_;  // outlives the mapping: its destruction removes the copy
  boost::dll::shared_library library_;
  const sentinel_plugin* descriptor_ = nullptr;
};

/// Unloads and proves it: `library` must be the last holder. Errors: failed, with the reason why the object is still
/// mapped (another holder, a thread with thread_local objects, a NODELETE dependency); it then stays so, harmlessly.
[[nodiscard]] Result<void> unload(std::shared_ptr<Library> library);

}  // namespace sentinel::plugin
