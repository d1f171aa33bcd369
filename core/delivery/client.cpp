#include "core/delivery/client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/delivery/lookup.hpp"

// g++ 12 destroys an aggregate that is created inside a co_await expression twice, so none is: what an awaited step
// needs is named first, or is a member.

namespace sentinel::delivery {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t most_answer_bytes = 64 * 1024;
constexpr std::size_t most_header_bytes = 16 * 1024;
constexpr std::size_t most_text_bytes = 120;
constexpr std::size_t most_contexts = 32;

/// Which content a file has, as far as stat(2) knows.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;
  std::int64_t changed_ns = 0;
  bool operator==(const Stamp&) const = default;

  static Stamp of(const char* file) {
    struct stat status = {};
    if (file == nullptr || ::stat(file, &status) != 0) return {};
    return {status.st_dev, status.st_ino, status.st_size,
            status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
  }
};

/// TLS contexts by CA file: reading the system's certificates takes longer than a post.
class Contexts {
 public:
  Result<std::shared_ptr<ssl::context>> get(const std::filesystem::path& ca_file) {
    const Stamp stamp = Stamp::of(ca_file.empty() ? ::X509_get_default_cert_file() : ca_file.c_str());
    const auto found = kept_.find(ca_file);
    if (found != kept_.end() && found->second.stamp == stamp) return found->second.context;
    auto made = make(ca_file);
    if (!made) return made.error();
    if (kept_.size() >= most_contexts) kept_.clear();
    kept_[ca_file] = {stamp, *made};
    return made;
  }

 private:
  struct Kept {
    Stamp stamp;
    std::shared_ptr<ssl::context> context;
  };

  static Result<std::shared_ptr<ssl::context>> make(const std::filesystem::path& ca_file) {
    auto owner = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX* context = owner->native_handle();
    ::ERR_clear_error();
    ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    const int loaded = ca_file.empty() ? ::SSL_CTX_set_default_verify_paths(context)
                                       : ::SSL_CTX_load_verify_file(context, ca_file.c_str());
    ::ERR_clear_error();
    if (loaded != 1) {
      const std::string name = ca_file.empty() ? "the system's certificates" : "ca_file " + ca_file.string();
      return Error{Errc::invalid_argument, name + ": cannot be read, or holds no certificate in PEM"};
    }
    return owner;
  }

  std::map<std::filesystem::path, Kept> kept_;
};

std::string head_of(const Request& request) {
  std::string head = "POST " + request.url.path + request.url.query + " HTTP/1.1\r\nHost: " + request.url.authority();
  head += "\r\nUser-Agent: sentinel\r\nAccept: */*\r\nConnection: close\r\n";
  if (!request.authorization.empty()) head += "Authorization: " + request.authorization + "\r\n";
  if (!request.body.empty()) head += "Content-Type: application/json\r\n";
  return head + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, most_text_bytes));
  for (char& c : out) c = c < ' ' || c > '~' ? ' ' : c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

class Client::Impl {
 public:
  explicit Impl(asio::io_context& io) : loop(io), lookups(io) {}
  asio::io_context& loop;
  Lookups lookups;
  Contexts contexts;
};

namespace {

/// One post: what it waits for is closed or cancelled when the deadline passes.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& loop, const Request& request)
      : request_(request),
        socket_(loop),
        deadline_(loop),
        found_(loop, steady_clock::time_point::max()),
        ends_(steady_clock::now() + request.timeout) {}

  asio::awaitable<Answer> run(Lookups& lookups, std::shared_ptr<ssl::context> context) {
    watch(ends_);
    if (request_.url.is_address) {
      boost::system::error_code bad;
      addresses_ = {asio::ip::make_address(request_.url.host, bad)};
    } else {
      ask(lookups);
      co_await wait_for_addresses();
    }
    if (addresses_.empty()) co_return finish();
    co_await connect();
    if (!connected_) co_return finish();
    if (context) {
      tls_.emplace(socket_, *context);
      co_await handshake();
      if (connected_) co_await talk(*tls_);
    } else {
      co_await talk(socket_);
    }
    co_return finish();
  }

 private:
  /// Closes everything at that time.
  void watch(steady_clock::time_point when) {
    deadline_.expires_at(when);
    deadline_.async_wait([weak = weak_from_this(), when](const beast::error_code& code) {
      const auto self = weak.lock();
      // A timer that was set anew may have run out already.
      if (code || !self || self->deadline_.expiry() != when) return;
      self->timed_out_ = true;
      self->found_.cancel();
      beast::error_code ignored;
      self->socket_.close(ignored);
    });
  }

  void ask(Lookups& lookups) {
    lookups.find(request_.url.host, [weak = weak_from_this()](const Lookups::Found& found) {
      const auto self = weak.lock();
      if (!self || self->timed_out_) return;
      self->looked_up_ = true;
      self->addresses_ = found.addresses;
      if (!found.problem.empty()) self->answer_.problem = self->request_.url.host + ": " + found.problem;
      self->found_.cancel();
    });
  }

  asio::awaitable<void> wait_for_addresses() {
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    while (!looked_up_ && !timed_out_) co_await found_.async_wait(token);
    if (!looked_up_) answer_.problem = request_.url.host + ": looking up the name took too long";
  }

  asio::awaitable<void> connect() {
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    for (std::size_t i = 0; i < addresses_.size() && !connected_; ++i) {
      const auto now = steady_clock::now();
      if (now >= ends_) break;
      // One address that answers nothing leaves time for the next.
      watch(now + (ends_ - now) / static_cast<int>(addresses_.size() - i));
      timed_out_ = false;
      beast::error_code ignored;
      socket_.close(ignored);
      const tcp::endpoint endpoint(addresses_[i], request_.url.port);
      co_await socket_.async_connect(endpoint, token);
      connected_ = !error && !timed_out_;
      answer_.problem = timed_out_ ? "connecting took too long" : error.message();
    }
    if (!connected_) co_return;
    answer_.problem.clear();
    watch(ends_);
  }

  asio::awaitable<void> handshake() {
    SSL* const connection = tls_->native_handle();
    connected_ = expect_name(connection);
    if (!connected_) {
      answer_.problem = "OpenSSL refused the host's name";
      co_return;
    }
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await tls_->async_handshake(ssl::stream_base::client, token);
    if (!error && !timed_out_) co_return;
    connected_ = false;
    const long verdict = ::SSL_get_verify_result(connection);
    if (timed_out_) {
      answer_.problem = "the TLS handshake took too long";
    } else if (verdict != X509_V_OK) {
      answer_.problem = std::string("its certificate: ") + ::X509_verify_cert_error_string(verdict);
    } else {
      answer_.problem = "TLS: " + error.message();
    }
  }

  [[nodiscard]] bool expect_name(SSL* connection) const {
    const char* host = request_.url.host.c_str();
    if (request_.url.is_address) return ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(connection), host) == 1;
    ::SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return ::SSL_set1_host(connection, host) == 1 && SSL_set_tlsext_host_name(connection, host) == 1;
  }

  template <class Stream>
  asio::awaitable<void> talk(Stream& stream) {
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const std::string head = head_of(request_);
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(head), asio::buffer(request_.body)};
    co_await asio::async_write(stream, parts, token);
    // A server that refuses early stops reading, and its answer may be there all the same.
    const bool cut = error == asio::error::broken_pipe || error == asio::error::connection_reset;
    if (error && !cut) {
      answer_.problem = timed_out_ ? "sending took too long" : "sending: " + error.message();
      co_return;
    }
    co_await read(stream);
  }

  template <class Stream>
  asio::awaitable<void> read(Stream& stream) {
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    beast::flat_buffer buffer(2 * most_answer_bytes);
    std::optional<beast::http::response_parser<beast::http::string_body>> parser;
    do {
      parser.emplace();
      parser->header_limit(most_header_bytes);
      parser->body_limit(boost::none);
      co_await beast::http::async_read_header(stream, buffer, *parser, token);
    } while (!error && parser->get().result_int() / 100 == 1);  // 100 Continue and the like come before the answer
    const auto& message = parser->get();
    while (!error && !parser->is_done() && message.body().size() < most_answer_bytes) {
      co_await beast::http::async_read_some(stream, buffer, *parser, token);
    }
    // Some servers end an answer of no stated length without TLS's own goodbye.
    if (error == ssl::error::stream_truncated && parser->is_header_done() && parser->need_eof()) error = {};
    if (error) {
      const bool early = error == beast::http::error::end_of_stream || error == beast::http::error::partial_message ||
                         error == ssl::error::stream_truncated;
      answer_.problem = timed_out_ ? "no whole answer came in time"
                        : early    ? "the connection closed before the answer was whole"
                                   : "no answer: " + error.message();
      co_return;
    }
    answer_.status = static_cast<int>(message.result_int());
    answer_.retry_after = message[beast::http::field::retry_after];
    answer_.text = printable(message.body());
  }

  Answer finish() {
    deadline_.cancel();
    beast::error_code ignored;
    socket_.close(ignored);
    if (answer_.status == 0 && answer_.problem.empty()) answer_.problem = "the time was over";
    return std::move(answer_);
  }

  const Request& request_;
  tcp::socket socket_;
  std::optional<ssl::stream<tcp::socket&>> tls_;
  asio::steady_timer deadline_;
  asio::steady_timer found_;  // cancelled when the name was looked up, or the time is over
  steady_clock::time_point ends_;
  std::vector<asio::ip::address> addresses_;
  bool looked_up_ = false;
  bool connected_ = false;
  bool timed_out_ = false;
  Answer answer_;
};

}  // namespace

Client::Client(asio::io_context& loop) : impl_(std::make_unique<Impl>(loop)) {}
Client::~Client() = default;

asio::awaitable<Answer> Client::post(const Request& request) {
  std::shared_ptr<ssl::context> context;
  if (request.url.tls) {
    auto got = impl_->contexts.get(request.ca_file);
    if (!got) {
      Answer answer;
      answer.problem = got.error().message;
      co_return answer;
    }
    context = *got;
  }
  const auto exchange = std::make_shared<Exchange>(impl_->loop, request);
  // Named first: see the top of the file.
  auto answer = co_await exchange->run(impl_->lookups, context);
  co_return answer;
}

}  // namespace sentinel::delivery
