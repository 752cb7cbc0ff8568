// Values that cannot be wrong: a member of one of these types has passed its check by the time a
// handler sees it.
//
// They are made by json::read(), or from a value that the program itself knows to be right (a wrong
// one is a broken invariant).
#pragma once

#include "base/check.hpp"
#include "base/text.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace indaba::json {

// Well-formed UTF-8 without NUL (databases refuse it), `Min` to `Max` code points long. One that
// was never read is empty.
template <std::size_t Min, std::size_t Max>
class Text {
 public:
  static constexpr std::size_t kMin = Min;
  static constexpr std::size_t kMax = Max;

  Text() = default;
  explicit Text(std::string text) : text_(std::move(text)) {
    check(is_right(text_), "a text of the program's own must fit its limits");
  }
  [[nodiscard]] static bool is_right(std::string_view s) noexcept {
    if (!text::is_utf8(s) || s.find('\0') != std::string_view::npos) return false;
    const std::size_t length = text::count_code_points(s);
    return length >= Min && length <= Max;
  }

  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] std::string take() && noexcept { return std::move(text_); }
  operator const std::string&() const noexcept { return text_; }
  operator std::string_view() const noexcept { return text_; }
  friend bool operator==(const Text&, const Text&) = default;

 private:
  std::string text_;
};

// text::is_slug. One that was never read is empty.
class Slug {
 public:
  Slug() = default;
  explicit Slug(std::string slug) : slug_(std::move(slug)) {
    check(text::is_slug(slug_), "a slug of the program's own must be one");
  }
  [[nodiscard]] const std::string& str() const noexcept { return slug_; }
  [[nodiscard]] std::string take() && noexcept { return std::move(slug_); }
  operator const std::string&() const noexcept { return slug_; }
  operator std::string_view() const noexcept { return slug_; }
  friend bool operator==(const Slug&, const Slug&) = default;

 private:
  std::string slug_;
};

// An integer from `Min` to `Max`. One that was never read is the nearest to zero.
template <std::int64_t Min, std::int64_t Max>
class Int {
  static_assert(Min <= Max);

 public:
  static constexpr std::int64_t kMin = Min;
  static constexpr std::int64_t kMax = Max;

  constexpr Int() = default;
  constexpr explicit Int(std::int64_t n) : value_(n) {
    check(n >= Min && n <= Max, "a number of the program's own must be in range");
  }
  [[nodiscard]] constexpr std::int64_t value() const noexcept { return value_; }
  constexpr operator std::int64_t() const noexcept { return value_; }

 private:
  std::int64_t value_ = Min > 0 ? Min : Max < 0 ? Max : 0;
};

// A member of a PATCH: left out (leave it as it is), null (clear it), or a new value.
template <class T>
class Patch {
 public:
  Patch() = default;
  Patch(T value) : value_(std::move(value)), given_(true) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] static Patch null() {
    Patch patch;
    patch.given_ = true;
    return patch;
  }

  [[nodiscard]] bool is_absent() const noexcept { return !given_; }
  [[nodiscard]] bool is_null() const noexcept { return given_ && !value_; }
  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  [[nodiscard]] const T& operator*() const { return *value_; }
  [[nodiscard]] const T* operator->() const { return &*value_; }
  // The state after the patch, of something that was `before`.
  [[nodiscard]] std::optional<T> over(std::optional<T> before) const {
    return given_ ? value_ : before;
  }

 private:
  std::optional<T> value_;
  bool given_ = false;
};

}  // namespace indaba::json
