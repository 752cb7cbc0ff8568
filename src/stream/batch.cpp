#include "stream/batch.hpp"

namespace indaba::stream {

namespace {

// What stands around an event's body on the wire: common members, the stream's name, a header.
constexpr std::size_t kAround = 160;

}  // namespace

bool Batch::add(std::shared_ptr<Rendering> event) {
  const Seq seq = event->event().seq;
  const auto except = event->event().except;
  if (!events_.empty() && (bytes_ >= kMaxBytes || except || except_)) return false;
  if (seq != Seq{}) {
    if (last_ != Seq{} && seq != last_.next()) return false;
    if (first_ == Seq{}) first_ = seq;
    last_ = seq;
  }
  except_ = except;
  bytes_ += event->event().body.size() + event->event().type.size() + kAround;
  events_.push_back(std::move(event));
  return true;
}

const net::Frame& Batch::as(WireFormat& format, std::uint16_t name, std::string_view name_text) {
  if (events_.size() == 1) return events_.front()->as(format, name, name_text);
  if (const auto* made = made_.find(format, name)) return *made;
  return made_.keep(format, name, join(format, name, name_text));
}

net::Frame Batch::join(WireFormat& format, std::uint16_t name, std::string_view name_text) const {
  std::vector<std::string_view> parts;
  parts.reserve(events_.size());
  for (const auto& event : events_) parts.push_back(event->as(format, name, name_text).bytes());
  return net::Frame::of(parts);
}

}  // namespace indaba::stream
