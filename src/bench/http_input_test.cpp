#include "bench/http_input.hpp"

#include <gtest/gtest.h>
#include <string>

namespace indaba::bench {
namespace {

TEST(AnswerHead, tells_what_a_client_needs) {
  AnswerHead head;
  const std::string bytes =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSEC-WEBSOCKET-ACCEPT:  abc= "
      "\r\n\r\nmore";
  for (std::size_t cut = 0; cut + 4 < bytes.size(); ++cut)
    ASSERT_EQ(read_head(bytes.substr(0, cut), head), HeadStatus::incomplete) << cut;
  ASSERT_EQ(read_head(bytes, head), HeadStatus::complete);
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.accept, "abc=");
  EXPECT_EQ(bytes.substr(head.size), "more");
  ASSERT_EQ(read_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head),
            HeadStatus::complete);
  EXPECT_TRUE(head.chunked);
  ASSERT_EQ(read_head("HTTP/1.0 404\r\ncontent-length: 12\r\n\r\n", head), HeadStatus::complete);
  EXPECT_EQ(head.length, 12U);
  EXPECT_EQ(read_head("SSH-2.0-x\r\n\r\n", head), HeadStatus::broken);
}

TEST(ChunkDecoder, takes_chunks_split_at_every_byte) {
  const std::string bytes = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: 1\r\n\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ChunkDecoder decoder;
    auto one = bytes.substr(0, cut);
    auto two = bytes.substr(cut);
    one.resize(decoder.decode(one));
    two.resize(decoder.decode(two));
    EXPECT_EQ(one + two, "hello world") << cut;
    EXPECT_TRUE(decoder.ended()) << cut;
  }
}

TEST(ChunkDecoder, refuses_what_is_no_chunk) {
  for (std::string bytes : {"hello\r\n", "\r\n", "fffffffffffffffff\r\n"}) {
    ChunkDecoder decoder;
    decoder.decode(bytes);
    EXPECT_TRUE(decoder.broken());
  }
}

TEST(EventStream, is_cut_at_empty_lines_of_either_kind) {
  std::string_view bytes = "retry: 1\n\nid: 2\r\ndata: x\r\n\r\ndata: y\n";
  EXPECT_EQ(take_block(bytes), "retry: 1");
  EXPECT_EQ(take_block(bytes), "id: 2\r\ndata: x\r");
  EXPECT_EQ(take_block(bytes), std::nullopt);
  EXPECT_EQ(bytes, "data: y\n");
}

}  // namespace
}  // namespace indaba::bench
