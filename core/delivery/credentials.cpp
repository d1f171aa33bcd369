#include "core/delivery/credentials.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/delivery/fd.hpp"
#include "core/delivery/url.hpp"

namespace sentinel::delivery {

namespace {

constexpr std::size_t most_secret_bytes = 16 * 1024;

Error failure(Errc code, std::string_view key, const std::filesystem::path& file, std::string_view what) {
  return {code, std::string(key) + " " + file.string() + ": " + std::string(what)};
}

Errc code_of(int error) {
  if (error == ENOENT || error == ENOTDIR) return Errc::not_found;
  return error == EACCES || error == EPERM ? Errc::permission : Errc::failed;
}

/// The first most_secret_bytes of a file, or one more when it is longer.
Result<std::string> read_file(std::string_view key, const std::filesystem::path& file) {
  // Not blocking, so that a pipe put there holds nothing up.
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return failure(code_of(errno), key, file, std::generic_category().message(errno));
  std::string text(most_secret_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(code_of(errno), key, file, std::generic_category().message(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

Result<std::string> read_secret(std::string_view key, const std::filesystem::path& file) {
  auto text = read_file(key, file);
  if (!text) return text.error();
  if (text->size() > most_secret_bytes) return failure(Errc::invalid_argument, key, file, "is larger than 16 KiB");
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty()) return failure(Errc::invalid_argument, key, file, "is empty; write the secret into it");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; };
  if (std::any_of(text->begin(), text->end(), is_control)) {
    return failure(Errc::invalid_argument, key, file, "holds a control character or a second line");
  }
  return text;
}

std::string base64(std::string_view text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
      ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Error refused(std::string_view what) {
  return {Errc::invalid_argument, std::string(what)};
}

}  // namespace

Result<std::string> authorization(const Receiver& receiver) {
  if (!receiver.bearer_token_file.empty()) {
    auto token = read_secret("bearer_token_file", receiver.bearer_token_file);
    if (!token) return token.error();
    return "Bearer " + *token;
  }
  if (receiver.username.empty()) return std::string();
  std::string pair = receiver.username + ":";
  if (!receiver.password_file.empty()) {
    auto password = read_secret("password_file", receiver.password_file);
    if (!password) return password.error();
    pair += *password;
  }
  return "Basic " + base64(pair);
}

Result<void> check(const Receiver& receiver) {
  const auto url = parse_url(receiver.url);
  if (!url) return url.error();
  if (!receiver.ca_file.empty() && !url->tls) {
    return refused("ca_file is for https; the URL begins with http://");
  }
  if (!receiver.bearer_token_file.empty() && (!receiver.username.empty() || !receiver.password_file.empty())) {
    return refused("bearer_token_file and username are two ways to say who posts; write one of them");
  }
  if (receiver.username.empty() && !receiver.password_file.empty()) {
    return refused("password_file needs a username: beside it");
  }
  if (receiver.username.find_first_of(std::string_view(":\r\n\0", 4)) != std::string::npos) {
    return refused("username holds a colon or a line break, which basic authentication cannot say (RFC 7617)");
  }
  if (const auto header = authorization(receiver); !header) return refused(header.error().message);
  if (!receiver.ca_file.empty()) {
    const auto file = read_file("ca_file", receiver.ca_file);
    if (!file) return refused(file.error().message);
    if (file->find("-----BEGIN") == std::string::npos) {
      return failure(Errc::invalid_argument, "ca_file", receiver.ca_file, "holds no certificate in PEM");
    }
  }
  return {};
}

}  // namespace sentinel::delivery
