#include "publisher.hpp"

#include "text_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace indaba::loadtool {

namespace {

class FramePublisher : public Publisher, private Connection::Handler {
 public:
  FramePublisher(Poller& poller, const Target& target, const PublisherOptions& options,
                 Published& published)
      : options_(options), published_(published), connection_(poller, target, *this) {
    connection_.open("/ws");
  }

  [[nodiscard]] bool is_ready() const override { return welcomed_; }
  [[nodiscard]] std::uint64_t outstanding() const override { return outstanding_; }

  std::uint64_t publish(std::uint64_t budget) override {
    if (!welcomed_ || outstanding_ >= options_.window) return 0;
    const auto count = std::min<std::uint64_t>(budget, options_.window - outstanding_);
    for (std::uint64_t i = 0; i < count; ++i)
      connection_.send_text(
          fmt::format(R"({{"type":"publish","stream":"{}","event":"tick","data":{}}})",
                      options_.stream, tick_data(options_.payload_bytes)));
    outstanding_ += count;
    published_.sent += count;
    return count;
  }

 private:
  void on_text(std::string_view text) override {
    const auto type = text_after(text, R"("type":")");
    if (type == "welcome") welcomed_ = true;
    if (type != "published" && type != "error") return;
    --outstanding_;
    if (type == "error") {
      ++published_.errors;
      ++published_.error_codes[std::string(text_after(text, R"("code":")"))];
      return;
    }
    ++published_.acked;
    published_.head = std::max(published_.head, number_after(text, R"("seq":)"));
  }
  void on_close(int code) override {
    throw std::runtime_error(fmt::format("the publisher's connection ended with {}", code));
  }

  PublisherOptions options_;
  Published& published_;
  bool welcomed_ = false;
  std::uint64_t outstanding_ = 0;
  Connection connection_;
};

}  // namespace

std::string tick_data(std::size_t payload_bytes) {
  const auto now = SteadyClock::now().time_since_epoch();
  return fmt::format(R"({{"t":{},"p":"{:x<{}}"}})", std::chrono::nanoseconds(now).count(), "",
                     payload_bytes);
}

std::unique_ptr<Publisher> make_frame_publisher(Poller& poller, const Target& target,
                                                const PublisherOptions& options,
                                                Published& published) {
  return std::make_unique<FramePublisher>(poller, target, options, published);
}

}  // namespace indaba::loadtool
