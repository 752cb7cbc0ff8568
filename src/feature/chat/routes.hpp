// The chat's routes that stand in a file of their own.
#pragma once

#include "feature/chat/chat.hpp"

namespace indaba::chat {

// What is done to one message.
void add_message_routes(Chat& chat, api::Endpoints& endpoints);

}  // namespace indaba::chat
