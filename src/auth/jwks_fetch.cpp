// The one place where a key set comes from the network.
#include "auth/jwks.hpp"

#include <curl/curl.h>

namespace indaba::auth {

namespace {

constexpr std::size_t kMaxAnswerBytes = 256UL * 1024;
constexpr long kTimeoutMs = 5'000;
constexpr long kConnectTimeoutMs = 3'000;

struct CurlDeleter {
  void operator()(CURL* curl) const noexcept { curl_easy_cleanup(curl); }
};
struct CurlUrlDeleter {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

// Taking less than was offered makes curl give up, which is how an answer without end is bounded.
std::size_t take_bytes(char* data, std::size_t size, std::size_t count, void* out) {
  auto& body = *static_cast<std::string*>(out);
  if (body.size() + size * count > kMaxAnswerBytes) return 0;
  body.append(data, size * count);
  return size * count;
}

Error unreachable(std::string why) {
  Error error(ErrorKind::unavailable, "The issuer's keys could not be fetched.");
  error.log = std::move(why);
  return error;
}

}  // namespace

Result<void> check_jwks_url(std::string_view url) {
  const std::unique_ptr<CURLU, CurlUrlDeleter> parsed(curl_url());
  if (!parsed ||
      curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), 0) != CURLUE_OK)
    return Error(ErrorKind::invalid, "this is no URL");
  const std::string scheme = part_of(parsed.get(), CURLUPART_SCHEME);
  const std::string host = part_of(parsed.get(), CURLUPART_HOST);
  const bool loopback = host == "127.0.0.1" || host == "[::1]" || host == "localhost";
  if (scheme == "https" || (scheme == "http" && loopback)) return {};
  return Error(ErrorKind::invalid,
               "keys are fetched over https, or over http from the loopback address");
}

Result<std::string> blocking_fetch_jwks(const std::string& url) {
  INDABA_TRY_VOID(check_jwks_url(url));
  const std::unique_ptr<CURL, CurlDeleter> curl(curl_easy_init());
  if (!curl) return unreachable("libcurl gave no handle");
  std::string body;
  std::array<char, CURL_ERROR_SIZE> why{};
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kTimeoutMs);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl.get(), CURLOPT_MAXFILESIZE, static_cast<long>(kMaxAnswerBytes));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why.data());
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return unreachable(why[0] != '\0' ? why.data() : curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return unreachable("the issuer answered " + std::to_string(status));
  return body;
}

}  // namespace indaba::auth
