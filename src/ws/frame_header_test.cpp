#include "ws/frame_header.hpp"

#include <gtest/gtest.h>

namespace indaba::ws {
namespace {

TEST(ServerHeader, uses_the_shortest_length) {
  const auto bytes = [](std::size_t size) {
    return std::string(server_header(Opcode::text, size).view());
  };
  EXPECT_EQ(bytes(0), std::string("\x81\x00", 2));
  EXPECT_EQ(bytes(125), "\x81\x7D");
  EXPECT_EQ(bytes(126), std::string("\x81\x7E\x00\x7E", 4));
  EXPECT_EQ(bytes(65535), "\x81\x7E\xFF\xFF");
  EXPECT_EQ(bytes(65536), std::string("\x81\x7F\0\0\0\0\0\x01\0\0", 10));
}

TEST(ServerHeader, says_opcode_and_compression) {
  EXPECT_EQ(make_frame(Opcode::binary, "ab").bytes(),
            "\x82\x02"
            "ab");
  EXPECT_EQ(make_frame(Opcode::text, "ab", true).bytes(),
            "\xC1\x02"
            "ab");
  EXPECT_EQ(make_frame(Opcode::ping, "").bytes(), std::string_view("\x89\x00", 2));
  EXPECT_EQ(make_close_frame(CloseCode::going_away, "x").bytes(), "\x88\x03\x03\xE9x");
}

TEST(Mask, keeps_its_phase_over_any_cut_and_alignment) {
  std::string plain;
  for (int i = 0; i < 61; ++i) plain += static_cast<char>(i * 7);
  const std::array<std::uint8_t, 4> mask{1, 2, 4, 128};
  std::string expected = plain;
  for (std::size_t i = 0; i < plain.size(); ++i)
    expected[i] = static_cast<char>(static_cast<std::uint8_t>(plain[i]) ^ mask[i % 4]);
  for (std::size_t first = 0; first <= plain.size(); ++first)
    for (std::size_t second = first; second <= plain.size(); second += 3) {
      std::string bytes = plain;
      const std::span<char> all(bytes);
      apply_mask(all.first(first), mask, 0);
      apply_mask(all.subspan(first, second - first), mask, first);
      apply_mask(all.subspan(second), mask, second);
      ASSERT_EQ(bytes, expected) << first << ' ' << second;
    }
}

TEST(ClientHeader, is_refused_at_its_first_guilty_byte) {
  ClientHeader header;
  const auto status = [&](std::string_view bytes) {
    return parse_client_header(bytes, header).status;
  };
  EXPECT_EQ(status("\xA1"), HeaderStatus::broken) << "RSV2";
  EXPECT_EQ(status("\x91"), HeaderStatus::broken) << "RSV3";
  EXPECT_EQ(status("\x83"), HeaderStatus::broken) << "reserved";
  EXPECT_EQ(status("\x09"), HeaderStatus::broken) << "fragmented ping";
  EXPECT_EQ(status("\xC9"), HeaderStatus::broken) << "compressed ping";
  EXPECT_EQ(status("\x81\x05"), HeaderStatus::broken) << "no mask";
  EXPECT_EQ(status("\x89\xFE"), HeaderStatus::broken) << "long ping";
  EXPECT_EQ(status(std::string_view("\x81\xFE\x00\x7D", 4)), HeaderStatus::broken)
      << "not shortest";
  EXPECT_EQ(status(std::string_view("\x81\xFF\0\0\0\0\0\0\xFF\xFF", 10)), HeaderStatus::broken);
  EXPECT_EQ(status(std::string_view("\x81\xFF\x80\0\0\0\0\0\0\0", 10)), HeaderStatus::broken);
}

TEST(ClientHeader, of_an_extended_length_is_read_exactly) {
  ClientHeader header;
  const auto parse =
      parse_client_header(std::string_view("\x02\xFF\0\0\0\x01\0\0\0\x05wxyz", 14), header);
  EXPECT_EQ(parse.status, HeaderStatus::done);
  EXPECT_EQ(parse.size, 14);
  EXPECT_EQ(header.payload_size, (std::uint64_t{1} << 32U) + 5);
  EXPECT_EQ(header.opcode, Opcode::binary);
  EXPECT_FALSE(header.fin);
  EXPECT_EQ(header.mask, (std::array<std::uint8_t, 4>{'w', 'x', 'y', 'z'}));
}

}  // namespace
}  // namespace indaba::ws
