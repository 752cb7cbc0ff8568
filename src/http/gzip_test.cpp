#include "http/gzip.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

namespace indaba::http {
namespace {

std::string gunzip(const std::string& packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

Headers accepting(std::string_view encodings) {
  Headers headers;
  headers.add("accept-encoding", encodings);
  return headers;
}

Response json_of(std::size_t bytes) {
  Response response;
  response.headers.set("content-type", "application/json");
  response.body.assign(bytes, 'a');
  return response;
}

TEST(Gzip, reads_what_the_client_accepts) {
  EXPECT_TRUE(accepts_gzip(accepting("gzip")));
  EXPECT_TRUE(accepts_gzip(accepting("br;q=1.0, GZIP;q=0.5")));
  EXPECT_TRUE(accepts_gzip(accepting("*")));
  EXPECT_FALSE(accepts_gzip(accepting("gzip;q=0")));
  EXPECT_FALSE(accepts_gzip(accepting("gzip;q=0.000, *")));
  EXPECT_FALSE(accepts_gzip(accepting("br, deflate")));
  EXPECT_FALSE(accepts_gzip(Headers{}));
}

TEST(Gzip, packs_long_json_so_that_it_unpacks_to_the_same) {
  auto response = json_of(5000);
  gzip_if_accepted(accepting("gzip"), response);
  EXPECT_EQ(response.headers.find("content-encoding"), "gzip");
  EXPECT_EQ(response.headers.find("vary"), "Accept-Encoding");
  EXPECT_LT(response.body.size(), 500U);
  EXPECT_EQ(gunzip(response.body), std::string(5000, 'a'));
}

TEST(Gzip, leaves_short_answers_streams_and_binaries_alone) {
  auto small = json_of(1023);
  gzip_if_accepted(accepting("gzip"), small);
  EXPECT_FALSE(small.headers.find("content-encoding"));

  auto events = json_of(5000);
  events.headers.set("content-type", "text/event-stream");
  gzip_if_accepted(accepting("gzip"), events);
  EXPECT_FALSE(events.headers.find("content-encoding"));

  auto image = json_of(5000);
  image.headers.set("content-type", "image/png");
  gzip_if_accepted(accepting("gzip"), image);
  EXPECT_FALSE(image.headers.find("content-encoding"));
}

TEST(Gzip, tells_caches_that_the_answer_depends_on_the_encoding) {
  auto response = json_of(5000);
  gzip_if_accepted(Headers{}, response);
  EXPECT_FALSE(response.headers.find("content-encoding"));
  EXPECT_EQ(response.headers.find("vary"), "Accept-Encoding");
}

}  // namespace
}  // namespace indaba::http
