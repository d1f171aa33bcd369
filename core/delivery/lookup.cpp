#include "core/delivery/lookup.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace sentinel::delivery {

namespace asio = boost::asio;

namespace {

constexpr std::size_t most_addresses = 8;

asio::ip::address address_of(const addrinfo& info) {
  if (info.ai_family == AF_INET) {
    sockaddr_in address = {};
    std::memcpy(&address, info.ai_addr, sizeof address);
    return asio::ip::address_v4(ntohl(address.sin_addr.s_addr));
  }
  sockaddr_in6 address = {};
  std::memcpy(&address, info.ai_addr, sizeof address);
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
  return asio::ip::address_v6(bytes, address.sin6_scope_id);
}

Lookups::Found look_up(const std::string& host) {
  Lookups::Found found;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
    found.problem = ::gai_strerror(code);
    return found;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  for (const addrinfo* each = list; each != nullptr && found.addresses.size() < most_addresses; each = each->ai_next) {
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6) found.addresses.push_back(address_of(*each));
  }
  if (found.addresses.empty()) found.problem = "the name has no address";
  return found;
}

}  // namespace

/// What a lookup's thread may touch: the loop, as long as it is there.
struct Lookups::Gate {
  std::mutex mutex;
  asio::io_context* loop = nullptr;
};

Lookups::Lookups(asio::io_context& loop) : gate_(std::make_shared<Gate>()) {
  gate_->loop = &loop;
}

Lookups::~Lookups() {
  const std::scoped_lock lock(gate_->mutex);
  gate_->loop = nullptr;
}

void Lookups::find(const std::string& host, Handler handler) {
  auto& handlers = waiting_[host];
  handlers.push_back(std::move(handler));
  if (handlers.size() > 1) return;
  const auto work = [this, gate = gate_, host] {
    const Found found = look_up(host);
    const std::scoped_lock lock(gate->mutex);
    if (gate->loop != nullptr) asio::post(*gate->loop, [this, host, found] { finish(host, found); });
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error& error) {
    Found none;
    none.problem = std::string("no thread to look it up: ") + error.what();
    asio::post(*gate_->loop, [this, host, none] { finish(host, none); });
  }
}

void Lookups::finish(const std::string& host, const Found& found) {
  const auto handlers = std::move(waiting_[host]);
  waiting_.erase(host);
  for (const Handler& each : handlers) each(found);
}

}  // namespace sentinel::delivery
