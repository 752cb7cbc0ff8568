// PendingAccess: hears what changes about access while a right to read is being looked up, so that
// a removal between the answer and its use is not missed. Lives on the stack of a coroutine, on one
// loop.
#pragma once

#include "api/stream_names.hpp"
#include "gateway/loop_context.hpp"

#include <vector>

namespace indaba::gateway {

class PendingAccess final : public AccessHolder {
 public:
  explicit PendingAccess(LoopContext& context) : context_(context) { context_.add(*this); }
  ~PendingAccess() override { context_.remove(*this); }
  PendingAccess(const PendingAccess&) = delete;
  PendingAccess& operator=(const PendingAccess&) = delete;

  void on_access_change(const api::AccessChange& change) override { missed_.push_back(change); }
  void on_drain(std::int64_t) override {}

  [[nodiscard]] const std::vector<api::AccessChange>& missed() const noexcept { return missed_; }
  [[nodiscard]] bool lost(const auth::Principal& principal) const {
    for (const auto& change : missed_)
      if (ends_principal(change, principal)) return true;
    return false;
  }
  [[nodiscard]] bool lost(const auth::Principal& principal,
                          const api::ResolvedStream& stream) const {
    if (lost(principal)) return true;
    for (const auto& change : missed_) {
      const StreamAccess followed{stream.id, stream.org, stream.peer};
      if (ends_stream(change, principal, followed) != StreamEnd::keeps) return true;
      if (may_end_stream(change, principal, followed)) return true;
    }
    return false;
  }

 private:
  LoopContext& context_;
  std::vector<api::AccessChange> missed_;
};

}  // namespace indaba::gateway
