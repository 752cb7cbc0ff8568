#include "net/outbox.hpp"

#include "base/check.hpp"

namespace indaba::net {

namespace {

constexpr std::size_t kKept = 8;  // places that an empty outbox keeps

}  // namespace

void Outbox::push(Frame frame) {
  if (frame.size() == 0) return;
  bytes_ += frame.size();
  frames_.push_back(std::move(frame));
}

void Outbox::push_front(Frame frame, std::size_t sent) {
  check(offset_ == 0 && sent < frame.size(), "one frame at a time is partly out");
  bytes_ += frame.size() - sent;
  offset_ = static_cast<std::uint32_t>(sent);
  frames_.insert(frames_.begin() + first_, std::move(frame));
}

std::size_t Outbox::gather(std::span<iovec> out) const noexcept {
  std::size_t count = 0;
  std::size_t skip = offset_;
  for (std::size_t i = first_; i < frames_.size() && count < out.size(); ++i) {
    const auto bytes = frames_[i].bytes().substr(skip);
    skip = 0;
    out[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  return count;
}

void Outbox::consume(std::size_t count) {
  check(count <= bytes_, "no more than what waits can be written");
  bytes_ -= count;
  while (count > 0) {
    const std::size_t left = frames_[first_].size() - offset_;
    if (count < left) {
      offset_ += static_cast<std::uint32_t>(count);
      return;
    }
    count -= left;
    offset_ = 0;
    frames_[first_++] = Frame();
  }
  if (empty()) {
    clear();
  } else if (first_ >= 64 && first_ * 2 >= frames_.size()) {
    // A reader that is slow but never stops would otherwise grow the array for ever.
    frames_.erase(frames_.begin(), frames_.begin() + first_);
    first_ = 0;
  }
}

void Outbox::drop_unstarted(std::size_t taken) {
  std::size_t end = first_;
  std::size_t kept = 0;
  while (end < frames_.size() && kept < offset_ + taken) kept += frames_[end++].size();
  if (kept == 0) return clear();
  frames_.resize(end);
  bytes_ = kept - offset_;
}

void Outbox::clear() noexcept {
  frames_.clear();
  if (frames_.capacity() > kKept) frames_.shrink_to_fit();
  first_ = 0;
  offset_ = 0;
  bytes_ = 0;
}

}  // namespace indaba::net
