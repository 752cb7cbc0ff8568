// GatedStore: a store that answers nothing while the gate is shut, but for one stream.
//
// A node that cannot know whose access has ended must not hand on what it reads (the one stream is
// where it learns that). Readers that wait for a page ask again by themselves until the gate opens,
// so nothing is lost.
#pragma once

#include "base/executor.hpp"
#include "stream/store.hpp"

#include <functional>

namespace indaba::stream {

class GatedStore final : public Store {
 public:
  // `store` outlives this; `open` is asked on any loop.
  GatedStore(Store& store, StreamId always, std::function<bool()> open)
      : store_(store), always_(always), open_(std::move(open)) {}

  void read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) override {
    if (passes(stream)) return store_.read_after(stream, after, limit, std::move(on_page));
    refuse(std::move(on_page));
  }
  void read_newest(StreamId stream, PageLimit limit, OnPage on_page) override {
    if (passes(stream)) return store_.read_newest(stream, limit, std::move(on_page));
    refuse(std::move(on_page));
  }

 private:
  [[nodiscard]] bool passes(StreamId stream) const { return stream == always_ || open_(); }
  static void refuse(OnPage on_page) {
    Executor::current()->post([on_page = std::move(on_page)]() mutable {
      on_page(Error(ErrorKind::unavailable, "It is not known whose access has ended."));
    });
  }

  Store& store_;
  const StreamId always_;
  const std::function<bool()> open_;
};

}  // namespace indaba::stream
