// GatedStore: a store that answers nothing while the gate is shut, but for one stream.
//
// A node that cannot know whose access has ended must not hand on what it reads (the one stream is
// where it learns that). Readers that wait for a page ask again by themselves until the gate opens,
// so nothing is lost.
#pragma once

#include "base/executor.hpp"
#include "stream/store.hpp"

#include <functional>
#include <memory>

namespace indaba::stream {

class GatedStore final : public Store {
 public:
  // `store` outlives this; `open` is asked on any loop.
  GatedStore(Store& store, StreamId always, std::function<bool()> open)
      : store_(store),
        always_(always),
        open_(std::make_shared<const std::function<bool()>>(std::move(open))) {}

  void read_after(StreamId stream, Seq after, PageLimit limit, OnPage on_page) override {
    if (stream == always_) return store_.read_after(stream, after, limit, std::move(on_page));
    if (!(*open_)()) return refuse(std::move(on_page));
    store_.read_after(stream, after, limit, gated(std::move(on_page)));
  }
  void read_newest(StreamId stream, PageLimit limit, OnPage on_page) override {
    if (stream == always_) return store_.read_newest(stream, limit, std::move(on_page));
    if (!(*open_)()) return refuse(std::move(on_page));
    store_.read_newest(stream, limit, gated(std::move(on_page)));
  }

 private:
  [[nodiscard]] static Error shut() {
    return Error(ErrorKind::unavailable, "It is not known whose access has ended.");
  }
  static void refuse(OnPage on_page) {
    Executor::current()->post([on_page = std::move(on_page)]() mutable { on_page(shut()); });
  }
  // Asked again when the page is there: that may take seconds, and much may have ended in them.
  [[nodiscard]] OnPage gated(OnPage on_page) const {
    return [gate = std::weak_ptr(open_), on_page = std::move(on_page)](Result<Page> page) mutable {
      const auto open = gate.lock();
      on_page(open && (*open)() ? std::move(page) : Result<Page>(shut()));
    };
  }

  Store& store_;
  const StreamId always_;
  const std::shared_ptr<const std::function<bool()>> open_;
};

}  // namespace indaba::stream
