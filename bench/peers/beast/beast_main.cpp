// bench_beast: a plain Boost.Beast server, written as its examples are: one thread, one
// asynchronous operation after the other on each connection. What a connection to /pub sends, every
// other connection gets.
//
// Beast writes one message a write, so a session keeps a queue; a message is shared by all queues.
#include <csignal>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using Message = std::shared_ptr<const std::string>;

class Session;
using Readers = std::unordered_set<Session*>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Readers& readers) : stream_(std::move(socket)), readers_(readers) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { readers_.erase(this); }

  void start() {
    http::async_read(stream_.next_layer(), buffer_, request_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) self->accept();
                     });
  }

  void send(Message message) {
    queue_.push_back(std::move(message));
    if (queue_.size() == 1) write();
  }

 private:
  void accept() {
    publishes_ = request_.target() == "/pub";
    stream_.async_accept(request_, [self = shared_from_this()](beast::error_code error) {
      if (error) return;
      self->request_ = {};
      if (!self->publishes_) self->readers_.insert(self.get());
      self->read();
    });
  }

  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error) return self->readers_.erase(self.get()), void();
      if (self->publishes_) self->publish();
      self->buffer_.consume(self->buffer_.size());
      self->read();
    });
  }

  void publish() {
    const auto message =
        std::make_shared<const std::string>(beast::buffers_to_string(buffer_.data()));
    for (Session* reader : readers_) reader->send(message);
  }

  void write() {
    stream_.text(true);
    stream_.async_write(asio::buffer(*queue_.front()),
                        [self = shared_from_this()](beast::error_code error, std::size_t) {
                          if (error) return self->readers_.erase(self.get()), void();
                          self->queue_.pop_front();
                          if (!self->queue_.empty()) self->write();
                        });
  }

  websocket::stream<tcp::socket> stream_;
  Readers& readers_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  std::deque<Message> queue_;
  bool publishes_ = false;
};

class Listener {
 public:
  Listener(asio::io_context& loop, unsigned short port) : acceptor_(loop) {
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(4096);
  }

  void accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (!acceptor_.is_open()) return;
      if (!error) {
        beast::error_code ignored;
        (void)socket.set_option(tcp::no_delay(true), ignored);
        std::make_shared<Session>(std::move(socket), readers_)->start();
      }
      accept();
    });
  }

  [[nodiscard]] unsigned short port() const { return acceptor_.local_endpoint().port(); }

 private:
  tcp::acceptor acceptor_;
  Readers readers_;
};

}  // namespace

int main(int count, char** words) {
  const int port = count == 3 && std::string_view(words[1]) == "--port" ? std::atoi(words[2]) : 0;
  asio::io_context loop(1);
  try {
    Listener listener(loop, static_cast<unsigned short>(port));
    listener.accept();
    asio::signal_set stop(loop, SIGTERM, SIGINT);
    stop.async_wait([&loop](beast::error_code, int) { loop.stop(); });
    std::cout << "listening on ws://127.0.0.1:" << listener.port() << std::endl;
    loop.run();
    std::cout.flush();
    std::_Exit(0);  // sessions end with the process
  } catch (const std::exception& error) {
    std::cerr << "bench_beast: " << error.what() << '\n';
    return 1;
  }
}
