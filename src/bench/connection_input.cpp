// What a connection makes of the bytes that came.
#include "bench/connection.hpp"

#include <fmt/format.h>

namespace indaba::bench {

namespace {

std::string_view view(std::span<char> bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

std::string_view Connection::take(std::span<char> bytes, std::size_t kept, std::int64_t now) {
  if (state_ == State::handshake) return take_handshake(bytes, now);
  switch (wire_.endpoint.protocol) {
    case Protocol::websocket:
      return take_frames(view(bytes), now);
    case Protocol::event_stream:
      return take_blocks(bytes, kept, now);
    case Protocol::http_post:
      break;
  }
  return take_answers(view(bytes), now);
}

std::string_view Connection::take_handshake(std::span<char> bytes, std::int64_t now) {
  AnswerHead head;
  const auto status = read_head(view(bytes), head);
  if (status == HeadStatus::incomplete) return view(bytes);
  const auto& endpoint = wire_.endpoint;
  const bool websocket = endpoint.protocol == Protocol::websocket;
  if (status == HeadStatus::broken) {
    fail("bad_answer");
  } else if (head.status != (websocket ? 101 : 200)) {
    fail(fmt::format("http_{}", head.status));
  } else if (websocket && head.accept != endpoint.accept) {
    fail("bad_accept");
  } else if (!head.extensions.empty() && !endpoint.compress) {
    fail("extension_not_offered");
  }
  if (fd_ < 0) return {};
  deflate_ = head.extensions.find("permessage-deflate") != std::string_view::npos;
  if (deflate_ && head.extensions.find("server_no_context_takeover") == std::string_view::npos) {
    fail("context_takeover");
    return {};
  }
  chunked_ = head.chunked;
  state_ = State::open;
  handler_.on_open();
  if (fd_ < 0) return {};
  return take(bytes.subspan(head.size), 0, now);
}

std::string_view Connection::take_frames(std::string_view bytes, std::int64_t now) {
  Frame frame;
  while (fd_ >= 0) {
    const auto status = take_frame(bytes, frame);
    if (status == FrameStatus::incomplete) return bytes;
    if (status == FrameStatus::broken || (frame.compressed && !deflate_)) {
      fail("bad_frame");
    } else if (frame.opcode == kPing) {
      append_frame(out_, kPong, frame.payload, static_cast<std::uint32_t>(wire_.random.next()));
      flush();
    } else if (frame.opcode == kClose) {
      const auto why = fmt::format("closed_{}", close_code(frame.payload));
      append_frame(out_, kClose, frame.payload.substr(0, 2), 0);
      flush();
      fail(why);
    } else if (frame.opcode < kClose) {
      take_message(frame, now);
    }
  }
  return {};
}

void Connection::take_message(const Frame& frame, std::int64_t now) {
  if ((frame.opcode == kContinuation) != (fragments_ != nullptr)) return fail("bad_frame");
  if (frame.final && !fragments_) return deliver(frame.payload, frame.compressed, now);
  if (!fragments_) fragments_ = std::make_unique<Fragments>(Fragments{{}, frame.compressed});
  if (fragments_->text.size() + frame.payload.size() > ReadBuffer::kMostKept)
    return fail("too_large");
  fragments_->text += frame.payload;
  if (!frame.final) return;
  const auto whole = std::exchange(fragments_, nullptr);
  deliver(whole->text, whole->compressed, now);
}

void Connection::deliver(std::string_view message, bool compressed, std::int64_t now) {
  if (!compressed) return handler_.on_message(message, now);
  const auto text = wire_.inflate.text_of(message);
  if (!text) return fail("bad_deflate");
  handler_.on_message(*text, now);
}

std::string_view Connection::take_blocks(std::span<char> bytes, std::size_t kept,
                                         std::int64_t now) {
  auto size = bytes.size();
  if (chunked_) size = kept + chunks_.decode(bytes.subspan(kept));
  auto rest = view(bytes.first(size));
  while (fd_ >= 0) {
    const auto block = take_block(rest);
    if (!block) break;
    if (!block->empty() && block->front() != ':') handler_.on_message(*block, now);
  }
  if (fd_ >= 0 && chunks_.broken()) fail("bad_chunk");
  if (fd_ >= 0 && chunks_.ended()) fail("ended");
  return fd_ >= 0 ? rest : std::string_view();
}

std::string_view Connection::take_answers(std::string_view bytes, std::int64_t now) {
  AnswerHead head;
  while (fd_ >= 0 && !bytes.empty()) {
    const auto status = read_head(bytes, head);
    if (status == HeadStatus::broken) fail("bad_answer");
    if (status != HeadStatus::complete) break;
    auto size = head.length.value_or(0);
    std::string body(bytes.substr(head.size));
    if (head.chunked) {
      // Small and seldom in parts: decoded anew each time until it is whole.
      ChunkDecoder decoder;
      const auto bytes_of_body = body.size();
      body.resize(decoder.decode(body));
      if (decoder.broken()) fail("bad_chunk");
      if (!decoder.ended()) break;
      size = bytes_of_body;  // one request at a time: nothing stands behind its answer
    } else if (body.size() < size) {
      break;
    } else {
      body.resize(size);
    }
    bytes.remove_prefix(head.size + size);
    handler_.on_answer(head.status, body, now);
  }
  return fd_ >= 0 ? bytes : std::string_view();
}

}  // namespace indaba::bench
