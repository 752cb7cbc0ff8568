// Mailer: sends a message to one person, some time soon. SmtpMailer does it with libcurl on a
// thread of its own; its queue is bounded, and what does not fit or does not arrive is dropped and
// logged without its content: whoever waits for a mail asks again.
#pragma once

#include "base/log.hpp"
#include "base/result.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace indaba::account {

struct Mail {
  std::string to;
  std::string subject;  // one line
  std::string text;
};

class Mailer {
 public:
  virtual ~Mailer() = default;
  // Any thread; returns at once.
  virtual void send(Mail mail) = 0;
};

struct SmtpSettings {
  std::string url;   // "smtp://user:password@mail.example.org:587" or "smtps://…"
  std::string from;  // "Indaba <indaba@example.org>" or the bare address
};

class SmtpMailer final : public Mailer {
 public:
  SmtpMailer(SmtpSettings settings, Logger& log);  // which must outlive it
  ~SmtpMailer() override;                          // what waits is dropped
  SmtpMailer(const SmtpMailer&) = delete;
  SmtpMailer& operator=(const SmtpMailer&) = delete;

  void send(Mail mail) override;

 private:
  void send_until_stopped();

  const SmtpSettings settings_;
  Logger& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Mail> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

// One mail, on the calling thread.
[[nodiscard]] Result<void> blocking_send_mail(const SmtpSettings& settings, const Mail& mail);
// The message as it goes over the wire (RFC 5322): UTF-8, CRLF, the subject encoded, nothing that
// could end a header early.
[[nodiscard]] std::string render_mail(const SmtpSettings& settings, const Mail& mail);

}  // namespace indaba::account
