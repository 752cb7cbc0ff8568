#include "base/json.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace indaba::json {
namespace {

namespace bj = boost::json;

// What the handler refuses, beside Boost's own errors.
enum class Refusal : unsigned char { none, duplicate_name, number_out_of_range };

// Builds the tree while Boost.JSON's parser walks the text. `open_` holds the containers that are
// being filled: a pointer into a parent stays valid because the parent does not grow before its
// child is closed.
class TreeBuilder {
 public:
  static constexpr std::size_t max_object_size = bj::object::max_size();
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();

  [[nodiscard]] bj::value& root() noexcept { return root_; }
  [[nodiscard]] Refusal refusal() const noexcept { return refusal_; }

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) {
    open(bj::object_kind);
    return true;
  }
  bool on_array_begin(bj::error_code&) {
    open(bj::array_kind);
    return true;
  }
  bool on_object_end(std::size_t, bj::error_code&) { return close(); }
  bool on_array_end(std::size_t, bj::error_code&) { return close(); }

  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) { return keep(part); }
  bool on_key(bj::string_view last, std::size_t, bj::error_code& ec) {
    const auto [member, is_new] = open_.back()->get_object().emplace(whole(last), nullptr);
    kept_.clear();
    if (!is_new) return refuse(Refusal::duplicate_name, ec);
    slot_ = &member->value();
    return true;
  }

  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) { return keep(part); }
  bool on_string(bj::string_view last, std::size_t, bj::error_code&) {
    place() = whole(last);
    kept_.clear();
    return true;
  }

  bool on_number_part(bj::string_view part, bj::error_code&) { return keep(part); }
  bool on_int64(std::int64_t n, bj::string_view, bj::error_code&) { return number(n); }
  bool on_uint64(std::uint64_t n, bj::string_view, bj::error_code&) { return number(n); }
  bool on_double(double rough, bj::string_view last, bj::error_code& ec) {
    // Boost 1.81 may be off in the last digit; from_chars is exact. It calls 1e-999 out of range
    // too, which is simply zero.
    const bj::string_view text = whole(last);
    double exact = rough;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), exact);
    if (read.ec == std::errc::result_out_of_range) exact = std::fabs(rough) < 1 ? 0.0 : HUGE_VAL;
    if (!std::isfinite(exact)) return refuse(Refusal::number_out_of_range, ec);
    return number(exact);
  }
  bool on_bool(bool b, bj::error_code&) {
    place() = b;
    return true;
  }
  bool on_null(bj::error_code&) {
    place() = nullptr;
    return true;
  }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

 private:
  // Where the next value goes: the member whose name was just read, the end of the open array, or
  // the root.
  bj::value& place() {
    if (slot_ != nullptr) return *std::exchange(slot_, nullptr);
    if (open_.empty()) return root_;
    return open_.back()->get_array().emplace_back(nullptr);
  }
  template <class Kind>
  void open(Kind kind) {
    bj::value& container = place();
    container = bj::value(kind);
    open_.push_back(&container);
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool keep(bj::string_view part) {
    kept_.append(part.data(), part.size());
    return true;
  }
  bj::string_view whole(bj::string_view last) {
    if (kept_.empty()) return last;
    keep(last);
    return kept_;
  }
  template <class N>
  bool number(N n) {
    place() = n;
    kept_.clear();
    return true;
  }
  bool refuse(Refusal why, bj::error_code& ec) {
    refusal_ = why;
    ec = bj::error::exception;  // any error stops the parser; `refusal_` says which it was
    return false;
  }

  bj::value root_;
  std::vector<bj::value*> open_;
  bj::value* slot_ = nullptr;
  std::string kept_;  // the parts of a name, string or number that came in several
  Refusal refusal_ = Refusal::none;
};

std::string_view sentence(Refusal refusal, const bj::error_code& ec) {
  if (refusal == Refusal::duplicate_name) return "a name stands twice in one object";
  if (refusal == Refusal::number_out_of_range) return "a number is out of range";
  if (ec == bj::error::too_deep) return "it is nested too deeply";
  if (ec == bj::error::incomplete) return "it ends too early";
  if (ec == bj::error::exponent_overflow) return "a number is out of range";
  if (ec == bj::error::extra_data) return "more follows its end";
  if (ec == bj::error::illegal_leading_surrogate || ec == bj::error::illegal_trailing_surrogate ||
      ec == bj::error::expected_utf16_escape)
    return "a surrogate stands alone";
  return "the syntax is wrong, or it is not UTF-8";
}

}  // namespace

Result<boost::json::value> parse(std::string_view text, Limits limits) {
  bj::parse_options options;
  options.max_depth = limits.depth;
  bj::basic_parser<TreeBuilder> parser(options);
  bj::error_code ec;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && consumed < text.size()) ec = bj::error::extra_data;
  if (ec)
    return Error(ErrorKind::malformed, fmt::format("The JSON is broken at byte {}: {}.", consumed,
                                                   sentence(parser.handler().refusal(), ec)));
  return std::move(parser.handler().root());
}

}  // namespace indaba::json
