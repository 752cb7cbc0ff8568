// How nodes write to each other: numbers in seven-bit pieces (LEB128), texts with their length.
//
// WireReader never reads past its bytes: after anything that is not there, all that follows reads
// as nothing and ok() is false. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace indaba::cluster {

class WireWriter {
 public:
  WireWriter& byte(std::uint8_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  WireWriter& number(std::int64_t value);  // negative ones take ten bytes
  WireWriter& text(std::string_view value);

  [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }
  [[nodiscard]] std::string take() noexcept { return std::move(out_); }

 private:
  std::string out_;
};

class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : left_(bytes) {}

  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::int64_t number();
  [[nodiscard]] std::string_view text();  // of the bytes that were given

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }
  [[nodiscard]] std::string_view rest() const noexcept { return left_; }

 private:
  void fail() noexcept {
    ok_ = false;
    left_ = {};
  }

  std::string_view left_;
  bool ok_ = true;
};

}  // namespace indaba::cluster
