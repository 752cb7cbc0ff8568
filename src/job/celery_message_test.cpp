#include "job/celery_message.hpp"
#include "base/json.hpp"
#include "base/json_write.hpp"
#include "base/text.hpp"
#include "job/celery_control.hpp"
#include "job/celery_json.hpp"
#include "job/celery_result.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::job::celery {
namespace {

// As Celery 5.2.6 wrote it for add.delay(40, y=2).
constexpr std::string_view kByPython =
    R"json({"body": "W1s0MF0sIHsieSI6IDJ9LCB7ImNhbGxiYWNrcyI6IG51bGwsICJlcnJiYWNrcyI6IG51bGwsICJjaGFpbiI6IG51bGwsICJjaG9yZCI6IG51bGx9XQ==",
 "content-encoding": "utf-8", "content-type": "application/json",
 "headers": {"lang": "py", "task": "capapp.add", "id": "ac632d5d-ccb1-40fc-bf2d-3068a54505f6", "shadow": null, "eta": null, "expires": null,
   "group": null, "group_index": null, "retries": 0, "timelimit": [30, 20.5], "root_id": "ac632d5d", "parent_id": null,
   "argsrepr": "(40,)", "kwargsrepr": "{'y': 2}", "origin": "gen12325@vm", "ignore_result": false, "x-trace": "abc", "stamps": {}},
 "properties": {"correlation_id": "ac632d5d", "reply_to": "072cad65", "delivery_mode": 2,
   "delivery_info": {"exchange": "", "routing_key": "celery"}, "priority": 6, "body_encoding": "base64",
   "delivery_tag": "e5174961-d2a5-4dab-b8ff-a1b6c6f050ed"}})json";

boost::json::object changed(const std::function<void(boost::json::object&)>& change) {
  auto envelope = json::parse(kByPython).value().as_object();
  change(envelope);
  return envelope;
}

std::variant<Message, Poison> decoded(const boost::json::object& envelope) {
  return decode(json::to_text(envelope));
}

std::string body(std::string_view json) {
  return text::to_base64(json);
}

TEST(CeleryMessage, what_python_wrote_is_read) {
  const auto read = decode(kByPython);
  ASSERT_TRUE(std::holds_alternative<Message>(read)) << std::get<Poison>(read).reason;
  const auto& message = std::get<Message>(read);
  EXPECT_EQ(message.id, "ac632d5d-ccb1-40fc-bf2d-3068a54505f6");
  EXPECT_EQ(message.task, "capapp.add");
  EXPECT_EQ(json::to_text(message.args), "[40]");
  EXPECT_EQ(json::to_text(message.kwargs), R"({"y":2})");
  EXPECT_EQ(message.hard, Millis(30'000));
  EXPECT_EQ(message.soft, Millis(20'500));
  EXPECT_EQ(message.priority, 6);
  EXPECT_EQ(message.queue, "celery");
  EXPECT_TRUE(message.follows.empty());
}

TEST(CeleryMessage, what_is_optional_may_be_absent_or_of_another_kind) {
  const auto plain = changed([](auto& envelope) {
    envelope["body"] = "[[1],{},{}]";
    envelope.erase("content-encoding");
    envelope["headers"] = {{"task", "t"}, {"id", "1"}, {"timelimit", "never"}, {"retries", -5}};
    envelope["properties"] = nullptr;
  });
  const auto read = decoded(plain);
  ASSERT_TRUE(std::holds_alternative<Message>(read)) << std::get<Poison>(read).reason;
  EXPECT_EQ(std::get<Message>(read).retries, 0);
  EXPECT_FALSE(std::get<Message>(read).hard);
  for (const auto* embed : {"{}", "null", R"({"chain":[],"callbacks":null})"}) {
    const auto other =
        decoded(changed([&](auto& e) { e["body"] = body(fmt::format("[[],{{}},{}]", embed)); }));
    ASSERT_TRUE(std::holds_alternative<Message>(other)) << embed;
    EXPECT_TRUE(std::get<Message>(other).follows.empty()) << embed;
  }
}

TEST(CeleryMessage, times_are_read_with_an_offset_with_a_z_and_without) {
  for (const auto* text : {"2026-11-21T21:53:39.508503+00:00", "2026-11-21T21:53:39.508Z",
                           "2026-11-21T21:53:39.508503", "2026-11-21T22:53:39.508+01:00"}) {
    const auto read = decoded(changed([&](auto& e) { e["headers"].as_object()["eta"] = text; }));
    ASSERT_TRUE(std::holds_alternative<Message>(read)) << text;
    EXPECT_EQ(to_rfc3339(*std::get<Message>(read).eta), "2026-11-21T21:53:39.508Z") << text;
  }
  const auto wrong =
      decoded(changed([](auto& e) { e["headers"].as_object()["expires"] = "tomorrow"; }));
  EXPECT_EQ(std::get<Poison>(wrong).reason, "expires is no time");
}

TEST(CeleryMessage, each_message_that_cannot_run_says_why_and_whose_it_is) {
  const std::string id = "ac632d5d-ccb1-40fc-bf2d-3068a54505f6";
  using Change = std::function<void(boost::json::object&)>;
  const auto headers = [](auto& e) -> auto& { return e["headers"].as_object(); };
  const auto properties = [](auto& e) -> auto& { return e["properties"].as_object(); };
  const std::vector<std::tuple<std::string, std::string, Change>> cases{
      {"headers.id is missing", "", [&](auto& e) { headers(e).erase("id"); }},
      {"headers.id is missing", "", [&](auto& e) { headers(e)["id"] = 7; }},
      {"headers.id is missing", "", [&](auto& e) { headers(e)["id"] = std::string(256, 'a'); }},
      {"headers.id is missing", "", [](auto& e) { e["headers"] = "none"; }},
      {"headers.task is missing", id, [&](auto& e) { headers(e).erase("task"); }},
      {"headers.id has control characters", "a\tb", [&](auto& e) { headers(e)["id"] = "a\tb"; }},
      {"the body is compressed (application/x-gzip)", id,
       [&](auto& e) { headers(e)["compression"] = "application/x-gzip"; }},
      {"the content type", id, [](auto& e) { e.erase("content-type"); }},
      {"the content type", id,
       [](auto& e) { e["content-type"] = "application/x-python-serialize"; }},
      {"there is no body", id, [](auto& e) { e.erase("body"); }},
      {"there is no body", id, [](auto& e) { e["body"] = {1, 2}; }},
      {"the body is not JSON", id, [&](auto& e) { properties(e).erase("body_encoding"); }},
      {"the body is not base64", id, [](auto& e) { e["body"] = "[[],{},{}]"; }},
      {"the keyword arguments are no object", id, [](auto& e) { e["body"] = body("[[],[],{}]"); }},
      {"the arguments are no list", id, [](auto& e) { e["body"] = body("[{},{},{}]"); }},
      {"the body is no list of arguments", id, [](auto& e) { e["body"] = body("3"); }},
      {"the body is of Celery's first protocol", id, [](auto& e) { e["body"] = body("{}"); }},
      {"the body is not JSON", id, [](auto& e) { e["body"] = body("[[NaN],{},{}]"); }},
      {"the body is not JSON", id,
       [](auto& e) {
         e["body"] = body("[[" + std::string(100, '[') + std::string(100, ']') + "],{},{}]");
       }},
  };
  for (const auto& [reason, known, change] : cases) {
    const auto read = decoded(changed(change));
    ASSERT_TRUE(std::holds_alternative<Poison>(read)) << reason;
    EXPECT_THAT(std::get<Poison>(read).reason, testing::StartsWith(reason));
    EXPECT_EQ(std::get<Poison>(read).id, known) << reason;
  }
  for (const auto* raw : {"", "no JSON", "[1]", "7", "\xff", "{\"a\":1,\"a\":2}"})
    EXPECT_TRUE(std::holds_alternative<Poison>(decode(raw))) << raw;
  EXPECT_TRUE(std::holds_alternative<Poison>(decode(std::string(kMaxMessageBytes + 1, ' '))));
}

TEST(CeleryMessage, what_would_follow_is_seen) {
  for (const auto* name : {"chain", "callbacks", "errbacks", "chord"}) {
    const auto read = decoded(changed([&](auto& e) {
      e["body"] = body(fmt::format(R"([[],{{}},{{"{}":[{{"task":"x"}}]}}])", name));
    }));
    EXPECT_EQ(std::get<Message>(read).follows, name);
  }
}

TEST(CeleryMessage, what_we_write_has_every_member_that_a_worker_of_pythons_needs) {
  SystemRandom random;
  Message message;
  message.id = new_uuid(random);
  message.task = "capapp.add";
  message.args = {40, "it's \"x\"\n"};
  message.kwargs = {{"y", nullptr}, {"z", true}};
  message.queue = "mail";
  message.priority = 6;
  message.hard = Millis(30'000);
  message.soft = Millis(1'500);
  message.eta = from_millis(1'795'000'000'123);
  const auto raw = encode(message, random);
  const auto envelope = json::parse(raw).value().as_object();
  const auto& headers = envelope.at("headers").as_object();
  for (const auto* name :
       {"lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries",
        "timelimit", "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result"})
    EXPECT_TRUE(headers.contains(name)) << name;
  const auto& properties = envelope.at("properties").as_object();
  for (const auto* name : {"correlation_id", "reply_to", "delivery_mode", "delivery_info",
                           "priority", "body_encoding", "delivery_tag"})
    EXPECT_TRUE(properties.contains(name)) << name;
  EXPECT_EQ(envelope.at("content-type"), "application/json");
  EXPECT_EQ(envelope.at("content-encoding"), "utf-8");
  EXPECT_EQ(json::to_text(headers.at("timelimit")), "[30,1.5]");
  EXPECT_EQ(headers.at("argsrepr"), R"((40, 'it\'s "x"\n'))");
  EXPECT_EQ(headers.at("kwargsrepr"), "{'y': None, 'z': True}");
  const auto again = std::get<Message>(decode(raw));
  EXPECT_EQ(json::to_text(again.args), json::to_text(message.args));
  EXPECT_EQ(again.eta, message.eta);
  EXPECT_EQ(again.queue, "mail");
  EXPECT_EQ(again.root_id, message.id);
}

TEST(CeleryMessage, a_retry_keeps_all_but_its_count_and_its_time) {
  SystemRandom random;
  const auto raw = for_retry(kByPython, 3, from_millis(1'795'000'000'000), random).value();
  const auto again = std::get<Message>(decode(raw));
  EXPECT_EQ(again.id, "ac632d5d-ccb1-40fc-bf2d-3068a54505f6");
  EXPECT_EQ(again.retries, 3);
  EXPECT_EQ(again.eta, from_millis(1'795'000'000'000));
  EXPECT_EQ(again.parent_id, "ac632d5d");
  EXPECT_NE(again.delivery_tag, "e5174961-d2a5-4dab-b8ff-a1b6c6f050ed");
  EXPECT_THAT(raw, testing::HasSubstr(R"("x-trace":"abc")"));
}

TEST(CeleryMessage, what_was_taken_and_not_finished_is_marked_and_counted) {
  auto raw = as_redelivered(as_redelivered(kByPython).value()).value();
  const auto again = std::get<Message>(decode(raw));
  EXPECT_TRUE(again.redelivered);
  EXPECT_EQ(again.restored, 2);
  EXPECT_FALSE(as_redelivered("[]").has_value());
}

TEST(CeleryMessage, priorities_have_four_lists) {
  EXPECT_EQ(key_of("q", 0), "q");
  EXPECT_EQ(key_of("q", 2), "q");
  EXPECT_EQ(key_of("q", 5),
            "q\x06\x16"
            "3");
  EXPECT_EQ(key_of("q", 9),
            "q\x06\x16"
            "9");
}

TEST(CeleryResult, what_we_write_is_what_a_caller_reads) {
  Message message;
  message.id = "id-1";
  message.group = "g";
  const Outcome done{State::success, "[1]", std::nullopt};
  EXPECT_EQ(encode(done, message, from_millis(1'795'000'000'000)),
            R"({"status":"SUCCESS","result":[1],"traceback":null,"children":[],)"
            R"("date_done":"2026-11-18T11:06:40.000000","group_id":"g","task_id":"id-1"})");
  Error error(ErrorKind::conflict, "disk_full", "The disk is full.");
  error.log = "a secret";
  const Outcome failed{State::failure, "null", exception_of(error)};
  const auto text = encode(failed, message, from_millis(0));
  EXPECT_THAT(text, testing::HasSubstr(R"("exc_type":"DiskFull","exc_message":["The disk is )"
                                       R"(full."],"exc_module":"indaba")"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("secret")));
  const auto read = decode_result(text).value();
  EXPECT_EQ(read.state, State::failure);
  EXPECT_EQ(repr_of(*read.exception), "DiskFull('The disk is full.')");
}

TEST(CeleryResult, what_python_wrote_is_read) {
  const auto failed = decode_result(R"({"status": "FAILURE", "result": {"exc_type": "KeyError",
      "exc_message": ["nope"], "exc_module": "builtins"}, "traceback": "T", "task_id": "1"})")
                          .value();
  EXPECT_EQ(failed.exception->type, "KeyError");
  EXPECT_EQ(failed.exception->message, "\"nope\"");
  EXPECT_TRUE(failed.ended());
  EXPECT_EQ(decode_result(R"({"status":"MINE","result":1})").value().state, State::started);
  EXPECT_FALSE(decode_result("[]").has_value());
  EXPECT_FALSE(decode_result("{}").has_value());
  EXPECT_TRUE(decode_result(R"({"status":"FAILURE","result":"text"})").has_value());
}

TEST(CeleryControl, a_command_of_pythons_is_read_and_answered) {
  SystemRandom random;
  const auto raw =
      wrap({.body = R"({"method":"ping","arguments":{},"destination":["a@h"],"pattern":null,)"
                    R"("matcher":null,"ticket":"t1","reply_to":{"exchange":"reply.celery.pidbox",)"
                    R"("routing_key":"oid"}})",
            .headers = R"({"clock":1,"expires":1795000000.5})"},
           random);
  const auto command = decode_command(raw).value();
  EXPECT_EQ(command.method, "ping");
  EXPECT_EQ(reply_key(command), "oid.reply.celery.pidbox");
  EXPECT_TRUE(command.is_for("a@h", from_millis(0)));
  EXPECT_FALSE(command.is_for("b@h", from_millis(0)));
  EXPECT_FALSE(command.is_for("a@h", from_millis(1'795'000'001'000)));
  const auto reply = unwrap(encode_reply(command, "a@h", R"({"ok":"pong"})", 9, random)).value();
  EXPECT_EQ(json::to_text(reply.body), R"({"a@h":{"ok":"pong"}})");
  EXPECT_EQ(reply.headers.at("ticket"), "t1");
  EXPECT_FALSE(decode_command("{}").has_value());
  EXPECT_FALSE(decode_command(wrap({.body = "[]", .headers = "{}"}, random)).has_value());
}

TEST(CeleryControl, an_event_says_who_and_when) {
  SystemRandom random;
  EXPECT_EQ(event_channel(3, "worker-heartbeat"), "/3.celeryev/worker.heartbeat");
  const auto raw =
      encode_event({"task-started", R"(,"uuid":"u")"}, {"w@h", 7}, 5, from_millis(1500), random);
  EXPECT_EQ(json::to_text(unwrap(raw).value().body),
            R"({"hostname":"w@h","utcoffset":0,"pid":7,"clock":5,"uuid":"u","timestamp":1.5,)"
            R"("type":"task-started"})");
}

}  // namespace
}  // namespace indaba::job::celery
