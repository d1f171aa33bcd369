#include "core/plugin/library.hpp"

#include <dlfcn.h>

#include <string>

#include "core/plugin/descriptor.hpp"
#include "core/plugin/text.hpp"

namespace sentinel::plugin {

namespace {

/// Whether an address belongs to the object of that path.
Result<void> require_inside(const void* address, std::string_view what, const std::filesystem::path& path) {
  Dl_info info = {};
  if (::dladdr(address, &info) != 0 && info.dli_fname != nullptr && path == info.dli_fname) return {};
  return Error{Errc::failed, "its " + std::string(what) + " lies in " +
                                 (info.dli_fname == nullptr ? "no loaded object" : info.dli_fname) + ", not in " +
                                 path.string() + ": the loader gave other code than was staged"};
}

}  // namespace

Library::~Library() {
  const auto lock = lock_loader();
  library_.unload();
}

Result<std::shared_ptr<Library>> Library::load(StagedFile file) {
  const std::string source = file.source.string();
  std::shared_ptr<Library> library(new Library(std::move(file)));
  if (const auto opened = library->open(); !opened) return opened.error().in(source);
  return library;
}

Result<void> Library::open() {
  if (!file_.elf.note) return Error{Errc::invalid_argument, "it has no plugin note"};
  boost::dll::fs::error_code failure;
  const auto lock = lock_loader();
  library_.load(file_.path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local, failure);
  if (failure) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc keeps one text a thread, dlerror(3)
    const char* reason = ::dlerror();
    return Error{Errc::invalid_argument,
                 std::string("the loader refuses it: ") + clean_text(reason == nullptr ? failure.message() : reason)};
  }
  // Boost's get<>() would throw where a missing symbol is an ordinary refusal.
  void* const symbol = ::dlsym(library_.native(), SENTINEL_PLUGIN_ENTRY);
  if (symbol == nullptr) return Error{Errc::invalid_argument, "it does not export " SENTINEL_PLUGIN_ENTRY};
  if (const auto inside = require_inside(symbol, SENTINEL_PLUGIN_ENTRY, file_.path); !inside) return inside;
  const sentinel_plugin* descriptor = nullptr;
  try {
    descriptor = reinterpret_cast<sentinel_plugin_entry_function>(symbol)();
  } catch (...) {
    return Error{Errc::invalid_argument, SENTINEL_PLUGIN_ENTRY " threw; it must return its descriptor"};
  }
  if (descriptor != nullptr) {
    if (const auto inside = require_inside(descriptor, "descriptor", file_.path); !inside) return inside;
  }
  if (const auto good = check_descriptor(descriptor, *file_.elf.note); !good) return good;
  descriptor_ = descriptor;
  return {};
}

Result<void> unload(std::shared_ptr<Library> library) {
  if (!library) return {};
  const std::string source = library->file().source.string();
  const auto path = library->file().path;
  if (library.use_count() > 1) {
    return Error{Errc::failed, source + " stays loaded: " + std::to_string(library.use_count() - 1) +
                                   " more of the agent's parts hold it"};
  }
  library.reset();
  if (!is_mapped(path)) return {};
  return Error{Errc::failed, source +
                                 " stays mapped after it was closed: a thread still holds thread_local objects of it, "
                                 "or another object depends on it"};
}

}  // namespace sentinel::plugin
