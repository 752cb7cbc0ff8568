// For tests of chat: the feature over the real database and log, with a moderator, mia, in acme,
// and a public room "general".
#pragma once

#include "feature/chat/chat.hpp"
#include "feature/orgs/test_feature.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace indaba::chat {

struct RememberingRewrites final : stream::RewriteListener {
  std::vector<StreamId> streams;
  void on_rewritten(StreamId stream) override { streams.push_back(stream); }
};

struct RememberingTyping final : api::TypingStops {
  std::vector<std::pair<StreamId, UserId>> stopped;
  void stop(StreamId stream, UserId user) override { stopped.emplace_back(stream, user); }
};

// Whatever a test puts behind it.
struct RelayedIndex final : MessageIndex {
  MessageIndex* to = nullptr;
  Result<void> put(db::WriteTx& tx, MessageId id, std::string_view body) override {
    return to != nullptr ? to->put(tx, id, body) : Result<void>();
  }
  Result<void> remove(db::WriteTx& tx, MessageId id) override {
    return to != nullptr ? to->remove(tx, id) : Result<void>();
  }
};

class ChatFixture : public orgs::FeatureFixture {
 protected:
  enum class Start : std::uint8_t { now, later };
  explicit ChatFixture(Start start = Start::now, db::Backend backend = db::Backend::sqlite)
      : FeatureFixture(backend) {
    add_member("mia", auth::Role::moderator);
    add_member("carla", auth::Role::member);
    service_.add_routes(endpoints_);
    service_.add_frames(frames_);
    service_.add_streams(names_);
    changes_.listen([this](const api::AccessChange& change) {
      if (const auto* closed = std::get_if<api::StreamClosed>(&change))
        closed_.push_back(closed->stream);
      if (const auto* ended = std::get_if<api::StreamAccessEnded>(&change))
        shut_out_.emplace_back(ended->stream, ended->user);
    });
    if (start == Start::now) start_chat();
  }

  // After all routes are there.
  void start_chat() {
    start_feature();
    limits_.writes = 0;
    make_room("general");
  }

  void add_member(std::string name, auth::Role role) {
    auto change = [this, name, role](db::WriteTx& tx) -> Result<UserId> {
      auth::NewUser wanted;
      wanted.username = name;
      INDABA_TRY(const auto made, auth::create_user(tx, wanted, clock_, random_));
      INDABA_TRY(const auto org, orgs::find_org(tx.sql(), acme_.org));
      INDABA_TRY_VOID(orgs::add_member(tx, *org, made.id, role, {}, clock_));
      return made.id;
    };
    const auto made = db::write_blocking(*database_, db::Shard(), change);
    if (!made) throw std::runtime_error(made.error().detail + made.error().log);
    authenticator_.known[name] = api::user_principal(made->value.value, name);
  }

  // `who` is in it where it is private.
  std::int64_t make_room(std::string_view slug, bool is_private = false,
                         std::string_view who = "anna") {
    const auto made = send(who, "POST /api/v1/orgs/acme/rooms",
                           fmt::format(R"({{"slug":"{}","private":{}}})", slug, is_private));
    EXPECT_EQ(made.status, 201) << made.body;
    return json_of(made).at("id").as_int64();
  }
  http::Response let_in(std::string_view who, std::string_view room, std::string_view by = "anna") {
    return send(by, fmt::format("POST /api/v1/orgs/acme/rooms/{}/members", room),
                fmt::format(R"({{"user_id":{}}})", user(who).value));
  }
  http::Response put_out(std::string_view who, std::string_view room,
                         std::string_view by = "anna") {
    return send(by,
                fmt::format("DELETE /api/v1/orgs/acme/rooms/{}/members/{}", room, user(who).value));
  }

  http::Response say(std::string_view who, std::string body, std::string_view room = "general",
                     std::string key = {}) {
    return send(who, fmt::format("POST /api/v1/orgs/acme/rooms/{}/messages", room), std::move(body),
                std::move(key));
  }
  // The id of the message that it made.
  std::int64_t say_text(std::string_view who, std::string_view text,
                        std::string_view room = "general") {
    const auto sent = say(who, fmt::format(R"({{"body":"{}"}})", text), room);
    EXPECT_EQ(sent.status, 201) << sent.body;
    return json_of(sent).at("id").as_int64();
  }
  boost::json::object history(std::string_view who, std::string_view query = "",
                              std::string_view room = "general") {
    return json_of(
        send(who, fmt::format("GET /api/v1/orgs/acme/rooms/{}/messages{}", room, query)));
  }
  // The bodies of a page of history, as it came.
  static std::vector<std::string> bodies(const boost::json::object& page) {
    std::vector<std::string> out;
    for (const auto& message : page.at("messages").as_array())
      out.emplace_back(message.at("body").as_string());
    return out;
  }
  std::string frame(std::string_view who, std::string_view text,
                    std::string stream = "orgs/acme/rooms/general") {
    api::FrameArrival arrival;
    arrival.principal = authenticator_.known.find(who)->second;
    arrival.url_stream = std::move(stream);
    arrival.frame = boost::json::parse(text).as_object();
    const auto reply = db::run_on(executor_, frames_.dispatch(std::move(arrival)));
    return reply ? reply->type + reply->members : std::string(api::socket_code(reply.error()));
  }
  // The events of a room's stream, whole, oldest first.
  std::vector<std::string> events(std::string_view room = "general") {
    std::vector<std::string> out;
    for (int seq = 1;; ++seq) {
      const auto event =
          send("anna", fmt::format("GET /api/v1/orgs/acme/rooms/{}/events/{}", room, seq));
      if (event.status != 200) return out;
      out.push_back(event.body);
    }
  }

  std::vector<StreamId> closed_;
  std::vector<std::pair<StreamId, UserId>> shut_out_;
  RememberingRewrites rewrites_;
  std::vector<StreamId>& rewritten_ = rewrites_.streams;
  api::Cursors cursors_{"a key for tests"};
  Delivered delivered_;
  RememberingTyping typing_;
  RelayedIndex index_;
  Chat service_{{*database_, memberships_, changes_, rewrites_, delivered_, typing_, limiter_,
                 limits_, cursors_, clock_, random_, index_}};
};

}  // namespace indaba::chat
