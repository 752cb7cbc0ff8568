// Searches of random messages by random callers, against a model that is as simple as can be.
#include "feature/search/test_search.hpp"

#include <algorithm>
#include <set>

namespace indaba::search {
namespace {

struct ModelRoom {
  std::string slug;
  bool is_private = false;
  bool deleted = false;
  std::set<std::string, std::less<>> members;
};

struct ModelMessage {
  std::int64_t id = 0;
  std::size_t room = 0;
  std::string author;
  std::string body;
  bool deleted = false;
  bool reply = false;
  bool reaction = false;
  std::int64_t day = 0;
};

constexpr std::array<std::string_view, 15> kWords{"Budget", "budgets", "café", "CAFE",  "Köln",
                                                  "kolner", "naïve",   "plan", "plane", "the",
                                                  "of",     "Ñandú",   "7",    "73",    "or"};
constexpr std::string_view kLink = "https://plan.example";

// Without case and accents.
std::string plain_of(std::string_view spelt) {
  constexpr std::array<std::pair<std::string_view, char>, 6> kAccents{
      {{"é", 'e'}, {"ö", 'o'}, {"ï", 'i'}, {"Ñ", 'n'}, {"ñ", 'n'}, {"ú", 'u'}}};
  auto plain = text::to_lower(spelt);
  for (const auto& [accented, letter] : kAccents)
    for (auto at = plain.find(accented); at != std::string::npos; at = plain.find(accented))
      plain.replace(at, accented.size(), 1, letter);
  return plain;
}

std::vector<std::string> plain_words(std::string_view body) {
  std::vector<std::string> words;
  for (const auto part : text::split(body, ' ')) {
    if (part == kLink) {
      words.insert(words.end(), {"https", "plan", "example"});
    } else {
      words.push_back(plain_of(part));
    }
  }
  return words;
}

bool has_words(const std::vector<std::string>& words, const Term& term) {
  const auto wanted = plain_words(term.text);
  if (wanted.size() > words.size()) return false;
  for (std::size_t at = 0; at + wanted.size() <= words.size(); ++at) {
    bool all = true;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const bool open = term.prefix && i + 1 == wanted.size();
      all = all && (open ? words[at + i].starts_with(wanted[i]) : words[at + i] == wanted[i]);
    }
    if (all) return true;
  }
  return false;
}

using Run = std::tuple<db::Backend, std::uint64_t>;

class ModelTest : public SearchFixture, public testing::WithParamInterface<Run> {
 protected:
  ModelTest() : SearchFixture(std::get<0>(GetParam())) {
    add_member("dave", auth::Role::admin);
    rooms_.push_back({"general", false, false, {}});
  }

  std::size_t below(std::size_t bound) { return dice_.below(bound); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  const std::string& anyone() { return people_[below(people_.size())]; }

  bool is_admin(std::string_view who) const {
    return who == "anna" || who == "dave" || who == "key";
  }
  bool sees(std::string_view who, const ModelRoom& room) const {
    if (room.deleted || outside_.contains(who)) return false;
    return !room.is_private || is_admin(who) || room.members.contains(who);
  }

  std::string random_body() {
    std::string body;
    for (auto n = 1 + below(6); n > 0; --n) {
      if (!body.empty()) body += ' ';
      body += one_in(10) ? kLink : kWords[below(kWords.size())];
    }
    return body;
  }

  void say_something() {
    const auto at = below(rooms_.size());
    const auto& who = anyone();
    if (!sees(who, rooms_[at])) return;
    ModelMessage message{0, at, who, random_body()};
    std::int64_t reply_to = 0;
    for (const auto& other : messages_)
      if (other.room == at && !other.deleted) reply_to = other.id;
    message.reply = reply_to != 0 && one_in(3);
    const auto body = message.reply
                          ? fmt::format(R"({{"body":"{}","reply_to":{}}})", message.body, reply_to)
                          : fmt::format(R"({{"body":"{}"}})", message.body);
    const auto sent = say(who, body, rooms_[at].slug);
    ASSERT_EQ(sent.status, 201) << sent.body;
    message.id = json_of(sent).at("id").as_int64();
    message.day = 20'000 + static_cast<std::int64_t>(below(5));
    execute("UPDATE messages SET created_at = $2 * 86400000 + 5000 WHERE id = $1", message.id,
            message.day);
    messages_.push_back(std::move(message));
  }

  void change_something() {
    if (messages_.empty()) return;
    auto& message = messages_[below(messages_.size())];
    if (rooms_[message.room].deleted) return;
    if (message.deleted) {
      ASSERT_EQ(change_message("anna", "POST", message.id, "/restore").status, 200);
      message.deleted = false;
    } else if (one_in(3)) {
      ASSERT_EQ(change_message("anna", "DELETE", message.id).status, 204);
      message.deleted = true;
    } else if (one_in(2)) {
      ASSERT_EQ(change_message("anna", "PUT", message.id, "/reactions/ok").status, 200);
      message.reaction = true;
    } else {
      message.body = random_body();
      const auto body = fmt::format(R"({{"body":"{}"}})", message.body);
      ASSERT_EQ(change_message("anna", "PATCH", message.id, "", body).status, 200);
    }
  }

  void change_rooms() {
    const auto at = below(rooms_.size());
    auto& room = rooms_[at];
    const auto path = fmt::format("/api/v1/orgs/acme/rooms/{}", room.slug);
    if (rooms_.size() < 40 && one_in(3)) {
      const bool is_private = one_in(2);
      const auto slug = fmt::format("room{}", rooms_.size());
      make_room(slug, is_private);
      rooms_.push_back({slug, is_private, false, {}});
    } else if (room.deleted) {
      return;
    } else if (one_in(8)) {
      ASSERT_EQ(send("anna", "DELETE " + path).status, 204);
      room.deleted = true;
    } else if (one_in(3)) {
      room.is_private = !room.is_private;
      const auto body = fmt::format(R"({{"private":{}}})", room.is_private);
      ASSERT_EQ(send("anna", "PATCH " + path, body).status, 200);
    } else if (room.is_private) {
      move_member(room);
    }
  }

  void move_member(ModelRoom& room) {
    const auto& who = anyone();
    if (who == "anna" || outside_.contains(who)) return;
    if (room.members.erase(who) > 0) {
      ASSERT_LT(put_out(who, room.slug).status, 300);
    } else {
      ASSERT_EQ(let_in(who, room.slug).status, 201);
      room.members.insert(who);
    }
  }

  // Out of the organisation, and in again, without the rooms that they were in.
  void move_in_organisation() {
    const std::string who = one_in(2) ? "ben" : "carla";
    if (outside_.erase(who) > 0) {
      execute("INSERT INTO org_members (org_id, user_id, role, created_at) VALUES ($1, $2, 1, 0)",
              acme_.org.value, user(who).value);
    } else {
      execute("DELETE FROM org_members WHERE org_id = $1 AND user_id = $2", acme_.org.value,
              user(who).value);
      outside_.insert(who);
      for (auto& room : rooms_) room.members.erase(who);
    }
    changes_.tell(api::MembershipEnded{acme_.org, user(who)});
  }

  void act() {
    if (one_in(20)) skip_ids(static_cast<std::int64_t>(below(embedded() ? 100'000 : 4'000)));
    ticking_.tick = one_in(2) ? 0 : 9;
    switch (below(10)) {
      case 0:
      case 1:
        return change_rooms();
      case 2:
      case 3:
        return change_something();
      case 4:
        if (one_in(4)) return move_in_organisation();
        [[fallthrough]];
      default:
        return say_something();
    }
  }

  SearchMessages random_search() {
    SearchMessages asked;
    std::string q;
    for (auto n = below(3); n > 0; --n) {
      const auto word = kWords[below(kWords.size())];
      if (one_in(4))
        q += fmt::format("\"{} {}\" ", word, kWords[below(kWords.size())]);
      else if (one_in(3) && word.size() > 3)
        q += fmt::format("{}* ", text::first_code_points(word, 3));
      else
        q += fmt::format("{} ", word);
    }
    if (one_in(5)) q += "from:" + anyone() + ' ';
    if (one_in(5)) q += "in:" + rooms_[below(rooms_.size())].slug + ' ';
    if (one_in(6)) q += "has:reply ";
    if (one_in(6)) q += "has:link ";
    if (one_in(6)) q += "has:reaction ";
    const auto day = [&] {
      return to_rfc3339(from_millis((20'000 + static_cast<std::int64_t>(below(5))) * 86'400'000))
          .substr(0, 10);
    };
    if (one_in(6)) q += "before:" + day() + ' ';
    if (one_in(6)) q += "after:" + day() + ' ';
    if (q.empty()) q = "the";
    asked.q = json::Text<0, 200>(q);
    return asked;
  }

  bool is_found(std::string_view who, const Wanted& wanted, const ModelMessage& message) const {
    const auto& room = rooms_[message.room];
    if (message.deleted || !sees(who, room)) return false;
    if (wanted.author && *wanted.author != message.author) return false;
    if (wanted.room && *wanted.room != room.slug) return false;
    const auto at = from_millis(message.day * 86'400'000 + 5'000);
    if ((wanted.since && at < *wanted.since) || (wanted.until && at >= *wanted.until)) return false;
    if (wanted.reply && !message.reply) return false;
    if (wanted.reaction && !message.reaction) return false;
    if (wanted.link && message.body.find(kLink) == std::string::npos) return false;
    const auto words = plain_words(message.body);
    return std::ranges::all_of(wanted.terms,
                               [&](const Term& term) { return has_words(words, term); });
  }

  void search_and_compare() {
    const auto asked = random_search();
    const auto& q = asked.q->str();
    const auto wanted = *read_query(asked);
    for (const auto* who : {"anna", "ben", "carla", "mia", "dave", "key"}) {
      if (outside_.contains(who)) {
        EXPECT_EQ(ask(who, q).status, 404);
        continue;
      }
      std::vector<std::int64_t> expected;
      for (const auto& message : messages_)
        if (is_found(who, wanted, message)) expected.push_back(message.id);
      std::ranges::reverse(expected);
      EXPECT_EQ(all_ids(who, q, 1 + static_cast<int>(below(20))), expected) << who << ": " << q;
      compared_ += expected.size();
    }
  }

  SeededRandom dice_{std::get<1>(GetParam())};
  const std::vector<std::string> people_{"anna", "ben", "carla", "mia", "dave"};
  std::vector<ModelRoom> rooms_;
  std::vector<ModelMessage> messages_;
  std::set<std::string, std::less<>> outside_;
  std::size_t compared_ = 0;
};

TEST_P(ModelTest, a_search_finds_what_its_caller_could_open_and_misses_nothing) {
  for (int step = 0; step < 400 && !HasFailure(); ++step) {
    act();
    if (step % 4 == 0) search_and_compare();
    if (step % 97 == 0) {
      ASSERT_TRUE(db::run_on(executor_, service_.purge()));
      sweep();
    }
  }
  EXPECT_GT(compared_, 500U) << "there was too little to find";
  ASSERT_TRUE(db::run_on(executor_, service_.purge()));
  sweep();
  check_integrity();
  const auto live = std::ranges::count_if(messages_, [this](const ModelMessage& message) {
    return !message.deleted && !rooms_[message.room].deleted;
  });
  EXPECT_EQ(count("SELECT count(*) FROM message_index"), live);
}

std::string name_of(const testing::TestParamInfo<Run>& info) {
  return fmt::format("{}_{}", db::backend_name({std::get<0>(info.param), 0}),
                     std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest,
                         testing::Combine(testing::ValuesIn(db::present({db::Backend::sqlite,
                                                                         db::Backend::postgres})),
                                          testing::Range<std::uint64_t>(1, 5)),
                         name_of);

}  // namespace
}  // namespace indaba::search
