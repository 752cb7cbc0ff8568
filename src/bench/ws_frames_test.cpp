#include "bench/ws_frames.hpp"

#include <gtest/gtest.h>

namespace indaba::bench {
namespace {

using namespace std::string_view_literals;

TEST(Frames, are_read_split_at_every_byte) {
  std::string stream = "\x81\x05hello"sv.data();
  stream += "\x81\x7e"sv;
  stream += "\x01\x00"sv;
  stream += std::string(256, 'x');
  for (std::size_t cut = 0; cut < stream.size(); ++cut) {
    std::string_view bytes = std::string_view(stream).substr(0, cut);
    Frame frame;
    std::size_t complete = 0;
    while (take_frame(bytes, frame) == FrameStatus::complete) ++complete;
    EXPECT_EQ(complete, cut < 7 ? 0U : 1U) << cut;
  }
  std::string_view bytes = stream;
  Frame frame;
  ASSERT_EQ(take_frame(bytes, frame), FrameStatus::complete);
  EXPECT_EQ(frame.payload, "hello");
  ASSERT_EQ(take_frame(bytes, frame), FrameStatus::complete);
  EXPECT_EQ(frame.payload.size(), 256U);
  EXPECT_TRUE(bytes.empty());
}

TEST(Frames, that_no_server_may_send_are_broken) {
  for (const auto bad : {"\x81\x85zzzzhello"sv, "\xA1\x00"sv, "\x83\x00"sv, "\x09\x00"sv,
                         "\x89\x7e\x01\x00"sv, "\x8B\x00"sv}) {
    auto bytes = bad;
    Frame frame;
    EXPECT_EQ(take_frame(bytes, frame), FrameStatus::broken);
  }
}

TEST(Frames, are_written_masked) {
  for (const std::size_t size : {0U, 5U, 125U, 126U, 65535U, 65536U}) {
    std::string payload(size, 'a');
    for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>('a' + i % 26);
    std::string out;
    append_frame(out, kText, payload, 0x12345678);
    const std::size_t head = size < 126 ? 2 : size <= 65535 ? 4 : 10;
    ASSERT_EQ(out.size(), head + 4 + size);
    EXPECT_EQ(static_cast<unsigned char>(out[1]) & 0x80U, 0x80U);
    std::string read = out.substr(head + 4);
    for (std::size_t i = 0; i < size; ++i) read[i] = static_cast<char>(read[i] ^ out[head + i % 4]);
    EXPECT_EQ(read, payload);
  }
}

TEST(Frames, know_the_accept_value_of_the_standard_s_example) {
  EXPECT_EQ(accept_of("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(close_code("\x0F\xA1 gone"sv), 4001);
  EXPECT_EQ(close_code(""), 1005);
}

}  // namespace
}  // namespace indaba::bench
