#include "feature/search/query_text.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace indaba::search {

namespace {

constexpr std::size_t kLeastPrefix = 2;  // characters
constexpr std::size_t kDayLength = std::string_view("2026-01-12").size();

bool separates(char c) noexcept {
  return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
}

// One piece of what was typed: a word up to a space or a quote, or what stands between quotes.
struct Piece {
  std::string_view text;
  bool quoted = false;
};

std::optional<Piece> take_piece(std::string_view& rest) {
  while (!rest.empty() && separates(rest.front())) rest.remove_prefix(1);
  if (rest.empty()) return std::nullopt;
  const bool quoted = rest.front() == '"';
  if (quoted) rest.remove_prefix(1);
  std::size_t length = 0;
  while (length < rest.size() && rest[length] != '"' && (quoted || !separates(rest[length])))
    ++length;
  const Piece piece{rest.substr(0, length), quoted};
  rest.remove_prefix(length);
  if (quoted && !rest.empty()) rest.remove_prefix(1);  // one that is never closed ends here
  return piece;
}

struct Moments {
  WallTime begin;
  WallTime end;  // the first moment that is no longer it
};

std::optional<Moments> read_moments(std::string_view text) {
  if (text.size() == kDayLength) {
    const auto day = parse_rfc3339(fmt::format("{}T00:00:00Z", text));
    if (!day) return std::nullopt;
    return Moments{*day, *day + std::chrono::days(1)};
  }
  const auto moment = parse_rfc3339(text);
  if (!moment) return std::nullopt;
  return Moments{*moment, *moment + Millis(1)};
}

class Reader {
 public:
  Result<void> read_typed(std::string_view rest) {
    while (const auto piece = take_piece(rest)) {
      INDABA_TRY(const bool taken, piece->quoted ? Result<bool>(false) : read_operator(*piece));
      if (taken) continue;
      INDABA_TRY_VOID(read_term(*piece));
    }
    return {};
  }

  Result<void> set_author(std::string_view field, std::string_view name) {
    return set(field, wanted_.author, std::string(name));
  }
  Result<void> set_room(std::string_view field, std::string_view slug) {
    return set(field, wanted_.room, std::string(slug));
  }
  Result<void> set_time(std::string_view field, std::string_view text, bool before) {
    const auto moments = read_moments(text);
    if (!moments)
      return Error::invalid_field(std::string(field),
                                  "A time is a day such as 2026-01-12, or an RFC 3339 timestamp.");
    return before ? set(field, wanted_.until, moments->begin)
                  : set(field, wanted_.since, moments->end);
  }

  [[nodiscard]] Wanted take() { return std::move(wanted_); }

 private:
  template <class T>
  static Result<void> set(std::string_view field, std::optional<T>& place, T value) {
    if (place) return Error::invalid_field(std::string(field), "This is said twice.");
    place = std::move(value);
    return {};
  }

  Result<void> set_has(std::string_view what) {
    if (what == "link")
      wanted_.link = true;
    else if (what == "reaction")
      wanted_.reaction = true;
    else if (what == "reply")
      wanted_.reply = true;
    else
      return Error::invalid_field("q", "What a message may have is a link, a reaction or a reply.");
    return {};
  }

  // False: it is a word.
  Result<bool> read_operator(const Piece& piece) {
    const auto colon = piece.text.find(':');
    if (colon == std::string_view::npos || colon + 1 == piece.text.size()) return false;
    const auto name = text::to_lower(piece.text.substr(0, colon));
    const auto value = piece.text.substr(colon + 1);
    Result<void> done;
    if (name == "from")
      done = set_author("q", value);
    else if (name == "in")
      done = set_room("q", value);
    else if (name == "before" || name == "after")
      done = set_time("q", value, name == "before");
    else if (name == "has")
      done = set_has(text::to_lower(value));
    else
      return false;
    if (!done) return std::move(done).error();
    return true;
  }

  Result<void> read_term(const Piece& piece) {
    auto word = piece.text;
    const bool prefix = !piece.quoted && word.ends_with('*');
    while (prefix && word.ends_with('*')) word.remove_suffix(1);
    if (word.empty()) return {};
    if (prefix && text::count_code_points(word) < kLeastPrefix)
      return Error::invalid_field("q", "The beginning of a word has at least 2 characters.");
    if (wanted_.terms.size() == kMostTerms)
      return Error::invalid_field("q", "A search has at most 16 words and phrases.");
    wanted_.terms.push_back({std::string(word), prefix});
    return {};
  }

  Wanted wanted_;
};

}  // namespace

Result<Wanted> read_query(const SearchMessages& asked) {
  Reader reader;
  if (asked.q) {
    INDABA_TRY_VOID(reader.read_typed(asked.q->str()));
  }
  if (asked.from) {
    INDABA_TRY_VOID(reader.set_author("from", asked.from->str()));
  }
  if (asked.room) {
    INDABA_TRY_VOID(reader.set_room("room", asked.room->str()));
  }
  if (asked.before) {
    INDABA_TRY_VOID(reader.set_time("before", asked.before->str(), true));
  }
  if (asked.after) {
    INDABA_TRY_VOID(reader.set_time("after", asked.after->str(), false));
  }
  auto wanted = reader.take();
  if (wanted.is_empty()) return Error::invalid_field("q", "Say what to search for.");
  return wanted;
}

}  // namespace indaba::search
