#include "stream/local_hub.hpp"

#include "stream/hub_fixture.hpp"

namespace indaba::stream {
namespace {

constexpr StreamId kStream{1};

class LocalHubTest : public testing::Test {
 protected:
  LocalHubTest() { store_.create(kStream); }

  std::unique_ptr<Subscription> follow(Reader& reader, const Start& start = {},
                                       std::string_view name = "topic:news") {
    auto subscription = hub_.subscribe(reader, kStream, name, true);
    hub_.start(*subscription, start);
    return subscription;
  }
  void append(int count) {
    for (int i = 0; i < count; ++i) store_.append();
  }
  // As the writer does: committed, and the loop hears of it; each in a tick of its own.
  void publish(int count = 1) {
    for (int i = 0; i < count; ++i) tell({store_.append()});
  }
  // What one tick brings.
  void tell(const std::vector<EventPtr>& events) {
    for (const auto& event : events) hub_.on_committed(event);
    executor_.run();
  }
  std::unique_ptr<Subscription> follow_live(RecordingReader& reader) {
    auto subscription = follow(reader);
    store_.answer_all();
    EXPECT_TRUE(subscription->live());
    (void)reader.heard();
    return subscription;
  }

  ManualExecutor executor_;
  MemoryStore store_;
  Attached attached_;
  LocalHub hub_{3, executor_, store_, attached_};
  RecordingReader reader_;
};

// --- beginning
// ------------------------------------------------------------------------------------------------------------------

TEST_F(LocalHubTest, a_reader_that_asks_for_nothing_gets_what_comes_from_now_on) {
  append(2);
  const auto subscription = follow(reader_);
  EXPECT_EQ(reader_.heard(), "") << "nothing is said before the log has been asked";
  EXPECT_FALSE(subscription->started());
  store_.answer();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 2 since 2, live");
  publish(2);
  EXPECT_EQ(reader_.heard(), "3, 4");
  EXPECT_EQ(store_.asked(), 0U) << "what is live never asks the database";
  EXPECT_EQ(attached_.streams.at(kStream), 3);
}

TEST_F(LocalHubTest, since_delivers_exactly_what_came_after_it_and_goes_on_live) {
  append(5);
  const auto subscription = follow(reader_, {Seq(2), "e1", 0});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 5 since 2, 3, 4, 5, live");
  publish();
  EXPECT_EQ(reader_.heard(), "6");
}

TEST_F(LocalHubTest, since_without_an_epoch_is_taken_at_its_word) {
  append(3);
  const auto subscription = follow(reader_, {Seq(2), "", 0});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 3 since 2, 3, live");
}

TEST_F(LocalHubTest, last_delivers_the_newest_ones_and_no_more_than_are_kept) {
  append(5);
  const auto two = follow(reader_, {std::nullopt, "", 2});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 5 since 3, 4, 5, live");
  const auto many = follow(reader_, {std::nullopt, "", 100});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 5 since 0, 1, 2, 3, 4, 5, live");
  store_.trim(kStream, Seq(5));
  hub_.on_trimmed(kStream, Seq(5));
  const auto kept = follow(reader_, {std::nullopt, "", 100});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 5 since 4, 5, live");
}

TEST_F(LocalHubTest, another_epoch_resets_to_the_head) {
  append(3);
  const auto subscription = follow(reader_, {Seq(2), "e0", 0});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 3 since 3, reset epoch_changed e1 head 3, live");
}

TEST_F(LocalHubTest, what_retention_took_resets_to_the_head) {
  append(5);
  store_.trim(kStream, Seq(4));
  const auto too_old = follow(reader_, {Seq(2), "e1", 0});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 5 since 5, reset expired e1 head 5, live");
  const auto just_kept = follow(reader_, {Seq(3), "e1", 0});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 5 since 3, 4, 5, live");
}

TEST_F(LocalHubTest, who_wants_to_be_sure_gets_what_has_committed_and_is_not_heard_of_yet) {
  append(3);
  const auto first = follow_live(reader_);
  append(1);
  Start sure{Seq(3), "e1", 0};
  sure.confirm = true;
  RecordingReader page;
  const auto second = follow(page, sure);
  EXPECT_EQ(page.heard(), "") << "the log is asked";
  store_.answer_all();
  EXPECT_EQ(page.heard(), "subscribed e1 head 4 since 3, 4, live");
  EXPECT_EQ(reader_.heard(), "");
}

TEST_F(LocalHubTest, who_wants_to_be_sure_need_not_ask_where_all_that_was_answered_is_known) {
  append(3);
  const auto first = follow_live(reader_);
  Start sure{Seq(2), "e1", 0};
  sure.confirm = true;
  attached_.settled = Seq(3);
  RecordingReader page;
  const auto second = follow(page, sure);
  store_.answer_all();  // the event, not the head
  EXPECT_EQ(page.heard(), "subscribed e1 head 3 since 2, 3, live");
  append(1);
  attached_.settled = Seq(4);
  RecordingReader late;
  const auto third = follow(late, sure);
  EXPECT_EQ(late.heard(), "") << "it is on its way: the log is asked";
  store_.answer_all();
  EXPECT_EQ(late.heard(), "subscribed e1 head 4 since 2, 3, 4, live");
}

TEST_F(LocalHubTest, a_reader_is_ahead_only_of_a_log_that_was_read_after_it_asked) {
  append(3);
  const auto first = follow_live(reader_);
  append(1);  // committed, and not heard of here yet
  const auto second = follow(reader_, {Seq(4), "e1", 0});
  EXPECT_EQ(reader_.heard(), "") << "what this loop knows may be a moment old";
  store_.answer();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 4 since 4, live");
  const auto third = follow(reader_, {Seq(9), "e1", 0});
  store_.answer();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 4 since 4, reset ahead e1 head 4, live");
}

TEST_F(LocalHubTest, a_read_that_was_under_way_when_the_reader_asked_does_not_make_it_ahead) {
  append(3);
  RecordingReader other;
  const auto first = follow(other);
  store_.look();
  append(1);  // someone else delivered 4 to the reader, which now comes here
  const auto second = follow(reader_, {Seq(4), "e1", 0});
  store_.answer();
  EXPECT_EQ(other.heard(), "subscribed e1 head 3 since 3, live");
  EXPECT_EQ(reader_.heard(), "");
  store_.answer();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 4 since 4, live");
}

TEST_F(LocalHubTest, readers_that_come_together_share_one_look_at_the_log) {
  RecordingReader other;
  const auto first = follow(reader_);
  const auto second = follow(other, {Seq(0), "", 0});
  EXPECT_EQ(store_.asked(), 1U);
  store_.answer();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 0 since 0, live");
  EXPECT_EQ(other.heard(), "subscribed e1 head 0 since 0, live");
}

TEST_F(LocalHubTest, an_event_that_is_heard_of_before_the_log_was_read_is_not_forgotten) {
  append(3);
  const auto subscription = follow(reader_);
  store_.look();  // sees 3
  publish();      // 4 overtakes the answer
  store_.answer();
  // Delivery may begin on either side of it, but it may not stay behind until the next event.
  EXPECT_EQ(subscription->position(), Seq(4));
  publish();
  EXPECT_EQ(subscription->position(), Seq(5));
  EXPECT_EQ(store_.asked(), 0U);
  RecordingReader since;
  const auto resumed = follow(since, {Seq(3), "e1", 0});
  store_.answer_all();
  EXPECT_EQ(since.heard(), "subscribed e1 head 5 since 3, 4, 5, live");
}

TEST_F(LocalHubTest, a_stream_that_does_not_exist_is_gone_at_once) {
  store_.remove(kStream);
  const auto subscription = follow(reader_);
  store_.answer();
  EXPECT_EQ(reader_.heard(), "gone");
}

TEST_F(LocalHubTest, a_store_that_is_down_is_asked_again_until_it_answers) {
  append(1);
  const auto subscription = follow(reader_, {Seq(0), "", 0});
  for (int i = 0; i < 3; ++i) {
    store_.fail();
    EXPECT_EQ(store_.asked(), 0U) << "not at once: a database that is down has enough to do";
    executor_.advance(Millis(250));
    ASSERT_EQ(store_.asked(), 1U);
  }
  store_.answer();  // the state
  store_.fail();    // the page
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 1 since 0");
  executor_.advance(Millis(250));
  store_.answer();
  EXPECT_EQ(reader_.heard(), "1, live");
}

TEST_F(LocalHubTest, while_the_store_is_down_one_stream_asks_once_whoever_comes_and_goes) {
  for (int i = 0; i < 10; ++i) {
    RecordingReader passer_by;
    const auto subscription = follow(passer_by);
    if (i == 0) store_.fail();
    EXPECT_EQ(store_.asked(), 0U);
  }
  const auto subscription = follow(reader_);
  executor_.advance(Millis(250));
  EXPECT_EQ(store_.asked(), 1U);
  store_.answer();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 0 since 0, live");
}

// --- moving on
// ------------------------------------------------------------------------------------------------------------------

TEST_F(LocalHubTest, catching_up_by_pages_has_no_gap_while_new_events_are_committed) {
  append(5);
  store_.page_size = 2;
  const auto subscription = follow(reader_, {Seq(0), "", 0});
  store_.answer();
  for (int i = 0; i < 3; ++i) {
    store_.look();
    publish();  // between the snapshot and the answer
    store_.answer();
  }
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 5 since 0, 1, 2, 3, 4, 5, 6, 7, 8, live");
}

TEST_F(LocalHubTest, a_reader_that_is_a_little_behind_catches_up_from_memory) {
  const auto live = follow_live(reader_);
  publish(5);
  (void)reader_.heard();
  RecordingReader late;
  const auto subscription = follow(late, {Seq(2), "e1", 0});
  EXPECT_EQ(late.heard(), "subscribed e1 head 5 since 2, 3, 4, 5, live");
  EXPECT_EQ(store_.asked(), 0U);
}

TEST_F(LocalHubTest, a_slow_reader_misses_nothing_and_costs_no_memory_while_it_cannot_take) {
  RecordingReader quick;
  const auto other = follow_live(quick);
  const auto subscription = follow_live(reader_);
  reader_.room = 1;
  publish(4);
  EXPECT_EQ(reader_.heard(), "1");
  EXPECT_EQ(quick.heard(), "1, 2, 3, 4") << "the others do not wait for it";
  EXPECT_EQ(hub_.counters().slow, 1U);
  reader_.room = 2;
  hub_.resume(*subscription);
  EXPECT_EQ(reader_.heard(), "2, 3");
  reader_.room = 10;
  hub_.resume(*subscription);
  EXPECT_EQ(reader_.heard(), "4, live");
  publish();
  EXPECT_EQ(reader_.heard(), "5");
}

TEST_F(LocalHubTest, a_reader_that_fills_up_in_the_middle_of_a_page_reads_the_rest_again) {
  append(6);
  reader_.room = 2;
  const auto subscription = follow(reader_, {Seq(0), "", 0});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 6 since 0, 1, 2");
  reader_.room = 100;
  hub_.resume(*subscription);
  EXPECT_EQ(store_.asked_after(), Seq(2));
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "3, 4, 5, 6, live");
}

TEST_F(LocalHubTest, resuming_a_reader_that_waits_for_a_page_does_not_ask_twice) {
  append(3);
  const auto subscription = follow(reader_, {Seq(0), "", 0});
  store_.answer();
  hub_.resume(*subscription);
  EXPECT_EQ(store_.asked(), 1U);
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 3 since 0, 1, 2, 3, live");
}

TEST_F(LocalHubTest, a_gap_in_what_is_heard_is_read_from_the_log) {
  const auto subscription = follow_live(reader_);
  publish();
  append(2);  // lost on the way
  publish();
  EXPECT_EQ(reader_.heard(), "1");
  store_.answer();
  EXPECT_EQ(reader_.heard(), "2, 3, 4, live");
}

TEST_F(LocalHubTest, what_is_heard_twice_or_late_is_delivered_once) {
  const auto subscription = follow_live(reader_);
  const auto one = store_.append();
  const auto two = store_.append();
  tell({two});
  tell({one});
  tell({two});
  store_.answer_all();
  tell({one});
  EXPECT_EQ(reader_.heard(), "1, 2, live");
}

// --- several in a tick
// ----------------------------------------------------------------------------------------------------------

TEST_F(LocalHubTest, what_one_tick_brings_comes_as_one_batch_to_those_who_take_it) {
  RecordingReader singly;
  reader_.batches = true;
  const auto whole = follow_live(reader_);
  const auto one_by_one = follow_live(singly);
  tell({store_.append(), store_.append(), store_.append()});
  EXPECT_EQ(reader_.heard(), "[1, 2, 3]");
  EXPECT_EQ(singly.heard(), "1, 2, 3");
  EXPECT_EQ(whole->position(), Seq(3));
  tell({store_.append()});
  EXPECT_EQ(reader_.heard(), "[4]");
}

TEST_F(LocalHubTest, a_batch_is_cut_where_something_was_lost) {
  reader_.batches = true;
  const auto subscription = follow_live(reader_);
  const auto first = store_.append();
  append(1);  // lost on the way
  tell({first, store_.append(), store_.append()});
  EXPECT_EQ(reader_.heard(), "[1]");
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "2, 3, 4, live");
}

TEST_F(LocalHubTest, a_batch_is_bounded_so_that_a_full_reader_is_left_in_time) {
  reader_.batches = true;
  const auto subscription = follow_live(reader_);
  reader_.room = 1;  // a batch may be larger than what is left, the next one may not begin
  std::vector<EventPtr> events;
  for (int i = 0; i < 3; ++i) events.push_back(store_.append());
  const auto large = std::make_shared<Event>(*events[0]);
  large->body.append(Batch::kMaxBytes, ' ');
  tell({large, events[1], events[2]});
  EXPECT_EQ(reader_.heard(), "[1]");
  reader_.room = 9;
  hub_.resume(*subscription);
  EXPECT_EQ(reader_.heard(), "2, 3, live");
}

TEST_F(LocalHubTest, who_becomes_live_within_a_tick_gets_its_events_once) {
  const auto early = follow_live(reader_);
  RecordingReader late;
  late.batches = true;
  hub_.on_committed(store_.append());
  const auto subscription = follow(late, {Seq(0), "e1", 0});
  hub_.on_committed(store_.append());
  executor_.run();
  EXPECT_EQ(late.heard(), "subscribed e1 head 1 since 0, 1, live, 2");
  EXPECT_EQ(reader_.heard(), "1, 2");
}

TEST_F(LocalHubTest, what_a_tick_brought_before_the_stream_ended_is_delivered_before_its_end) {
  reader_.batches = true;
  const auto subscription = follow_live(reader_);
  hub_.on_committed(store_.append());
  hub_.on_closed(kStream);
  executor_.run();
  EXPECT_EQ(reader_.heard(), "[1], gone");
}

TEST_F(LocalHubTest, a_head_that_nobody_told_of_is_caught_up_with) {
  const auto subscription = follow_live(reader_);
  append(2);
  hub_.on_head(kStream, {"e1", Seq(2)});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "1, 2, live");
  hub_.on_head(kStream, {"e1", Seq(1)});
  EXPECT_EQ(store_.asked(), 0U);
}

TEST_F(LocalHubTest, a_head_that_is_told_while_an_older_state_is_read_is_not_forgotten) {
  const auto subscription = follow(reader_, {Seq(0), "e1", 0});
  store_.look();  // the state before the first event
  append(1);      // lost on the way
  hub_.on_head(kStream, {"e1", Seq(1)});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 1 since 0, 1, live");
}

TEST_F(LocalHubTest, a_late_word_of_an_event_that_was_deleted_does_not_bring_it_back) {
  const auto subscription = follow_live(reader_);
  const auto deleted = store_.append();
  hub_.on_head(kStream, {"e1", Seq(1)});
  store_.answer_all();
  hub_.on_rewritten(kStream);
  tell({deleted});
  RecordingReader late;
  const auto other = follow(late, {Seq(0), "e1", 0});
  EXPECT_EQ(store_.asked(), 1U) << "it is read from the log";
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "1, live");
}

TEST_F(LocalHubTest, a_head_of_another_epoch_resets_the_live_ones) {
  const auto subscription = follow_live(reader_);
  hub_.on_head(kStream, {"e2", Seq(7), Seq(1)});
  EXPECT_EQ(reader_.heard(), "reset epoch_changed e2 head 7");
}

TEST_F(LocalHubTest, a_head_that_another_readers_page_has_told_moves_the_live_ones_too) {
  const auto live = follow_live(reader_);
  append(2);  // lost on the way
  RecordingReader late;
  const auto other = follow(late, {Seq(2), "e1", 0});
  store_.answer_all();
  EXPECT_EQ(late.heard(), "subscribed e1 head 2 since 2, live");
  EXPECT_EQ(reader_.heard(), "");
  hub_.on_head(kStream, {"e1", Seq(2)});
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "1, 2, live");
}

TEST_F(LocalHubTest, a_store_that_lags_behind_what_was_heard_is_not_asked_without_a_pause) {
  const auto subscription = follow_live(reader_);
  hub_.on_head(kStream, {"e1", Seq(1)});
  store_.answer();
  EXPECT_EQ(store_.asked(), 0U);
  append(1);
  executor_.advance(Millis(250));
  store_.answer();
  EXPECT_EQ(reader_.heard(), "1, live");
}

TEST_F(LocalHubTest, a_reader_that_retention_overtakes_is_told_so) {
  append(6);
  store_.page_size = 2;
  const auto subscription = follow(reader_, {Seq(0), "", 0});
  store_.answer();
  store_.answer();
  store_.trim(kStream, Seq(5));
  hub_.on_trimmed(kStream, Seq(5));
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 6 since 0, 1, 2, reset expired e1 head 6, live");
  publish();
  EXPECT_EQ(reader_.heard(), "7");
}

TEST_F(LocalHubTest, what_is_expired_is_not_served_from_memory_where_a_head_alone_tells_of_it) {
  RecordingReader slow;
  const auto first = follow_live(reader_);
  const auto second = follow_live(slow);
  slow.room = 0;
  publish(6);
  store_.trim(kStream, Seq(5));
  hub_.on_head(kStream, {"e1", Seq(6), Seq(5)});
  slow.room = 10;
  hub_.resume(*second);
  store_.answer_all();
  EXPECT_EQ(slow.heard(), "reset expired e1 head 6, live");
  const auto late = follow(slow, {Seq(2), "e1", 0});
  store_.answer_all();
  EXPECT_EQ(slow.heard(), "subscribed e1 head 6 since 6, reset expired e1 head 6, live");
}

TEST_F(LocalHubTest, a_new_epoch_resets_everyone_who_follows_the_stream) {
  RecordingReader slow;
  RecordingReader behind;
  append(4);
  const auto live = follow_live(reader_);
  const auto waiting = follow_live(slow);
  slow.room = 0;
  publish();
  EXPECT_EQ(reader_.heard(), "5");
  const auto reading = follow(behind, {Seq(1), "e1", 0});
  const auto also_reading = follow(behind, {Seq(3), "e1", 0});
  (void)behind.heard();
  ASSERT_EQ(store_.asked(), 2U);
  store_.remove(kStream);
  store_.create(kStream, "e2");
  append(2);
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "reset epoch_changed e2 head 2");
  EXPECT_EQ(slow.heard(), "reset epoch_changed e2 head 2");
  EXPECT_EQ(behind.heard(),
            "reset epoch_changed e2 head 2, reset epoch_changed e2 head 2, live, live");
  slow.room = 10;
  hub_.resume(*waiting);
  publish();
  EXPECT_EQ(reader_.heard(), "3");
  EXPECT_EQ(slow.heard(), "live, 3");
  EXPECT_EQ(behind.heard(), "3, 3");
}

TEST_F(LocalHubTest, a_page_of_the_old_epoch_that_comes_late_is_not_believed) {
  append(4);
  RecordingReader other;
  const auto first = follow(reader_, {Seq(1), "e1", 0});
  const auto second = follow(other, {Seq(1), "e1", 0});
  store_.answer();
  ASSERT_EQ(store_.asked(), 2U);
  (void)reader_.heard();
  (void)other.heard();
  store_.look();
  auto old = [&] {
    store_.remove(kStream);
    store_.create(kStream, "e2");
    append(1);
  };
  old();
  // The second reader's page is of the new epoch and is answered first.
  store_.rotate();
  store_.answer();
  EXPECT_EQ(reader_.heard(), "reset epoch_changed e2 head 1");
  store_.answer();
  EXPECT_EQ(reader_.heard(), "live");
  publish();
  EXPECT_EQ(reader_.heard(), "2");
  EXPECT_EQ(other.heard(), "reset epoch_changed e2 head 1, live, 2");
}

// --- ending
// ---------------------------------------------------------------------------------------------------------------------

TEST_F(LocalHubTest, a_closed_stream_says_so_once_and_nothing_follows) {
  append(3);
  RecordingReader behind;
  const auto live = follow_live(reader_);
  const auto reading = follow(behind, {Seq(0), "e1", 0});
  (void)behind.heard();
  store_.look();  // the page was read before the stream went
  hub_.on_closed(kStream);
  EXPECT_EQ(reader_.heard(), "gone");
  EXPECT_EQ(behind.heard(), "gone");
  store_.answer_all();
  publish();
  hub_.on_closed(kStream);
  hub_.resume(*live);
  EXPECT_EQ(reader_.heard(), "");
  EXPECT_EQ(behind.heard(), "");
}

TEST_F(LocalHubTest, a_stream_that_closed_while_it_was_being_read_is_not_taken_for_alive) {
  append(1);
  const auto early = follow(reader_);
  store_.look();
  hub_.on_closed(kStream);
  store_.remove(kStream);
  EXPECT_EQ(reader_.heard(), "gone");
  RecordingReader late;
  const auto subscription = follow(late);
  store_.answer_all();
  EXPECT_EQ(late.heard(), "gone");
}

TEST_F(LocalHubTest,
       a_page_that_comes_after_its_reader_left_is_dropped_even_if_its_place_is_taken_again) {
  append(3);
  auto first = follow(reader_, {Seq(0), "", 0});
  store_.answer();
  first.reset();
  RecordingReader next;
  const auto second = follow(next);  // gets the same slot
  (void)reader_.heard();
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "");
  EXPECT_EQ(next.heard(), "subscribed e1 head 3 since 3, live");
  EXPECT_EQ(hub_.subscriptions(), 1U);
}

TEST_F(LocalHubTest, a_reader_may_leave_before_the_log_was_read) {
  auto subscription = follow(reader_);
  subscription.reset();
  store_.answer_all();
  EXPECT_EQ(reader_.heard(), "");
}

TEST_F(LocalHubTest, answers_and_retries_that_come_after_the_hub_is_gone_are_dropped) {
  {
    LocalHub hub(0, executor_, store_, attached_);
    RecordingReader reader;
    for (const auto id : {StreamId(1), StreamId(2), StreamId(3)}) {
      store_.create(id);
      auto subscription = hub.subscribe(reader, id, "name", true);
      hub.start(*subscription, {});
      if (id == StreamId(1)) store_.fail();
    }
  }
  store_.answer_all();
  executor_.advance(Millis(1'000));
  EXPECT_EQ(store_.asked(), 0U);
}

TEST_F(LocalHubTest, one_of_many_live_readers_leaves_and_the_others_stay) {
  std::array<RecordingReader, 4> readers;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (auto& reader : readers) subscriptions.push_back(follow_live(reader));
  subscriptions[1].reset();
  publish();
  subscriptions[3].reset();
  publish();
  EXPECT_EQ(readers[0].heard(), "1, 2");
  EXPECT_EQ(readers[1].heard(), "");
  EXPECT_EQ(readers[2].heard(), "1, 2");
  EXPECT_EQ(readers[3].heard(), "1");
}

TEST_F(LocalHubTest, a_stream_without_readers_is_kept_for_a_while_and_then_forgotten) {
  auto subscription = follow_live(reader_);
  publish();
  subscription.reset();
  executor_.advance(LocalHub::kLinger);
  hub_.sweep();
  EXPECT_EQ(hub_.streams(), 1U);
  publish();
  RecordingReader back;
  subscription = follow(back, {Seq(0), "e1", 0});
  EXPECT_EQ(back.heard(), "subscribed e1 head 2 since 0, 1, 2, live") << "from memory";
  executor_.advance(LocalHub::kLinger * 2);
  hub_.sweep();
  EXPECT_EQ(hub_.streams(), 1U) << "it is in use";
  subscription.reset();
  executor_.advance(LocalHub::kLinger + Millis(1));
  hub_.sweep();
  EXPECT_EQ(hub_.streams(), 0U);
  EXPECT_TRUE(attached_.streams.empty());
  publish();
  hub_.on_trimmed(kStream, Seq(2));
  hub_.on_head(kStream, {"e1", Seq(9)});
  hub_.on_closed(kStream);
}

// --- what is stale at once
// ------------------------------------------------------------------------------------------------------

class EphemeralTest : public LocalHubTest {
 protected:
  void wave() {
    hub_.on_ephemeral(
        std::make_shared<const Event>(Event{kStream, Seq{}, WallTime(Millis(0)), "typing", ""}));
    executor_.run();
  }
};

TEST_F(EphemeralTest, only_live_readers_with_room_get_it_and_it_moves_no_position) {
  append(3);
  RecordingReader behind;
  RecordingReader full;
  const auto live = follow_live(reader_);
  const auto filled = follow_live(full);
  const auto reading = follow(behind, {Seq(0), "e1", 0});
  full.room = 0;
  wave();
  EXPECT_EQ(reader_.heard(), "ephemeral");
  EXPECT_EQ(full.heard(), "");
  EXPECT_EQ(behind.heard(), "subscribed e1 head 3 since 0");
  EXPECT_EQ(live->position(), Seq(3));
  publish();
  EXPECT_EQ(reader_.heard(), "4");
}

TEST_F(EphemeralTest, a_stream_that_keeps_nothing_is_always_live) {
  auto subscription = hub_.subscribe(reader_, kStream, "cursor", false);
  hub_.start(*subscription, {Seq(7), "e1", 0});
  store_.answer();
  EXPECT_EQ(reader_.heard(), "subscribed e1 head 0 since 0, live");
  EXPECT_FALSE(subscription->durable());
  wave();
  EXPECT_EQ(reader_.heard(), "ephemeral");
  reader_.room = 0;
  wave();
  reader_.room = 5;
  wave();
  EXPECT_EQ(reader_.heard(), "ephemeral") << "what could not be taken is dropped, and that is all";
}

}  // namespace
}  // namespace indaba::stream
