#pragma once

#include <sys/types.h>

#include <string>

namespace sentinel::testing {

/// A child of the test that has made processes which ended, and waits for none of them. With the object it reaps them
/// and ends.
class Zombies {
 public:
  /// \p name is the child's, cut to 15 bytes as the kernel does. Returns when they are zombies.
  explicit Zombies(int count, const std::string& name = "zombie_parent");
  Zombies(const Zombies&) = delete;
  Zombies& operator=(const Zombies&) = delete;
  ~Zombies();

  [[nodiscard]] pid_t parent() const { return parent_; }

 private:
  pid_t parent_ = -1;
  int lifeline_ = -1;
};

}  // namespace sentinel::testing
