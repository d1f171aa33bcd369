#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sentinel/procfs/proc_root.hpp>
#include <string>
#include <string_view>

namespace sentinel::procfs {

inline Root fixture_root(const std::string& tree) {
  auto root = Root::open(SENTINEL_FIXTURES "/procfs/" + tree);
  if (!root) throw std::runtime_error(root.error().message);
  return std::move(*root);
}

/// The whole text of a fixture tree's file.
inline std::string fixture(const std::string& tree, std::string_view file) {
  Buffer buffer;
  const auto text = fixture_root(tree).read(file, buffer);
  if (!text) throw std::runtime_error(text.error().message);
  return std::string(*text);
}

/// A directory of its own for a test, removed at the end.
class TemporaryTree {
 public:
  TemporaryTree() {
    std::string name = testing::TempDir() + "sentinel-procfs-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
    // Another user must get as far as the file that is meant to stop him.
    std::filesystem::permissions(path_, std::filesystem::perms{0755});
  }
  TemporaryTree(const TemporaryTree&) = delete;
  TemporaryTree& operator=(const TemporaryTree&) = delete;
  ~TemporaryTree() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  void write(const std::string& file, std::string_view text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file, std::ios::binary) << text;
  }

 private:
  std::filesystem::path path_;
};

/// Drops root's power over file permissions for as long as it lives.
class Unprivileged {
 public:
  Unprivileged() {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) throw std::runtime_error("seteuid");
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;
  ~Unprivileged() { EXPECT_EQ(::seteuid(::getuid()), 0); }
};

}  // namespace sentinel::procfs
