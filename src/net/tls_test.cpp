#include "net/tls.hpp"

#include "net/net_fixture.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace indaba::net {
namespace {

using namespace std::chrono_literals;

// A certificate that signs itself, for a name, in two files.
void make_certificate(const std::filesystem::path& folder, const std::string& name) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3'600);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  X509_sign(cert.get(), key.get(), EVP_sha256());
  const std::unique_ptr<FILE, decltype(&std::fclose)> cert_file(
      std::fopen((folder / "cert.pem").c_str(), "w"), std::fclose);
  PEM_write_X509(cert_file.get(), cert.get());
  const std::unique_ptr<FILE, decltype(&std::fclose)> key_file(
      std::fopen((folder / "key.pem").c_str(), "w"), std::fclose);
  PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

class TlsClient {
 public:
  explicit TlsClient(ClientSocket& socket)
      : context_(SSL_CTX_new(TLS_client_method())), ssl_(SSL_new(context_)) {
    SSL_set_fd(ssl_, socket.fd());
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    ERR_clear_error();
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connect() { return SSL_connect(ssl_) == 1; }
  void send(std::string_view bytes) {
    SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string read(std::size_t size) {
    std::string got(size, '\0');
    std::size_t used = 0;
    while (used < size) {
      const int count = SSL_read(ssl_, got.data() + used, static_cast<int>(size - used));
      if (count <= 0) {
        ended_well = SSL_get_error(ssl_, count) == SSL_ERROR_ZERO_RETURN;
        break;
      }
      used += static_cast<std::size_t>(count);
    }
    got.resize(used);
    return got;
  }
  std::string peer_name() {
    const std::unique_ptr<X509, decltype(&X509_free)> cert(SSL_get1_peer_certificate(ssl_),
                                                           X509_free);
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert.get()), NID_commonName, name.data(),
                              name.size());
    return name.data();
  }
  SSL* ssl() { return ssl_; }

  bool ended_well = false;

 private:
  SSL_CTX* context_;
  SSL* ssl_;
};

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    // For the client's end; the loop sees to itself.
    sigset_t broken_pipe;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    std::string name = (std::filesystem::temp_directory_path() / "indaba-tls-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    make_certificate(folder_, "first.example");
    tls_ = *TlsContext::load(folder_ / "cert.pem", folder_ / "key.pem");
  }
  ~TlsTest() override {
    sockets_.client.close();
    EXPECT_TRUE(eventually(thread_, [this] { return thread_.loop.connections == 0; }));
    std::filesystem::remove_all(folder_);
  }
  void adopt() {
    connection_ = thread_.call([this] {
      auto& made = Connection::adopt(thread_.loop, sockets_.server, tls_->accept(sockets_.server),
                                     "127.0.0.1");
      made.set_protocol(std::make_unique<Recording>(record_));
      return &made;
    });
  }

  std::filesystem::path folder_;
  std::unique_ptr<TlsContext> tls_;
  Record record_;
  SocketPair sockets_ = make_pair_on_loopback();
  LoopThread thread_;
  Connection* connection_ = nullptr;
};

TEST_F(TlsTest, bytes_go_both_ways_and_what_was_queued_before_the_handshake_leaves_after_it) {
  adopt();
  EXPECT_TRUE(connection_->secure());
  thread_.call([&] { connection_->send(Frame::of("welcome")); });
  TlsClient client(sockets_.client);
  ASSERT_TRUE(client.connect());
  EXPECT_EQ(client.read(7), "welcome");
  client.send("hello");
  EXPECT_TRUE(eventually(thread_, [&] { return record_.received == "hello"; }));
}

TEST_F(TlsTest, a_large_transfer_of_small_and_large_frames_arrives_whole_at_a_slow_reader) {
  adopt();
  const auto all = pattern(2'000'000);
  TlsClient client(sockets_.client);
  ASSERT_TRUE(client.connect());
  thread_.call([&] {
    std::size_t size = 1;
    for (std::size_t at = 0; at < all.size(); at += size, size = size * 7 % 40'009)
      connection_->send(Frame::of(std::string_view(all).substr(at, size)));
    EXPECT_EQ(connection_->queued(), all.size());
    connection_->close_after_flush();
  });
  std::string got;
  for (int i = 0; i < 20; ++i) {
    got += client.read(1'000);
    std::this_thread::sleep_for(1ms);
  }
  got += client.read(all.size());
  EXPECT_EQ(got, all);
  EXPECT_TRUE(client.ended_well) << "with close_notify, so that nobody can cut the end off";
}

TEST_F(TlsTest, frames_that_are_added_while_a_write_is_blocked_change_nothing_before_them) {
  adopt();
  TlsClient client(sockets_.client);
  ASSERT_TRUE(client.connect());
  const auto all = pattern(1'000'000);
  std::size_t sent = 0;
  for (int i = 0; i < 1'000; ++i) {
    thread_.call([&] { connection_->send(Frame::of(std::string_view(all).substr(sent, 1'000))); });
    sent += 1'000;
  }
  EXPECT_EQ(client.read(all.size()), all);
}

// What TLS has encrypted already must leave next, whatever is dropped: other bytes in its place
// would be skipped, or end it.
TEST_F(TlsTest, discarding_while_a_write_is_blocked_leaves_a_whole_goodbye) {
  adopt();
  TlsClient client(sockets_.client);
  ASSERT_TRUE(client.connect());
  const std::string frame = "[" + std::string(998, 'x') + "]";
  std::size_t before = 0;
  for (;;) {  // until nothing moves any more
    const auto queued = thread_.call([&] {
      for (int i = 0; i < 100; ++i) connection_->send(Frame::of(frame));
      return connection_->queued();
    });
    std::this_thread::sleep_for(5ms);
    if (queued - before == 100'000 && thread_.call([&] { return connection_->queued(); }) == queued)
      break;
    before = queued;
  }
  thread_.call([&] {
    connection_->discard_unsent();
    EXPECT_LE(connection_->queued(), 17'000U);
    connection_->send(Frame::of("goodbye"));
    connection_->close_after_flush();
  });
  const auto got = client.read(100'000'000);
  ASSERT_GE(got.size(), 7U);
  EXPECT_EQ(got.substr(got.size() - 7), "goodbye");
  EXPECT_EQ((got.size() - 7) % frame.size(), 0U) << "no frame is cut in two";
  EXPECT_TRUE(client.ended_well);
}

TEST_F(TlsTest, a_large_message_from_the_client_arrives_whole_also_when_reading_pauses_in_between) {
  adopt();
  TlsClient client(sockets_.client);
  ASSERT_TRUE(client.connect());
  const auto all = pattern(1'000'000);
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < 20; ++i) {
    thread_.call([&] { connection_->pause_reading(); });
    thread_.call([&] { connection_->resume_reading(); });
  }
  EXPECT_TRUE(eventually(thread_, [&] { return record_.received == all; }));
  sender.join();
}

TEST_F(TlsTest, plain_text_on_a_tls_port_is_closed) {
  adopt();
  sockets_.client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(eventually(thread_, [&] { return record_.closed == 1; }));
  EXPECT_EQ(record_.received, "");
}

TEST_F(TlsTest, a_client_that_knows_only_old_versions_is_refused) {
  adopt();
  TlsClient client(sockets_.client);
  SSL_set_min_proto_version(client.ssl(), TLS1_VERSION);
  SSL_set_max_proto_version(client.ssl(), TLS1_1_VERSION);
  EXPECT_FALSE(client.connect());
}

TEST_F(TlsTest, a_renewed_certificate_is_taken_without_a_restart_and_a_broken_one_is_not) {
  const std::string cert = folder_ / "cert.pem";
  adopt();
  TlsClient old(sockets_.client);
  ASSERT_TRUE(old.connect());
  EXPECT_EQ(old.peer_name(), "first.example");

  std::filesystem::resize_file(cert, 10);
  const auto broken = tls_->reload();
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().detail.find(cert), std::string::npos);

  make_certificate(folder_, "second.example");
  ASSERT_TRUE(tls_->reload());
  auto next = make_pair_on_loopback();
  Record record;
  thread_.call([&] {
    Connection::adopt(thread_.loop, next.server, tls_->accept(next.server), "")
        .set_protocol(std::make_unique<Recording>(record));
  });
  {
    TlsClient client(next.client);
    ASSERT_TRUE(client.connect());
    EXPECT_EQ(client.peer_name(), "second.example");
  }
  next.client.close();
  record.over.get_future().wait();
  thread_.call([&] { connection_->send(Frame::of("still here")); });
  EXPECT_EQ(old.read(10), "still here") << "who is connected stays so";
}

TEST_F(TlsTest, files_that_do_not_belong_together_are_named) {
  const auto other = folder_ / "other";
  std::filesystem::create_directory(other);
  make_certificate(other, "other.example");
  const auto failed = TlsContext::load(folder_ / "cert.pem", other / "key.pem");
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().detail.find("tls.key"), std::string::npos);
  const auto missing = TlsContext::load(folder_ / "none.pem", folder_ / "key.pem");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("none.pem"), std::string::npos);
}

}  // namespace
}  // namespace indaba::net
