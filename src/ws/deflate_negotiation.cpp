#include "base/text.hpp"
#include "http/grammar.hpp"
#include "ws/deflate.hpp"

#include <utility>
#include <vector>

namespace indaba::ws {
namespace {

struct Parameter {
  std::string name;
  std::optional<std::string> value;
};
struct Extension {
  std::string name;
  std::vector<Parameter> parameters;
};

// Reads `Sec-WebSocket-Extensions` (RFC 6455, section 9.1).
class ExtensionParser {
 public:
  explicit ExtensionParser(std::string_view text) : rest_(text) {}

  // The extensions in order; none where the grammar is broken.
  std::optional<std::vector<Extension>> parse() {
    std::vector<Extension> extensions;
    do {
      Extension extension;
      if (!token(extension.name)) return std::nullopt;
      while (skip(';')) {
        Parameter parameter;
        if (!token(parameter.name)) return std::nullopt;
        if (skip('=') && !value(parameter.value.emplace())) return std::nullopt;
        extension.parameters.push_back(std::move(parameter));
      }
      extensions.push_back(std::move(extension));
    } while (skip(','));
    if (!rest_.empty()) return std::nullopt;
    return extensions;
  }

 private:
  bool skip(char wanted) {
    rest_ = text::trim(rest_);
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool token(std::string& out) {
    rest_ = text::trim(rest_);
    while (!rest_.empty() && http::is_token_char(rest_.front())) {
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return !out.empty();
  }

  // A quoted value must be a token too, once unquoted.
  bool value(std::string& out) {
    if (!skip('"')) return token(out);
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty()) return false;
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return skip('"') && http::is_token(out);
  }

  std::string_view rest_;
};

// 8 to 15 without leading zeros.
std::optional<int> window_bits_of(const std::string& value) {
  if (value == "8" || value == "9") return value[0] - '0';
  if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5')
    return 10 + (value[1] - '0');
  return std::nullopt;
}

bool is_repeated(const std::vector<Parameter>& parameters, std::size_t index) {
  for (std::size_t i = 0; i < index; ++i)
    if (parameters[i].name == parameters[index].name) return true;
  return false;
}

// none: decline this offer (RFC 7692, section 5.1: unknown, repeated or broken parameters, or more
// than we can do).
std::optional<DeflateAgreement> accept(const Extension& offer, int window_bits) {
  DeflateAgreement agreement;
  agreement.server_max_window_bits = window_bits;
  for (std::size_t i = 0; i < offer.parameters.size(); ++i) {
    const auto& [name, value] = offer.parameters[i];
    if (is_repeated(offer.parameters, i)) return std::nullopt;
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
      if (value) return std::nullopt;
    } else if (name == "server_max_window_bits") {
      const auto bits = value ? window_bits_of(*value) : std::nullopt;
      if (!bits || *bits < window_bits) return std::nullopt;
      agreement.answer_window_bits = true;
    } else if (name == "client_max_window_bits") {
      // Whatever the client's window is, ours is as large as any.
      if (value && !window_bits_of(*value)) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return agreement;
}

}  // namespace

std::optional<DeflateAgreement> negotiate_deflate(const http::Headers& headers, int window_bits) {
  for (const auto& [name, value] : headers.fields()) {
    if (name != "sec-websocket-extensions") continue;
    const auto extensions = ExtensionParser(value).parse();
    if (!extensions) return std::nullopt;
    for (const Extension& extension : *extensions) {
      if (extension.name != "permessage-deflate") continue;
      if (auto agreement = accept(extension, window_bits)) return agreement;
    }
  }
  return std::nullopt;
}

std::string to_header(const DeflateAgreement& agreement) {
  std::string header = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  if (agreement.answer_window_bits)
    header += "; server_max_window_bits=" + std::to_string(agreement.server_max_window_bits);
  return header;
}

}  // namespace indaba::ws
