// JSON from anyone: parsing never breaks, what is written reads back as the same, and a struct that
// was read round-trips.
#include "base/json.hpp"
#include "base/reflect.hpp"

#include <boost/json/parse.hpp>

#include <array>

namespace {

using namespace indaba;
using namespace std::string_view_literals;

enum class Kind { create, delete_ };
BOOST_DESCRIBE_ENUM(Kind, create, delete_)

struct Inner {
  json::Text<1, 20> title;
  std::optional<WallTime> due_at;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (title, due_at))

struct Request {
  std::optional<UserId> user;
  std::optional<Kind> type;
  std::optional<Inner> payload;
  std::vector<Inner> items;
  json::Patch<json::Int<-5, 500>> limit;
  std::optional<double> ratio;
  std::optional<json::Slug> slug;
  json::Raw data;
  json::Object object;
  static constexpr std::array kDefaulted{"data"sv, "object"sv};
};
BOOST_DESCRIBE_STRUCT(Request, (), (user, type, payload, items, limit, ratio, slug, data, object))

void check_tree(const boost::json::value& value) {
  const std::string text = json::to_text(value);
  const auto again = json::parse(text);
  check(again.has_value(), "what was written must parse");
  check(json::to_text(*again) == text, "what was written must read back as the same");
}

void check_struct(const boost::json::value& value) {
  const auto request = json::read<Request>(value);
  if (!request) {
    check(!request.error().fields.empty(), "a refused request must say why");
    std::string problem;
    json::append_string(problem, request.error().detail);
    check(json::parse(problem).has_value(), "a problem must be valid JSON");
    return;
  }
  const std::string text = json::to_json(*request);
  const auto tree = json::parse(text);
  check(tree.has_value(), "a struct that was written must parse");
  const auto again = json::read<Request>(*tree);
  check(again.has_value() && json::to_json(*again) == text, "a struct must round-trip");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = json::parse(text);
  if (!value) return 0;
  boost::json::error_code ec;
  static_cast<void>(boost::json::parse(text, ec));
  check(!ec, "whatever passes here must pass Boost's own parser too");
  check_tree(*value);
  check_struct(*value);
  return 0;
}
