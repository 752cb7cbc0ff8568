#include "stream/gated_store.hpp"

#include "stream/hub_fixture.hpp"

namespace indaba::stream {
namespace {

constexpr StreamId kAccess{9};

class GatedStoreTest : public testing::Test {
 protected:
  GatedStoreTest() {
    for (const auto id : {StreamId(1), kAccess}) {
      store_.create(id);
      store_.append(id);
    }
  }
  // As a loop asks; "none" as long as there is no answer.
  void ask(StreamId stream) {
    told_ = "none";
    executor_.post([this, stream] {
      gated_.read_after(stream, Seq(0), {}, [this](const Result<Page>& page) {
        told_ = page ? std::to_string(page->events.size()) : "refused";
      });
    });
    executor_.run();
  }

  ManualExecutor executor_;
  MemoryStore store_;
  bool open_ = true;
  GatedStore gated_{store_, kAccess, [this] { return open_; }};
  std::string told_;
};

TEST_F(GatedStoreTest, answers_while_the_gate_is_open) {
  ask(StreamId(1));
  store_.answer_all();
  EXPECT_EQ(told_, "1");
}

TEST_F(GatedStoreTest, asks_nothing_while_it_is_shut_but_of_the_one_stream) {
  open_ = false;
  ask(StreamId(1));
  EXPECT_EQ(told_, "refused");
  ask(kAccess);
  store_.answer_all();
  EXPECT_EQ(told_, "1");
}

TEST_F(GatedStoreTest, a_page_that_was_asked_for_before_the_gate_shut_is_not_handed_on_behind_it) {
  ask(StreamId(1));
  open_ = false;
  store_.answer_all();
  EXPECT_EQ(told_, "refused");
}

}  // namespace
}  // namespace indaba::stream
