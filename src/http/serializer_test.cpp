#include "http/serializer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::http {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string serialize(const Response& response, const ResponseFraming& framing = {}) {
  std::string out;
  append_response(out, response, framing);
  return out;
}

TEST(Serializer, writes_status_line_length_and_body) {
  Response response;
  response.status = 201;
  response.headers.set("Content-Type", "application/json");
  response.body = "{}";
  const auto out = serialize(response, {.date = "Sun, 06 Nov 1994 08:49:37 GMT"});
  EXPECT_THAT(out, StartsWith("HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
  EXPECT_THAT(out, EndsWith("\r\ncontent-length: 2\r\n\r\n{}"));
  EXPECT_THAT(out, Not(HasSubstr("connection")));
}

TEST(Serializer, tells_the_length_but_not_the_body_to_head) {
  Response response;
  response.body = "hello";
  EXPECT_THAT(serialize(response, {.head_request = true}), EndsWith("content-length: 5\r\n\r\n"));
}

TEST(Serializer, gives_204_and_304_neither_length_nor_body) {
  for (const int status : {204, 304}) {
    Response response;
    response.status = status;
    response.body = "must not be seen";
    const auto out = serialize(response);
    EXPECT_THAT(out, Not(HasSubstr("content-length")));
    EXPECT_THAT(out, EndsWith("\r\n\r\n"));
  }
}

TEST(Serializer, says_what_becomes_of_the_connection) {
  Response response;
  EXPECT_THAT(serialize(response, {.keep_alive = false}), HasSubstr("\r\nconnection: close\r\n"));
  EXPECT_THAT(serialize(response, {.version_minor = 0}),
              HasSubstr("\r\nconnection: keep-alive\r\n"));
  response.close = true;
  EXPECT_THAT(serialize(response, {.version_minor = 0}), HasSubstr("\r\nconnection: close\r\n"));
  response.headers.set("upgrade", "websocket");
  EXPECT_THAT(serialize(response), HasSubstr("\r\nconnection: close, upgrade\r\n"));
}

TEST(Serializer, ignores_what_a_handler_says_about_framing) {
  Response response;
  response.headers.set("Content-Length", "999");
  response.headers.set("Transfer-Encoding", "chunked");
  response.headers.set("Connection", "keep-alive");
  response.headers.set("Date", "never");
  const auto out = serialize(response);
  EXPECT_THAT(out, HasSubstr("content-length: 0\r\n"));
  for (const auto* lie : {"999", "chunked", "keep-alive", "never"})
    EXPECT_THAT(out, Not(HasSubstr(lie)));
}

TEST(Serializer, lets_no_value_end_its_line) {
  Response response;
  response.headers.set("Location", std::string_view("/a\r\nSet-Cookie: evil=1\n\0x\x7f", 26));
  response.headers.set("Bad Name\r\nEvil", "1");
  response.headers.set("", "1");
  const auto out = serialize(response);
  EXPECT_THAT(out, HasSubstr("location: /a  Set-Cookie: evil=1  x \r\n"));
  EXPECT_THAT(out, Not(HasSubstr("\nSet-Cookie")));
  EXPECT_THAT(out, Not(HasSubstr("bad name")));
  EXPECT_THAT(out, Not(HasSubstr("\n: ")));
}

TEST(Serializer, puts_security_headers_on_every_answer) {
  Response response;
  const auto out = serialize(response, {.secure = true});
  EXPECT_THAT(out, HasSubstr("\r\nx-content-type-options: nosniff\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\nreferrer-policy: same-origin\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\ncontent-security-policy: frame-ancestors 'none'\r\n"));
  EXPECT_THAT(out, HasSubstr("\r\nstrict-transport-security: max-age="));
  EXPECT_THAT(serialize(response), Not(HasSubstr("strict-transport")));
  response.headers.set("Content-Security-Policy", "default-src 'self'");
  EXPECT_THAT(serialize(response), Not(HasSubstr("frame-ancestors")));
}

TEST(Serializer, ends_a_stream_with_its_connection) {
  Response response;
  response.headers.set("content-type", "text/event-stream");
  std::string out;
  append_stream_head(out, response, {});
  EXPECT_THAT(out, HasSubstr("\r\nconnection: close\r\n"));
  EXPECT_THAT(out, Not(HasSubstr("content-length")));
  EXPECT_THAT(out, EndsWith("\r\n\r\n"));
}

TEST(HttpDate, is_written_as_imf_fixdate) {
  EXPECT_EQ(format_http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(ReasonPhrase, is_never_empty) {
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(299), "Status");
}

}  // namespace
}  // namespace indaba::http
