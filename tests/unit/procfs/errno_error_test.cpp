#include "core/procfs/errno_error.hpp"

#include <gmock/gmock.h>

#include <cerrno>

namespace sentinel::procfs {
namespace {

using testing::HasSubstr;

TEST(ErrnoError, MapsErrnoToTheKindOfFailure) {
  const struct {
    int error_number;
    Errc code;
  } cases[] = {
      {ENOENT, Errc::not_found},  {ENOTDIR, Errc::not_found}, {ESRCH, Errc::not_found},
      {EACCES, Errc::permission}, {EPERM, Errc::permission},  {EOPNOTSUPP, Errc::unsupported},
      {EFBIG, Errc::exhausted},   {EMFILE, Errc::exhausted},  {EIO, Errc::failed},
  };
  for (const auto& c : cases) {
    const auto error = errno_error(c.error_number, "read", "/proc/x");
    EXPECT_EQ(error.code, c.code) << c.error_number;
    EXPECT_THAT(error.message, HasSubstr("/proc/x: cannot read: "));
    EXPECT_THAT(error.message, HasSubstr("(errno " + std::to_string(c.error_number) + "); ")) << "then the cure";
  }
}

TEST(ErrnoError, NamesTheCureForSwitchedOffPressure) {
  const auto error = errno_error(EOPNOTSUPP, "read", "/proc/pressure/cpu");
  EXPECT_EQ(error.message,
            "/proc/pressure/cpu: cannot read: Operation not supported (errno 95); the kernel has it switched off; for "
            "pressure files boot with psi=1");
}

}  // namespace
}  // namespace sentinel::procfs
