#include "http/parser.hpp"

#include <gtest/gtest.h>

namespace indaba::http {
namespace {

using State = RequestParser::State;

const ParserLimits kLimits;

struct Parsed {
  std::vector<Request> requests;
  int error = 0;
  std::string left_over;
};

// Feeds `bytes` in pieces of `step`, as a connection would, until an error or the end.
Parsed parse(std::string_view bytes, std::size_t step = std::string_view::npos,
             const ParserLimits& limits = kLimits) {
  RequestParser parser(limits);
  Parsed result;
  while (!bytes.empty() && result.error == 0) {
    std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    while (!piece.empty() && result.error == 0) {
      piece.remove_prefix(parser.feed(piece));
      if (parser.state() == State::complete) result.requests.push_back(parser.take());
      if (parser.state() == State::error) result.error = parser.error().status;
    }
  }
  return result;
}

// The error of one request, which must be the same however it is cut.
int error_of(std::string_view bytes) {
  const Parsed whole = parse(bytes);
  const Parsed split = parse(bytes, 1);
  EXPECT_EQ(whole.error, split.error) << bytes.substr(0, 200);
  EXPECT_EQ(whole.requests.size(), split.requests.size()) << bytes.substr(0, 200);
  return whole.error;
}

std::string get(std::string_view fields, std::string_view target = "/") {
  return std::string("GET ")
      .append(target)
      .append(" HTTP/1.1\r\nHost: a\r\n")
      .append(fields)
      .append("\r\n");
}
std::string post(std::string_view fields, std::string_view body) {
  return std::string("POST / HTTP/1.1\r\nHost: a\r\n").append(fields).append("\r\n").append(body);
}
std::string chunked(std::string_view body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

TEST(RequestParser, reads_a_request_the_same_however_it_is_cut) {
  const std::string bytes =
      "PATCH /a%20b/c?x=1&y=%2F HTTP/1.1\r\nHost: example.com:80\r\nX-Mixed-Case: \t v w \t\r\n"
      "Content-Length: 5\r\n\r\nhello";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    const Parsed parsed = parse(bytes, step);
    ASSERT_EQ(parsed.requests.size(), 1U) << step;
    const Request& request = parsed.requests[0];
    EXPECT_EQ(request.method, Method::patch);
    EXPECT_EQ(request.target, "/a%20b/c?x=1&y=%2F");
    EXPECT_EQ(request.path, "/a b/c");
    EXPECT_EQ(request.query, "x=1&y=%2F");
    EXPECT_EQ(request.version_minor, 1);
    EXPECT_TRUE(request.keep_alive);
    EXPECT_EQ(request.headers.find("x-mixed-case"), "v w");
    EXPECT_EQ(request.body, "hello");
  }
}

TEST(RequestParser, reads_pipelined_requests_and_leaves_what_follows_an_upgrade) {
  const std::string two =
      get("") + post("Content-Length: 2\r\n", "ab") + chunked("1\r\nc\r\n0\r\n\r\n");
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, two.size()}) {
    const Parsed parsed = parse(two, step);
    ASSERT_EQ(parsed.requests.size(), 3U);
    EXPECT_EQ(parsed.requests[1].body, "ab");
    EXPECT_EQ(parsed.requests[2].body, "c");
  }
  RequestParser parser(kLimits);
  const std::string upgrade = get("Upgrade: websocket\r\n");
  EXPECT_EQ(parser.feed(upgrade + "\x81"
                                  "frames"),
            upgrade.size());
  EXPECT_EQ(parser.state(), State::complete);
  EXPECT_EQ(parser.feed("more"), 0U);
}

TEST(RequestParser, holds_nothing_between_two_requests) {
  RequestParser parser(kLimits);
  EXPECT_FALSE(parser.started());
  ASSERT_GT(parser.feed("G"), 0U);
  EXPECT_TRUE(parser.started());
  ASSERT_GT(parser.feed(get("").substr(1)), 0U);
  ASSERT_EQ(parser.state(), State::complete);
  static_cast<void>(parser.take());
  EXPECT_FALSE(parser.started());
  EXPECT_EQ(parser.state(), State::need_more);
}

TEST(RequestParser, skips_empty_lines_in_front_of_a_request) {
  EXPECT_EQ(parse("\r\n\r\n" + get("")).requests.size(), 1U);
  EXPECT_EQ(parse("\r\n\r\n" + get(""), 1).requests.size(), 1U);
  EXPECT_EQ(error_of("\n" + get("")), 400);
}

TEST(RequestParser, knows_when_a_connection_is_kept) {
  const auto keep = [](std::string_view bytes) { return parse(bytes).requests.at(0).keep_alive; };
  EXPECT_TRUE(keep(get("")));
  EXPECT_FALSE(keep(get("Connection: foo, Close\r\n")));
  EXPECT_FALSE(keep("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keep("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_FALSE(keep("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
  EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").requests.at(0).version_minor, 0);
}

struct Refused {
  const char* why;
  std::string bytes;
  int status;
};

class RefusedRequest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedRequest, is_answered_with_its_status) {
  EXPECT_EQ(error_of(GetParam().bytes), GetParam().status) << GetParam().why;
}

const std::string kTooManyFields = [] {
  std::string fields;
  for (int i = 0; i < 100; ++i) fields += "X: 1\r\n";  // and Host
  return fields;
}();
const std::string k33KiB = [] {
  std::string fields;
  for (int i = 0; i < 33; ++i) fields += "X: " + std::string(1000, 'x') + "\r\n";
  return fields;
}();

INSTANTIATE_TEST_SUITE_P(
    Smuggling, RefusedRequest,
    testing::Values(
        Refused{"both lengths", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", ""),
                400},
        Refused{"both, other order",
                post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", ""), 400},
        Refused{"unknown coding", post("Transfer-Encoding: xchunked\r\n", ""), 501},
        Refused{"coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n", ""), 501},
        Refused{"chunked is not last", post("Transfer-Encoding: chunked, identity\r\n", ""), 501},
        Refused{"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", ""), 400},
        Refused{"two fields",
                post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""), 400},
        Refused{"two fields, one unknown",
                post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", ""), 400},
        Refused{"empty coding", post("Transfer-Encoding:\r\n", ""), 400},
        Refused{"list with a hole", post("Transfer-Encoding: ,chunked\r\n", ""), 400},
        Refused{"quoted coding", post("Transfer-Encoding: \"chunked\"\r\n", ""), 400},
        Refused{"vertical tab", post("Transfer-Encoding: \vchunked\r\n", ""), 400},
        Refused{"space before the colon", post("Transfer-Encoding : chunked\r\n", ""), 400},
        Refused{"folded coding", post("Transfer-Encoding:\r\n chunked\r\n", ""), 400},
        Refused{"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                400},
        Refused{"plus", post("Content-Length: +5\r\n", "hello"), 400},
        Refused{"minus", post("Content-Length: -5\r\n", "hello"), 400},
        Refused{"hex", post("Content-Length: 0x5\r\n", "hello"), 400},
        Refused{"list", post("Content-Length: 5,5\r\n", "hello"), 400},
        Refused{"two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
                400},
        Refused{"two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400},
        Refused{"empty length", post("Content-Length:\r\n", ""), 400},
        Refused{"2^64 + 5", post("Content-Length: 18446744073709551621\r\n", "hello"), 400},
        Refused{"bare LF in the head", "GET / HTTP/1.1\nHost: a\n\n", 400},
        Refused{"bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400},
        Refused{"bare CR in a field", get("X: a\rb\r\n"), 400},
        Refused{"only CR", "GET / HTTP/1.1\rHost: a\r\r\n", 400},
        Refused{"NUL in a field", get(std::string("X: a\0b\r\n", 8)), 400},
        Refused{"NUL in the address", get("", std::string_view("/\0", 2)), 400},
        Refused{"control character in a field", get("X: a\x01\r\n"), 400},
        Refused{"folded field", get("X: a\r\n b\r\n"), 400},
        Refused{"first field is folded", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        Refused{"no field name", get(": x\r\n"), 400},
        Refused{"no colon", get("nonsense\r\n"), 400},
        Refused{"space in a name", get("a b: x\r\n"), 400},
        Refused{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
        Refused{"two Hosts", get("Host: a\r\n"), 400},
        Refused{"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        Refused{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
        Refused{"list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
        Refused{"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        Refused{"absolute address with another Host", get("", "http://b/"), 400},
        Refused{"absolute address with a user", get("", "http://a@a/"), 400},
        Refused{"absolute address of another scheme", get("", "ftp://a/"), 400},
        Refused{"HTTP/0.9", "GET /\r\n", 400},
        Refused{"no version", "GET / \r\nHost: a\r\n\r\n", 400},
        Refused{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        Refused{"space in the address", get("", "/a b"), 400},
        Refused{"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        Refused{"HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 505},
        Refused{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        Refused{"h2c", get("Connection: upgrade\r\nUpgrade: h2c\r\n"), 400},
        Refused{"bytes of TLS", std::string("\x16\x03\x01\x02\x00\x01\n", 7), 400}));

INSTANTIATE_TEST_SUITE_P(
    Chunks, RefusedRequest,
    testing::Values(
        Refused{"0x", chunked("0x5\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"minus", chunked("-1\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"plus", chunked("+5\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"2^64", chunked("10000000000000000\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"many zeros", chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"no size", chunked("\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"only an extension", chunked(";a=b\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"space behind the size", chunked("5 \r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"space before the size", chunked(" 5\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"bare LF behind the size", chunked("5\nhello\r\n0\r\n\r\n"), 400},
        Refused{"bare LF behind the data", chunked("5\r\nhello\n0\r\n\r\n"), 400},
        Refused{"bare LF behind an extension", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"CR in an extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"data longer than its size", chunked("4\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"bare LF behind a trailer", chunked("0\r\nX: 1\n\r\n"), 400},
        Refused{"long extension",
                chunked("5;" + std::string(1 << 20, 'x') + "\r\nhello\r\n0\r\n\r\n"), 400},
        Refused{"long trailers", chunked("0\r\n" + k33KiB + "\r\n"), 400},
        Refused{"larger than the limit", chunked("100001\r\n"), 413}));

INSTANTIATE_TEST_SUITE_P(
    Limits, RefusedRequest,
    testing::Values(
        Refused{"long address", get("", "/" + std::string(8 * 1024, 'a')), 414},
        Refused{"endless address", "GET /" + std::string(10 * 1024, 'a'), 414},
        Refused{"address longer than a head", "GET /" + std::string(40 * 1024, 'a'), 414},
        Refused{"long field", get("X: " + std::string(8 * 1024, 'x') + "\r\n"), 431},
        Refused{"endless field", "GET / HTTP/1.1\r\nX: " + std::string(9 * 1024, 'x'), 431},
        Refused{"too many fields", get(kTooManyFields), 431},
        Refused{"large head", get(k33KiB), 431},
        Refused{"many empty lines", "\r\n\r\n\r\n" + get(""), 400},
        Refused{"large body", post("Content-Length: 1048577\r\n", "x"), 413},
        Refused{"huge body", post("Content-Length: 999999999999999999\r\n", "x"), 413},
        Refused{"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        Refused{"lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        Refused{"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        Refused{"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501},
        Refused{"other expectation", post("Expect: a-miracle\r\nContent-Length: 1\r\n", "x"),
                417}));

TEST(RequestParser, takes_a_request_that_reaches_each_limit) {
  EXPECT_EQ(error_of(get("", "/" + std::string(8 * 1024 - 1, 'a'))), 0);
  EXPECT_EQ(error_of(get("X: " + std::string(8 * 1024 - 3, 'x') + "\r\n")), 0);
  EXPECT_EQ(error_of(get(kTooManyFields.substr(6))), 0);
  EXPECT_EQ(error_of(post("Content-Length: 1048576\r\n", std::string(1 << 20, 'x'))), 0);
  EXPECT_EQ(error_of(chunked("100000\r\n" + std::string(1 << 20, 'x') + "\r\n0\r\n\r\n")), 0);
}

TEST(RequestParser, joins_chunks_and_drops_extensions_and_trailers) {
  const Parsed parsed = parse(
      chunked("5;a=b\r\nhello\r\n00A\r\n, world!!!\r\n0;x\r\nContent-Length: 7\r\nX: 1\r\n\r\n"),
      1);
  ASSERT_EQ(parsed.requests.size(), 1U);
  EXPECT_EQ(parsed.requests[0].body, "hello, world!!!");
  EXPECT_EQ(parsed.requests[0].headers.count("x"), 0U);
  EXPECT_EQ(parsed.requests[0].headers.count("content-length"), 0U);
}

TEST(RequestParser, never_reads_a_second_request_out_of_a_refused_one) {
  const std::string smuggled = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto parsed =
      parse(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled), 1);
  EXPECT_EQ(parsed.error, 400);
  EXPECT_TRUE(parsed.requests.empty());
}

TEST(RequestParser, stops_behind_the_headers_so_that_the_body_limit_can_be_set) {
  RequestParser parser(kLimits);
  const std::string head = post("Content-Length: 10\r\nExpect: 100-Continue\r\n", "");
  EXPECT_EQ(parser.feed(head + "0123456789"), head.size());
  EXPECT_EQ(parser.state(), State::headers_done);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.content_length(), 10U);
  EXPECT_EQ(parser.request().method, Method::post);
  parser.set_body_limit(9);
  EXPECT_EQ(parser.feed("0123456789"), 0U);
  EXPECT_EQ(parser.error().status, 413);
}

TEST(RequestParser, takes_a_larger_body_where_its_route_allows_it) {
  const ParserLimits small{.body_bytes = 4};
  RequestParser parser(small);
  ASSERT_GT(parser.feed(chunked("")), 0U);
  ASSERT_EQ(parser.state(), State::headers_done);
  EXPECT_EQ(parser.content_length(), std::nullopt);
  EXPECT_FALSE(parser.expects_continue());
  parser.set_body_limit(5);
  ASSERT_GT(parser.feed("5\r\nhello\r\n0\r\n\r\n"), 0U);
  ASSERT_EQ(parser.state(), State::complete);
  EXPECT_EQ(parser.take().body, "hello");
  ASSERT_GT(parser.feed(post("Content-Length: 5\r\n", "")), 0U);
  static_cast<void>(parser.feed("hello"));
  EXPECT_EQ(parser.error().status, 413) << "the next request has the usual limit again";
}

TEST(RequestParser, counts_the_body_of_many_small_chunks) {
  const ParserLimits small{.body_bytes = 4};
  EXPECT_EQ(parse(chunked("2\r\nab\r\n2\r\ncd\r\n1\r\ne\r\n0\r\n\r\n"), 1, small).error, 413);
  EXPECT_EQ(parse(chunked("2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n"), 1, small).error, 0);
}

}  // namespace
}  // namespace indaba::http
