// GroupMapping: which group of Django's channel layer belongs to which stream, and what may pass
// between them. One is written as
//
//   GROUP STREAM [durable|ephemeral] [in=TYPE|TYPE…] [out=TYPE|TYPE…]
//
//   org-<id>   orgs/<id>/notifications   in=task.status_changed|deploy.finished
//   user-<id>  users/<id>/me
//   prices     orgs/acme/topics/prices   ephemeral in=price.changed
//   team-<slug> orgs/<slug>/topics/chatter out=said
//
// Nothing passes whose type is not named. A type goes one way: what Django says to its group,
// Django's consumers have heard.
#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::cluster {

// One stream, as a mapping names it.
struct BridgeStream {
  enum class Kind : unsigned char { notifications, topic, me };
  Kind kind = Kind::notifications;
  OrgId org;         // of notifications and topics: this, or
  std::string slug;  // this
  std::string topic;
  UserId user;  // of me

  friend bool operator==(const BridgeStream&, const BridgeStream&) = default;
};

struct GroupMapping {
  enum class Blank : unsigned char { none, id, slug };
  std::string group;  // as written; the text around the blank stands in before and after
  std::string before;
  std::string after;
  Blank blank = Blank::none;
  BridgeStream stream;  // without what stands in the blank
  bool durable = true;
  std::vector<std::string> in;   // from Django
  std::vector<std::string> out;  // to Django

  // Types where the text names none: `in` and `out`. A sentence where it cannot be.
  [[nodiscard]] static Result<GroupMapping> parse(std::string_view text,
                                                  const std::vector<std::string>& in,
                                                  const std::vector<std::string>& out);
  // The stream of a group by this name; none where it is not of this mapping.
  [[nodiscard]] std::optional<BridgeStream> stream_of(std::string_view name) const;
  // The group of a stream, of which all is known; none where it is not of this mapping.
  [[nodiscard]] std::optional<std::string> group_of(const BridgeStream& stream) const;
  // "org-*" where there is a blank.
  [[nodiscard]] std::string pattern() const;
  // The group with the blank filled in.
  [[nodiscard]] std::string group_for(std::string_view blank_text) const;
};

// What Django can take as a type: anything else ends the consumers of the group.
[[nodiscard]] bool is_django_type(std::string_view type) noexcept;

}  // namespace indaba::cluster
