#include "cluster/wire.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace indaba::cluster {
namespace {

TEST(Wire, what_was_written_is_read) {
  WireWriter writer;
  writer.byte(7).number(0).number(127).number(128).number(1'768'000'000'000);
  writer.number(-1).number(std::numeric_limits<std::int64_t>::min()).text("").text("hé\0x");
  const auto bytes = writer.take();
  WireReader reader(bytes);
  EXPECT_EQ(reader.byte(), 7);
  for (const std::int64_t wanted :
       {std::int64_t{0}, std::int64_t{127}, std::int64_t{128}, std::int64_t{1'768'000'000'000},
        std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()})
    EXPECT_EQ(reader.number(), wanted);
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(reader.text(), "hé\0x");
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.at_end());
}

TEST(Wire, what_is_cut_off_anywhere_is_not_ok_and_reads_as_nothing) {
  WireWriter writer;
  writer.byte(1).number(300).text("abc").number(5);
  const auto bytes = writer.take();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    WireReader reader(std::string_view(bytes).substr(0, size));
    (void)reader.byte();
    (void)reader.number();
    (void)reader.text();
    EXPECT_EQ(reader.number(), 0) << size;
    EXPECT_FALSE(reader.ok()) << size;
  }
}

TEST(Wire, lengths_and_numbers_that_cannot_be_are_refused) {
  WireReader endless(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11));
  EXPECT_EQ(endless.number(), 0);
  EXPECT_FALSE(endless.ok());
  WireWriter writer;
  writer.number(-5);
  const auto bytes = writer.take();
  WireReader negative(bytes);
  EXPECT_EQ(negative.text(), "");
  EXPECT_FALSE(negative.ok());
}

}  // namespace
}  // namespace indaba::cluster
