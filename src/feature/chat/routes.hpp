// The parts of Chat::add_routes(), and what their handlers share.
#pragma once

#include "feature/chat/chat.hpp"

namespace indaba::chat {

// The room that a call's path names by its slug, or the conversation that it names by its other
// one.
template <class Body, class Query>
Place place_of(const api::Call<Body, Query>& call) {
  if (!call.org)
    return conversation_with(call.principal.user, UserId(call.path.number("user_id").value_or(0)));
  Place place;
  place.org = call.org->org;
  place.slug = std::string(call.path.text("room"));
  return place;
}

void add_talk_routes(Chat& chat, api::Endpoints& endpoints);
void add_message_routes(Chat& chat, api::Endpoints& endpoints);

}  // namespace indaba::chat
