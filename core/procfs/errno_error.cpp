#include "core/procfs/errno_error.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace sentinel::procfs {
namespace {

struct Kind {
  Errc code;
  std::string_view cure;
};

Kind kind_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return {Errc::not_found, "check the procfs path, and that this kernel offers the file"};
    case EACCES:
    case EPERM:
      return {Errc::permission, "run the agent as a user who may read it, or mount proc without hidepid"};
    case EOPNOTSUPP:
      return {Errc::unsupported, "the kernel has it switched off; for pressure files boot with psi=1"};
    case EFBIG:
      return {Errc::exhausted, "it is larger than the reader's limit; check that the procfs path names a proc tree"};
    case EMFILE:
    case ENFILE:
      return {Errc::exhausted, "raise the limit of open files (LimitNOFILE=, ulimit -n, fs.file-max)"};
    default:
      return {Errc::failed, "check the procfs path; the kernel's log may say more"};
  }
}

}  // namespace

Error errno_error(int error_number, std::string_view action, std::string_view path) {
  const auto kind = kind_of(error_number);
  std::string text(path);
  text.append(": cannot ").append(action).append(": ");
  text.append(std::generic_category().message(error_number));
  text.append(" (errno ").append(std::to_string(error_number)).append("); ").append(kind.cure);
  return {kind.code, std::move(text)};
}

}  // namespace sentinel::procfs
