#include "core/runtime/alert_state.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace sentinel::runtime {
namespace json = boost::json;
namespace {

constexpr std::uint64_t version = 1;

Error failed(const std::filesystem::path& path, const char* what) {
  return {Errc::failed, path.string() + ": cannot " + what + ": " + std::generic_category().message(errno)};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<AlertState> parse(const std::string& text) {
  try {
    const json::value root = json::parse(text);
    if (root.at("version").to_number<std::uint64_t>() != version) {
      return Error{Errc::unsupported, "is of version " + json::serialize(root.at("version")) + ", this agent knows 1"};
    }
    AlertState state;
    state.next_id = root.at("next_id").to_number<std::uint64_t>();
    state.engine = root.at("engine").as_string();
    for (const auto& item : root.at("pending").as_array()) {
      auto notice = notice_from_json(item.as_object());
      if (!notice) return notice.error();
      state.pending.push_back(std::move(*notice));
    }
    return state;
  } catch (const std::exception& wrong) {
    return Error{Errc::invalid_argument, wrong.what()};
  }
}

}  // namespace

Result<void> write_atomically(const std::filesystem::path& path, std::string_view text, unsigned mode) {
  std::filesystem::path aside = path;
  aside += ".new";
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return failed(aside, "write it");
  const bool written = write_all(fd, text) && ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
  const int reason = errno;
  ::close(fd);
  if (!written || ::rename(aside.c_str(), path.c_str()) != 0) {
    if (!written) errno = reason;
    Error error = failed(path, "write it");
    ::unlink(aside.c_str());
    return error;
  }
  // The name itself must be on disk too.
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const int folder_fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_fd >= 0) {
    ::fsync(folder_fd);
    ::close(folder_fd);
  }
  return {};
}

Result<AlertState> AlertStateFile::load() const {
  std::ifstream in(path_, std::ios::binary);
  if (!in) return AlertState();
  std::ostringstream text;
  text << in.rdbuf();
  auto state = parse(text.str());
  if (state) return state;
  std::filesystem::path aside = path_;
  aside += ".damaged";
  std::error_code ignored;
  std::filesystem::rename(path_, aside, ignored);
  return Error{state.error().code, path_.string() + ": " + state.error().message + "; it is kept as " +
                                       aside.filename().string() + ", alerts begin anew"};
}

Result<void> AlertStateFile::save(const AlertState& state) const {
  json::array pending;
  for (const auto& notice : state.pending) pending.push_back(to_json(notice));
  const json::object root{
      {"version", version}, {"next_id", state.next_id}, {"engine", state.engine}, {"pending", std::move(pending)}};
  return write_atomically(path_, json::serialize(root), 0600);
}

}  // namespace sentinel::runtime
