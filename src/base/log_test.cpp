#include "base/log.hpp"

#include "base/json.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace indaba {
namespace {

class LogTest : public testing::Test {
 protected:
  [[nodiscard]] auto sink() { return std::make_shared<spdlog::sinks::ostream_sink_mt>(out_); }
  ManualClock clock_;
  std::ostringstream out_;
};

TEST_F(LogTest, writes_one_json_object_a_line) {
  Logger log(clock_, LogLevel::info, LogFormat::json, sink());
  log.info("net", "connection closed",
           {{"connection_id", 7},
            {"close_code", 1001U},
            {"user_id", UserId(3)},
            {"ok", true},
            {"ratio", 0.5},
            {"org_slug", std::string("demo")},
            {"duration_ms", Millis(12)}});
  EXPECT_EQ(out_.str(),
            R"({"timestamp":"2026-01-09T23:06:40.000Z","level":"info","logger":"net",)"
            R"("message":"connection closed","connection_id":7,"close_code":1001,"user_id":3,)"
            R"("ok":true,"ratio":0.5,"org_slug":"demo","duration_ms":12})"
            "\n");
}

TEST_F(LogTest, leaves_out_the_id_of_nobody_and_a_text_that_says_nothing) {
  Logger log(clock_, LogLevel::info, LogFormat::json, sink());
  log.info("net", "x", {{"user_id", UserId()}, log_unless_empty("org_slug", ""), {"status", 0}});
  EXPECT_TRUE(out_.str().ends_with(R"("message":"x","status":0})"
                                   "\n"))
      << out_.str();
}

TEST_F(LogTest, an_entry_stays_one_valid_line_whatever_its_fields_hold) {
  Logger log(clock_, LogLevel::info, LogFormat::json, sink());
  log.warn("a\nb", "forged\n{\"level\":\"error\"}\x1b[2J",
           {{"reason", "\xFF\r\n\"{}%v"}, {"a\"b", ""}});
  std::string line = out_.str();
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  line.pop_back();
  const auto entry = json::parse(line);
  ASSERT_TRUE(entry) << entry.error().detail;
  EXPECT_EQ(entry->at("reason"), "\uFFFD\r\n\"{}%v");
}

TEST_F(LogTest, writes_text_for_a_terminal_that_cannot_move_its_cursor) {
  Logger log(clock_, LogLevel::debug, LogFormat::text, sink());
  log.debug("net", "connection closed",
            {{"connection_id", 7}, {"reason", "going away"}, {"slug", "demo"}});
  log.error("db", "lost\n\x1b[2J", {});
  EXPECT_EQ(out_.str(),
            "2026-01-09T23:06:40.000Z debug net: connection closed connection_id=7 "
            "reason=\"going away\" slug=demo\n"
            "2026-01-09T23:06:40.000Z error db: lost\\n\\u001b[2J\n");
}

TEST_F(LogTest, follows_a_level_that_changes_while_it_runs) {
  Logger log(clock_, LogLevel::warn, LogFormat::json, sink());
  log.info("net", "unseen");
  EXPECT_TRUE(out_.str().empty());
  log.set_level(LogLevel::debug);
  log.debug("net", "seen");
  EXPECT_NE(out_.str().find("seen"), std::string::npos);
  log.set_level(LogLevel::off);
  EXPECT_FALSE(log.enabled(LogLevel::error));
  EXPECT_FALSE(log.enabled(LogLevel::off));
}

TEST_F(LogTest, counts_what_it_could_not_write_and_goes_on) {
  class FullDisk final : public spdlog::sinks::sink {
   public:
    void log(const spdlog::details::log_msg&) override { throw spdlog::spdlog_ex("disk full"); }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
  };
  Logger log(clock_, LogLevel::info, LogFormat::json, std::make_shared<FullDisk>());
  log.info("net", "lost");
  EXPECT_EQ(log.lost(), 1U);
}

TEST_F(LogTest, a_null_logger_writes_nothing_at_any_level) {
  Logger log = Logger::null();
  log.set_level(LogLevel::debug);
  log.error("net", "unseen", {{"a", 1}});
}

TEST_F(LogTest, levels_and_formats_have_names) {
  EXPECT_EQ(parse_log_level("warn"), LogLevel::warn);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warn);
  EXPECT_EQ(to_string(LogLevel::error), "error");
  EXPECT_FALSE(parse_log_level("loud"));
  EXPECT_EQ(parse_log_format("text"), LogFormat::text);
  EXPECT_FALSE(parse_log_format("xml"));
}

}  // namespace
}  // namespace indaba
