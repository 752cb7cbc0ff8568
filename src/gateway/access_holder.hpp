// AccessHolder: a live reader (socket, event stream, long poll) whose right to read may end while
// it lives.
//
// Lives on one loop; the loop's LoopContext tells it of every change. Whoever starts reading
// listens before it asks who may read (pending_access.hpp), so that a removal between the answer
// and its use is not missed.
#pragma once

#include "api/access_changes.hpp"
#include "auth/principal.hpp"

#include <optional>
#include <string_view>

namespace indaba::gateway {

class AccessHolder {
 public:
  virtual ~AccessHolder() = default;
  // May close the reader; must not destroy it within the call.
  virtual void on_access_change(const api::AccessChange& change) = 0;
  // The server goes down: say goodbye within the drain time.
  virtual void on_drain(std::int64_t reconnect_after_ms) = 0;
};

// Where nobody knows what changed (api::AccessUnknown), every reader goes and is let in anew, or
// not.
inline constexpr std::string_view kAskedAnew = "Access is asked for anew; connect again.";

// Why a whole reader must end, or nothing where the change is not about it (or only about some of
// its streams).
enum class AccessEnd : std::uint8_t { unauthenticated, lost };
[[nodiscard]] std::optional<AccessEnd> ends_principal(const api::AccessChange& change,
                                                      const auth::Principal& principal);

// What a reader's access to a stream depends on.
struct StreamAccess {
  StreamId id;
  OrgId org;    // none for a stream of one user, or of two
  UserId peer;  // of a conversation
};

// Does the change end this principal's right to read the stream?
enum class StreamEnd : std::uint8_t { keeps, lost, org_gone, shut_out };
[[nodiscard]] StreamEnd ends_stream(const api::AccessChange& change,
                                    const auth::Principal& principal, const StreamAccess& stream);

// May it, so that the right has to be looked up again?
[[nodiscard]] bool may_end_stream(const api::AccessChange& change, const auth::Principal& principal,
                                  const StreamAccess& stream);

// May the stream have another name now?
[[nodiscard]] bool may_rename_stream(const api::AccessChange& change, StreamId stream, OrgId org);

}  // namespace indaba::gateway
