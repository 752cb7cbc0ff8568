#include "feature/account/mailer.hpp"

#include "base/text.hpp"

#include <ctime>
#include <curl/curl.h>
#include <fmt/chrono.h>

namespace indaba::account {

namespace {

constexpr std::size_t kMaxWaiting = 200;
constexpr long kTimeoutMs = 30'000;

struct CurlDeleter {
  void operator()(CURL* curl) const noexcept { curl_easy_cleanup(curl); }
};
struct SlistDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

struct Unread {
  std::string_view rest;
};

std::size_t give_bytes(char* out, std::size_t size, std::size_t count, void* state) {
  auto& unread = *static_cast<Unread*>(state);
  const std::size_t n = std::min(size * count, unread.rest.size());
  std::copy_n(unread.rest.data(), n, out);
  unread.rest.remove_prefix(n);
  return n;
}

// "Indaba <a@b>" -> "<a@b>"; "a@b" -> "<a@b>".
std::string address_of(std::string_view from) {
  const auto open = from.rfind('<');
  const auto close = from.rfind('>');
  if (open != std::string_view::npos && close != std::string_view::npos && open < close)
    return std::string(from.substr(open, close - open + 1));
  return fmt::format("<{}>", from);
}

std::string one_line(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return out;
}

}  // namespace

std::string render_mail(const SmtpSettings& settings, const Mail& mail) {
  std::string out =
      fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} +0000\r\n", fmt::gmtime(std::time(nullptr)));
  out += fmt::format("From: {}\r\nTo: {}\r\n", one_line(settings.from), one_line(mail.to));
  out += fmt::format("Subject: =?UTF-8?B?{}?=\r\n", text::to_base64(mail.subject));
  out +=
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
      "base64\r\n\r\n";
  const std::string body = text::to_base64(mail.text);
  constexpr std::size_t kLine = 76;
  for (std::size_t at = 0; at < body.size(); at += kLine) out += body.substr(at, kLine) + "\r\n";
  return out;
}

Result<void> blocking_send_mail(const SmtpSettings& settings, const Mail& mail) {
  const std::unique_ptr<CURL, CurlDeleter> curl(curl_easy_init());
  if (!curl) return Error::internal("libcurl gave no handle");
  const std::string message = render_mail(settings, mail);
  const std::string from = address_of(one_line(settings.from));
  const std::unique_ptr<curl_slist, SlistDeleter> to(
      curl_slist_append(nullptr, fmt::format("<{}>", one_line(mail.to)).c_str()));
  Unread unread{message};
  curl_easy_setopt(curl.get(), CURLOPT_URL, settings.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  curl_easy_setopt(curl.get(), CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_TRY));
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kTimeoutMs);
  curl_easy_setopt(curl.get(), CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_MAIL_RCPT, to.get());
  curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_READFUNCTION, give_bytes);
  curl_easy_setopt(curl.get(), CURLOPT_READDATA, &unread);
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) return {};
  Error error(ErrorKind::unavailable, "The mail could not be sent.");
  // Not the server's own words: they may hold the address.
  error.log = curl_easy_strerror(code);
  return error;
}

SmtpMailer::SmtpMailer(SmtpSettings settings, Logger& log)
    : settings_(std::move(settings)), log_(log) {
  thread_ = std::thread([this] { send_until_stopped(); });
}

SmtpMailer::~SmtpMailer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SmtpMailer::send(Mail mail) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= kMaxWaiting) return;
    waiting_.push_back(std::move(mail));
  }
  wake_.notify_one();
}

void SmtpMailer::send_until_stopped() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const Mail mail = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    if (const auto sent = blocking_send_mail(settings_, mail); !sent)
      log_.warn("mail", "a mail could not be sent", {{"reason", sent.error().log}});
    lock.lock();
  }
}

}  // namespace indaba::account
