#include "api/frames.hpp"

#include "db/test_executor.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <stdexcept>

namespace indaba::api {
namespace {

struct Shout {
  json::Text<1, 5> text;
  std::optional<bool> loud;
};
BOOST_DESCRIBE_STRUCT(Shout, (), (text, loud))

Task<Result<FrameReply>> shout(FrameCall<Shout> call) {
  if (call.frame.text.str() == "boom") throw std::runtime_error("inside");
  if (call.frame.text.str() == "lock") co_return Error(ErrorKind::conflict, "locked", "Locked.");
  co_return FrameReply{"shouted", ",\"stream\":\"" + call.stream + "\""};
}

class FramesTest : public testing::Test {
 protected:
  FramesTest() {
    frames_.on<Shout>("shout", {.summary = "Shout", .names_stream = true},
                      [](FrameCall<Shout> call) { return shout(std::move(call)); });
  }
  Result<FrameReply> send(std::string_view frame, std::string url_stream = {}) {
    FrameArrival arrival;
    arrival.url_stream = std::move(url_stream);
    arrival.frame = boost::json::parse(frame).as_object();
    return db::run_on(executor_, frames_.dispatch(std::move(arrival)));
  }
  std::string code_of(std::string_view frame) {
    const auto reply = send(frame, "a/b");
    return reply ? "ok" : std::string(socket_code(reply.error()));
  }

  Frames frames_;
  db::TestExecutor executor_;
};

TEST_F(FramesTest, reads_a_frame_and_its_stream) {
  EXPECT_EQ(send(R"({"type":"shout","ref":"a","stream":"x/y","text":"hi"})")->members,
            R"(,"stream":"x/y")");
  EXPECT_EQ(send(R"({"type":"shout","text":"hi"})", "from/url")->members,
            R"(,"stream":"from/url")");
}

TEST_F(FramesTest, tells_what_is_wrong_in_the_sockets_own_codes) {
  EXPECT_EQ(code_of(R"({"type":"whisper"})"), "unknown_type");
  EXPECT_EQ(code_of(R"({"type":7})"), "unknown_type");
  EXPECT_EQ(code_of(R"({"type":"shout"})"), "missing_field");
  EXPECT_EQ(code_of(R"({"type":"shout","text":"hi","odd":1})"), "invalid_field");
  EXPECT_EQ(code_of(R"({"type":"shout","text":"hi","loud":"yes"})"), "invalid_field");
  EXPECT_EQ(code_of(R"({"type":"shout","text":"far too long"})"), "too_long");
  EXPECT_EQ(code_of(R"({"type":"shout","text":"hi","stream":1})"), "invalid_field");
  EXPECT_EQ(code_of(R"({"type":"shout","text":"lock"})"), "locked");
  EXPECT_EQ(socket_code(send(R"({"type":"shout","text":"hi"})").error()), "missing_field");
}

TEST_F(FramesTest, hides_what_an_exception_says) {
  const auto reply = send(R"({"type":"shout","text":"boom"})", "a");
  EXPECT_EQ(socket_code(reply.error()), "internal");
  EXPECT_TRUE(reply.error().detail.empty());
}

}  // namespace
}  // namespace indaba::api
