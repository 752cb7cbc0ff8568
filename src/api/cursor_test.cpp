#include "api/cursor.hpp"

#include <gtest/gtest.h>

namespace indaba::api {
namespace {

TEST(Cursors, lead_back_to_the_same_place_of_the_same_list_alone) {
  const Cursors cursors("a key");
  const auto cursor = cursors.seal(1234, "tasks:1");
  EXPECT_EQ(cursors.open(cursor, "tasks:1").value(), 1234);
  EXPECT_FALSE(cursors.open(cursor, "tasks:2"));
  EXPECT_FALSE(Cursors("another key").open(cursor, "tasks:1"));
}

TEST(Cursors, are_refused_when_anything_in_them_was_altered) {
  const Cursors cursors("a key");
  const auto cursor = cursors.seal(1234, "tasks:1");
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    auto altered = cursor;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(cursors.open(altered, "tasks:1")) << i;
  }
  for (const auto* nonsense : {"", "x", "AAAA", "12", "%%%"})
    EXPECT_EQ(cursors.open(nonsense, "tasks:1").error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace indaba::api
