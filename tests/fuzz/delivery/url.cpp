#include "core/delivery/url.hpp"

#include "tests/fuzz/harness.hpp"

using namespace sentinel::delivery;
using namespace sentinel::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto url = parse_url(text(data, size));
  if (!url) {
    require_refusal(url.error());
    return 0;
  }
  require(!url->host.empty() && url->port != 0, "a URL has a host and a port");
  require(url->path.starts_with('/'), "a path begins with a slash");
  require(url->query.empty() || url->query.starts_with('?'), "a query begins with a question mark");
  const std::string target = url->path + url->query + url->authority();
  for (const char c : target) require(c > ' ' && c < '\x7f', "nothing in it can end a line of the request");
  const auto again = parse_url(url->shown() + url->query);
  require(again && again->host == url->host && again->port == url->port && again->tls == url->tls &&
              again->path == url->path && again->query == url->query,
          "what is shown is read back as the same");
  return 0;
}
