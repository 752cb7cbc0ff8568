// A cursor from anyone: what is accepted is what this server would write again, byte for byte;
// everything else is malformed. The same bytes are also sealed as a position's names, which must
// come back as they went in.
#include "api/cursor.hpp"
#include "base/check.hpp"
#include "gateway/event_cursor.hpp"

#include <cstdlib>

namespace {

using namespace indaba;

const gateway::EventCursor& events() {
  static const gateway::EventCursor cursors("the key of the corpus");
  return cursors;
}

void check_event_cursor(std::string_view text) {
  const auto positions = events().open(text);
  if (!positions) {
    check(positions.error().kind == ErrorKind::malformed, "a refused cursor is malformed");
    return;
  }
  check(events().seal(*positions) == text, "an accepted cursor is one that we would write");
}

void check_list_cursor(std::string_view text) {
  static const api::Cursors lists("the key of the corpus");
  const auto position = lists.open(text, "tasks:7");
  if (position)
    check(lists.seal(*position, "tasks:7") == text,
          "an accepted cursor is one that we would write");
}

void check_round_trip(std::string_view bytes) {
  std::string name;
  for (const char c : bytes.substr(0, 200))
    if (c > ' ' && c < '\x7f') name += c;
  if (name.empty()) return;
  const auto seq = static_cast<std::int64_t>(bytes.size());
  const auto sealed = events().seal({{name, Seq(seq), "e1"}, {"me", Seq(seq + 1), name}});
  const auto opened = events().open(sealed);
  check(opened && opened->size() == 2, "what was sealed opens");
  check((*opened)[0].stream == name && (*opened)[1].epoch == name && (*opened)[0].seq == Seq(seq),
        "and says what it said");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_event_cursor(bytes);
  check_list_cursor(bytes);
  check_round_trip(bytes);
  return 0;
}
