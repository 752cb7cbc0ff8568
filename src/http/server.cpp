#include "http/server.hpp"

#include "base/check.hpp"
#include "http/problem.hpp"
#include "http/serializer.hpp"

namespace indaba::http {

namespace {

// Bytes of the next requests that are read ahead while one is served; then the socket waits.
constexpr std::size_t kMaxPending = 64 * 1024;

}  // namespace

HttpProtocol::HttpProtocol(net::Connection& connection, const Server& server)
    : connection_(connection),
      server_(server),
      parser_(server.settings.parser),
      link_(std::make_shared<Link>(Link{this})) {
  enter(Phase::head);  // the clock runs from accept
}

HttpProtocol::~HttpProtocol() {
  if (link_) link_->protocol = nullptr;
}

void HttpProtocol::enter(Phase phase) {
  phase_ = phase;
  const auto& settings = server_.settings;
  switch (phase) {
    case Phase::idle:
      return connection_.arm_timer(settings.idle_timeout);
    case Phase::head:
      return connection_.arm_timer(settings.head_timeout);
    case Phase::body:
      return connection_.arm_timer(settings.body_timeout);
    case Phase::handling:
      return connection_.disarm_timer();
    case Phase::writing:
      return connection_.arm_timer(settings.write_timeout);
  }
}

void HttpProtocol::on_timer() {
  switch (phase_) {
    case Phase::idle:
      return connection_.close_after_flush();
    case Phase::head:
      if (!parser_.started()) return connection_.close_after_flush();
      return refuse(408, "The request took too long.");
    case Phase::body:
      return refuse(408, "The request took too long.");
    case Phase::handling:
      return;
    case Phase::writing:
      if (connection_.loop().now() - connection_.last_progress() >= server_.settings.write_timeout)
        return connection_.abort();
      return enter(Phase::writing);
  }
}

void HttpProtocol::on_closed() {
  if (link_) link_->protocol = nullptr;
}

void HttpProtocol::on_bytes(std::span<char> bytes) {
  pending_.append(bytes.data(), bytes.size());
  if (phase_ == Phase::handling || phase_ == Phase::writing) {
    if (pending_.size() >= kMaxPending) connection_.pause_reading();
    return;
  }
  read_on();
}

void HttpProtocol::read_on() {
  while (!pending_.empty() && !connection_.closing()) {
    if (phase_ == Phase::idle) enter(Phase::head);
    const auto taken = parser_.feed(pending_);
    pending_.erase(0, taken);
    switch (parser_.state()) {
      case RequestParser::State::need_more:
        return;
      case RequestParser::State::headers_done:
        if (!start_body()) return;
        break;
      case RequestParser::State::complete:
        return serve(parser_.take());
      case RequestParser::State::error:
        return refuse(parser_.error().status, parser_.error().sentence);
    }
  }
}

bool HttpProtocol::start_body() {
  const auto length = parser_.content_length();
  if (length && *length > server_.settings.parser.body_bytes) {
    refuse(413, "The request's body is too large.");
    return false;
  }
  if (parser_.expects_continue()) connection_.send(net::Frame::of(kContinue));
  enter(Phase::body);
  return true;
}

void HttpProtocol::serve(Request request) {
  server_.settings.proxies.apply(request, connection_.peer_address(), connection_.secure());
  head_request_ = request.method == Method::head;
  keep_alive_ = request.keep_alive;
  secure_ = request.secure;
  version_minor_ = request.version_minor;
  enter(Phase::handling);
  spawn(run(link_, server_, std::move(request)));
}

Task<void> HttpProtocol::run(std::shared_ptr<Link> link, const Server& server, Request request) {
  auto handling = server.handler(std::move(request));
  Response response = co_await handling;
  if (link->protocol == nullptr) co_return;
  if (response.take_over)
    link->protocol->hand_over(std::move(response));
  else
    link->protocol->respond(std::move(response));
}

std::string HttpProtocol::date_now() const {
  return format_http_date(
      std::chrono::duration_cast<std::chrono::seconds>(server_.clock.wall().time_since_epoch())
          .count());
}

void HttpProtocol::respond(Response response) {
  const auto date = date_now();
  std::string out;
  append_response(out, response,
                  {.head_request = head_request_,
                   .version_minor = version_minor_,
                   .keep_alive = keep_alive_,
                   .secure = secure_,
                   .date = date});
  connection_.send(net::Frame::of(out));
  keep_alive_ = keep_alive_ && !response.close;
  if (response.pieces && response.pieces->length > 0 && !head_request_) {
    pieces_ = std::move(response.pieces);
    return enter(Phase::writing);
  }
  all_sent();
}

// Behind the last byte of a response.
void HttpProtocol::all_sent() {
  if (!keep_alive_) return connection_.close_after_flush(server_.settings.write_timeout);
  enter(Phase::writing);
}

Task<void> HttpProtocol::fetch(std::shared_ptr<Link> link, Task<Result<std::string>> fetching) {
  Result<std::string> piece = Error::internal("no piece came");
  try {
    piece = co_await fetching;
  } catch (const std::exception& failure) {
    piece = Error::internal(failure.what());
  }
  if (link->protocol != nullptr) link->protocol->send_piece(std::move(piece));
}

void HttpProtocol::send_piece(Result<std::string> piece) {
  // The head is out already: only the end of the connection can say that this is not all.
  if (!piece || piece->empty() || piece->size() > pieces_->length) return connection_.abort();
  pieces_->length -= piece->size();
  connection_.send(net::Frame::of(*piece));
  if (pieces_->length > 0) return enter(Phase::writing);
  all_sent();
}

void HttpProtocol::on_drained() {
  if (phase_ != Phase::writing) return;
  if (pieces_ && pieces_->length > 0) {
    enter(Phase::handling);
    return spawn(fetch(link_, pieces_->next()));
  }
  pieces_.reset();
  enter(Phase::idle);
  if (pending_.size() >= kMaxPending) connection_.resume_reading();
  read_on();
}

void HttpProtocol::refuse(int status, std::string_view sentence) {
  auto response = server_.refusal(status, sentence);
  response.close = true;  // where the next request would start is not known
  keep_alive_ = false;
  respond(std::move(response));
}

void HttpProtocol::hand_over(Response response) {
  auto take_over = std::move(response.take_over);
  auto early =
      std::move(pending_);  // what the client sent behind its request belongs to the next protocol
  connection_.disarm_timer();
  link_->protocol = nullptr;
  auto& connection = connection_;
  if (response.status != 101) {  // an upgrade writes its own head
    const auto date = date_now();
    std::string head;
    append_stream_head(
        head, response,
        {.version_minor = version_minor_, .keep_alive = false, .secure = secure_, .date = date});
    connection.send(net::Frame::of(head));
  }
  take_over(&connection);
  connection.deliver(early);
}

}  // namespace indaba::http
