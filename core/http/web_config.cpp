#include "core/http/web_config.hpp"

#include <openssl/ssl.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>

namespace sentinel::http {

namespace {

constexpr std::size_t largest_file_bytes = 1024 * 1024;
constexpr int lowest_cost = 4;
constexpr int highest_cost = 16;

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

template <class Names>
std::string meant(std::string_view wrong, const Names& names) {
  constexpr std::size_t far = 3;
  std::string_view best;
  std::size_t least = far;
  for (const std::string_view name : names) {
    const std::size_t steps = distance(wrong.substr(0, 64), name);
    if (steps < least) {
      least = steps;
      best = name;
    }
  }
  return best.empty() ? std::string() : ", probably " + std::string(best) + " is meant";
}

template <class Names>
std::string listed(const Names& names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

/// A crypt(5) bcrypt hash: prefix, two digits of cost, 22 characters of salt, 31 of hash.
std::optional<std::string> hash_mistake(std::string_view hash) {
  constexpr std::string_view alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const bool shaped =
      hash.size() == 60 && hash.substr(0, 2) == "$2" && std::string_view("aby").find(hash[2]) != hash.npos &&
      hash[3] == '$' && hash[6] == '$' && std::isdigit(static_cast<unsigned char>(hash[4])) != 0 &&
      std::isdigit(static_cast<unsigned char>(hash[5])) != 0 && hash.substr(7).find_first_not_of(alphabet) == hash.npos;
  if (!shaped) return "is no bcrypt hash; make one with: htpasswd -nBC 10 \"\" | tr -d ':\\n'";
  const int cost = (hash[4] - '0') * 10 + hash[5] - '0';
  if (cost < lowest_cost || cost > highest_cost) {
    return "has a cost outside 4 to 16; beyond that one look at a password takes seconds";
  }
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(std::filesystem::path file) : file_(std::move(file)) {}

  Result<WebConfig> read(const std::string& text) {
    YAML::Node root;
    try {
      root = YAML::Load(text);
    } catch (const YAML::Exception& error) {
      return Error{Errc::invalid_argument, at(error.mark) + error.msg};
    }
    try {
      read_root(root);
    } catch (const YAML::Exception& error) {
      mistake(error.mark, error.msg);
    }
    if (!mistakes_.empty()) return Error{Errc::invalid_argument, std::move(mistakes_)};
    return std::move(config_);
  }

 private:
  using Entry = std::pair<std::string, YAML::Node>;

  std::string at(const YAML::Mark& mark) const {
    return file_.string() + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1) + ": ";
  }

  void mistake(const YAML::Mark& mark, std::string_view what) {
    if (!mistakes_.empty()) mistakes_ += '\n';
    mistakes_ += at(mark);
    mistakes_ += what;
  }

  /// The entries of a mapping, without those whose key is no text, repeated, or (if \p known says) unknown.
  template <class Names>
  std::vector<Entry> entries(const YAML::Node& node, std::string_view where, const Names& known) {
    std::vector<Entry> result;
    if (node.IsNull()) return result;
    if (!node.IsMap()) {
      mistake(node.Mark(), std::string(where) + " must be a mapping");
      return result;
    }
    std::set<std::string> seen;
    for (const auto& pair : node) {
      const YAML::Mark mark = pair.first.Mark();
      if (!pair.first.IsScalar()) {
        mistake(mark, std::string("a key of ") + std::string(where) + " must be text");
        continue;
      }
      std::string key = pair.first.Scalar();
      if (!seen.insert(key).second) {
        mistake(mark, std::string(where) + " has " + key + " twice");
      } else if (std::size(known) > 0 && std::find(std::begin(known), std::end(known), key) == std::end(known)) {
        mistake(mark, std::string(where) + " knows no " + key + meant(key, known) + "; it knows " + listed(known));
      } else {
        result.emplace_back(std::move(key), pair.second);
      }
    }
    return result;
  }

  std::optional<std::string> text(const YAML::Node& node, std::string_view key) {
    if (node.IsNull()) return std::nullopt;
    if (node.IsScalar()) return node.Scalar();
    mistake(node.Mark(), std::string(key) + " must be text");
    return std::nullopt;
  }

  std::optional<bool> flag(const YAML::Node& node, std::string_view key) {
    bool value = false;
    if (node.IsScalar() && YAML::convert<bool>::decode(node, value)) return value;
    mistake(node.Mark(), std::string(key) + " must be true or false");
    return std::nullopt;
  }

  std::vector<std::pair<std::string, YAML::Mark>> texts(const YAML::Node& node, std::string_view key) {
    std::vector<std::pair<std::string, YAML::Mark>> result;
    if (node.IsNull()) return result;
    if (!node.IsSequence()) {
      mistake(node.Mark(), std::string(key) + " must be a list");
      return result;
    }
    for (const auto& item : node) {
      if (auto value = text(item, std::string("an item of ") + std::string(key))) {
        result.emplace_back(std::move(*value), item.Mark());
      }
    }
    return result;
  }

  void read_root(const YAML::Node& root) {
    constexpr std::array<std::string_view, 3> known = {"tls_server_config", "http_server_config", "basic_auth_users"};
    for (const auto& [key, node] : entries(root, "a web configuration", known)) {
      if (key == known[0]) read_tls(node);
      if (key == known[1]) read_http(node);
      if (key == known[2]) read_users(node);
    }
  }

  void read_users(const YAML::Node& node) {
    for (const auto& [name, value] : entries(node, "basic_auth_users", std::array<std::string_view, 0>())) {
      if (name.empty() || name.find(':') != name.npos) {
        mistake(value.Mark(), "a user's name must have a character and no colon, which ends the name in HTTP");
        continue;
      }
      const auto hash = text(value, "the password hash of " + name);
      const auto wrong = hash ? hash_mistake(*hash) : std::optional<std::string>("is missing");
      if (wrong) {
        mistake(value.Mark(), "the password of " + name + " " + *wrong);
      } else {
        config_.users.push_back({name, *hash});
      }
    }
  }

  void read_http(const YAML::Node& node) {
    constexpr std::array<std::string_view, 2> known = {"http2", "headers"};
    for (const auto& [key, value] : entries(node, "http_server_config", known)) {
      if (key == "headers") read_headers(value);
      if (key == "http2" && flag(value, key).value_or(false)) {
        config_.notes.push_back(at(value.Mark()) +
                                "http2 is accepted for the format's sake; HTTP/1.1 is what is served");
      }
    }
  }

  void read_headers(const YAML::Node& node) {
    constexpr std::array<std::string_view, 5> known = {"Content-Security-Policy", "Strict-Transport-Security",
                                                       "X-Content-Type-Options", "X-Frame-Options", "X-XSS-Protection"};
    for (const auto& [key, value] : entries(node, "headers", known)) {
      auto content = text(value, key);
      if (!content || content->empty()) continue;
      if (key == "X-Frame-Options" && !same_name(*content, "deny") && !same_name(*content, "sameorigin")) {
        mistake(value.Mark(), "X-Frame-Options must be deny or sameorigin");
      } else if (key == "X-Content-Type-Options" && !same_name(*content, "nosniff")) {
        mistake(value.Mark(), "X-Content-Type-Options must be nosniff, which is sent anyway");
      } else if (content->find_first_of("\r\n") != content->npos) {
        mistake(value.Mark(), key + " must be one line");
      } else {
        config_.headers.push_back({key, std::move(*content)});
      }
    }
  }

  void read_pem(TlsConfig::Pem& pem, const std::string& key, const YAML::Node& node) {
    auto value = text(node, key);
    if (!value || value->empty()) return;
    if (pem.given()) {
      mistake(node.Mark(), key + " is given as a file and as text; keep one");
    } else if (key.ends_with("_file")) {
      pem.file = (file_.parent_path() / *value).lexically_normal();
    } else {
      pem.text = std::move(*value);
    }
  }

  void read_version(TlsConfig::Version& version, const std::string& key, const YAML::Node& node) {
    const auto value = text(node, key);
    if (!value) return;
    if (*value == "TLS12") {
      version = TlsConfig::Version::tls12;
    } else if (*value == "TLS13") {
      version = TlsConfig::Version::tls13;
    } else if (*value == "TLS10" || *value == "TLS11") {
      mistake(node.Mark(), key + ": " + *value + " is broken and not served; write TLS12 or TLS13");
    } else {
      mistake(node.Mark(), key + " must be TLS12 or TLS13");
    }
  }

  void read_client_auth(TlsConfig& tls, const YAML::Node& node) {
    constexpr std::array<std::pair<std::string_view, ClientAuth>, 6> names = {
        {{"NoClientCert", ClientAuth::none},
         {"RequestClientCert", ClientAuth::request},
         {"RequireAnyClientCert", ClientAuth::require_any},
         {"RequireClientCert", ClientAuth::require_any},  // exporter-toolkit's older name
         {"VerifyClientCertIfGiven", ClientAuth::verify_if_given},
         {"RequireAndVerifyClientCert", ClientAuth::require_and_verify}}};
    const auto value = text(node, "client_auth_type");
    if (!value || value->empty()) return;
    std::vector<std::string_view> known;
    for (const auto& [name, meaning] : names) {
      if (name == *value) {
        tls.client_auth = meaning;
        return;
      }
      known.push_back(name);
    }
    mistake(node.Mark(), "client_auth_type knows no " + *value + meant(*value, known) + "; it knows " + listed(known));
  }

  void read_ciphers(TlsConfig& tls, const YAML::Node& node) {
    for (const auto& [name, mark] : texts(node, "cipher_suites")) {
      const std::string_view found = ::OPENSSL_cipher_name(name.c_str());
      if (found == "(NONE)") {
        mistake(mark, "cipher_suites: OpenSSL knows no " + name +
                          "; names are IANA's, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
      } else if (!found.starts_with("TLS_")) {
        // The suites of TLS 1.3 can't be chosen, neither here nor in Go.
        tls.cipher_suites.emplace_back(found);
      }
    }
  }

  void read_curves(TlsConfig& tls, const YAML::Node& node) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> names = {
        {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}}};
    for (const auto& [value, mark] : texts(node, "curve_preferences")) {
      const auto it = std::find_if(names.begin(), names.end(),
                                   [&wanted = value](const auto& each) { return each.first == wanted; });
      if (it == names.end()) {
        mistake(mark, "curve_preferences knows CurveP256, CurveP384, CurveP521 and X25519, no " + value);
      } else {
        tls.curves.emplace_back(it->second);
      }
    }
  }

  void read_tls(const YAML::Node& node) {
    constexpr std::array<std::string_view, 13> known = {"cert_file",
                                                        "key_file",
                                                        "cert",
                                                        "key",
                                                        "client_ca_file",
                                                        "client_ca",
                                                        "client_auth_type",
                                                        "client_allowed_sans",
                                                        "min_version",
                                                        "max_version",
                                                        "cipher_suites",
                                                        "prefer_server_cipher_suites",
                                                        "curve_preferences"};
    TlsConfig tls;
    bool any = false;
    for (const auto& [key, value] : entries(node, "tls_server_config", known)) {
      any = true;
      if (key == "cert_file" || key == "cert") read_pem(tls.certificate, key, value);
      if (key == "key_file" || key == "key") read_pem(tls.key, key, value);
      if (key == "client_ca_file" || key == "client_ca") read_pem(tls.client_ca, key, value);
      if (key == "client_auth_type") read_client_auth(tls, value);
      if (key == "client_allowed_sans") {
        for (auto& [name, mark] : texts(value, key)) tls.client_allowed_sans.push_back(std::move(name));
      }
      if (key == "min_version") read_version(tls.min_version, key, value);
      if (key == "max_version") read_version(tls.max_version, key, value);
      if (key == "cipher_suites") read_ciphers(tls, value);
      if (key == "curve_preferences") read_curves(tls, value);
      if (key == "prefer_server_cipher_suites") {
        tls.prefer_server_cipher_suites = flag(value, key).value_or(tls.prefer_server_cipher_suites);
      }
    }
    if (!any) return;
    check(tls, node.Mark());
    config_.tls = std::move(tls);
  }

  void check(const TlsConfig& tls, const YAML::Mark& mark) {
    const bool verifies =
        tls.client_auth == ClientAuth::verify_if_given || tls.client_auth == ClientAuth::require_and_verify;
    if (!tls.certificate.given()) mistake(mark, "tls_server_config needs cert_file (or cert)");
    if (!tls.key.given()) mistake(mark, "tls_server_config needs key_file (or key)");
    if (verifies && !tls.client_ca.given()) mistake(mark, "this client_auth_type verifies, so it needs client_ca_file");
    if (!verifies && tls.client_ca.given()) {
      mistake(mark,
              "client_ca_file has no effect without client_auth_type: RequireAndVerifyClientCert or "
              "VerifyClientCertIfGiven");
    }
    if (!verifies && !tls.client_allowed_sans.empty()) {
      mistake(mark, "client_allowed_sans has no effect without a client_auth_type that verifies");
    }
    if (tls.min_version > tls.max_version) mistake(mark, "min_version is above max_version");
  }

  std::filesystem::path file_;
  WebConfig config_;
  std::string mistakes_;
};

}  // namespace

Result<WebConfig> parse_web_config(const std::string& text, const std::filesystem::path& file) {
  return Reader(file).read(text);
}

Result<WebConfig> load_web_config(const std::filesystem::path& file) {
  const auto refuse = [&](int error) {
    const Errc code = error == ENOENT ? Errc::not_found : error == EACCES ? Errc::permission : Errc::failed;
    return Error{code,
                 "cannot read " + file.string() + " (agent.web_config): " + std::generic_category().message(error)};
  };
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return refuse(EISDIR);
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return refuse(errno == 0 ? EIO : errno);
  std::string text(largest_file_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return refuse(EIO);
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > largest_file_bytes) return refuse(EFBIG);
  return parse_web_config(text, file);
}

}  // namespace sentinel::http
