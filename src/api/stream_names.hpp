// StreamNames: from the name that a reader uses ("orgs/acme/notifications") to the stream behind
// it, if the reader may have it.
//
// Features register their patterns at start-up; sockets, server-sent events and long polls ask
// here, so that who may read a stream is decided in one place. A name that is unknown and one that
// is not for the caller are the same ErrorKind::not_found.
#pragma once

#include "api/call.hpp"
#include "auth/principal.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "http/router.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::api {

struct ResolvedStream {
  StreamId id;
  OrgId org;             // none for a stream of one user, or of two
  std::string org_slug;  // as the organisation is called now
  std::string name;      // as asked, without slashes at its ends
  bool durable = true;   // false: nothing is kept, `head` stays 0 and `since` means nothing
  UserId peer = {};      // of a conversation: the one whom the reader has it with
};

class StreamNames {
 public:
  // What a resolver finds: everything but the name. `params` are the pattern's.
  using Resolver = std::function<Task<Result<ResolvedStream>>(auth::Principal, PathParams params)>;

  // At start-up: names.add("orgs/{org}/notifications", resolver).
  void add(std::string_view pattern, Resolver resolver);
  // `name` may have slashes at its ends, as it has in a URL.
  Task<Result<ResolvedStream>> resolve(auth::Principal principal, std::string name) const;

  // What the stream is called now; none where it is not one of the feature's, or gone.
  using Namer = std::function<Task<Result<std::optional<std::string>>>(StreamId, OrgId)>;
  // At start-up, by features whose streams' names can change.
  void add_namer(Namer namer) { namers_.push_back(std::move(namer)); }
  // On a loop; asks the database.
  Task<Result<std::optional<std::string>>> name_now(StreamId id, OrgId org) const;
  // A stream that the reader had by this name before: it stays the same one where its name is
  // another today. Its reader keeps the name, unless another stream has it now. Where it is gone,
  // the name means whatever has it: the reader learns by the epoch that it is not the same one.
  Task<Result<ResolvedStream>> resolve_again(auth::Principal principal, std::string name,
                                             StreamId id, OrgId org) const;
  [[nodiscard]] const std::vector<std::string>& patterns() const noexcept { return patterns_; }

 private:
  http::Router router_;
  std::vector<Resolver> resolvers_;
  std::vector<std::string> patterns_;
  std::vector<Namer> namers_;
};

}  // namespace indaba::api
