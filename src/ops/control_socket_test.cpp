#include "ops/control_socket.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace indaba::ops {
namespace {

class ControlSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "indaba-control-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    socket_ = folder_ / "control.sock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<ControlServer> open() {
    ControlHandlers handlers;
    handlers["echo"] = [](const boost::json::object& arguments) -> Result<boost::json::value> {
      return arguments;
    };
    handlers["refuse"] = [](const boost::json::object&) -> Result<boost::json::value> {
      return Error(ErrorKind::conflict, "username_taken", "There is a user paula already.");
    };
    handlers["throw"] = [](const boost::json::object&) -> Result<boost::json::value> {
      throw std::runtime_error("broken");
    };
    auto server = ControlServer::open(socket_, std::move(handlers), log_);
    EXPECT_TRUE(server) << server.error().detail;
    return server ? *std::move(server) : nullptr;
  }

  // Sends bytes as they are and returns what comes until the server closes.
  std::string raw(std::string_view bytes) const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::shutdown(fd, SHUT_WR);
    std::string answer;
    std::array<char, 1024> buffer{};
    for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;)
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    ::close(fd);
    return answer;
  }

  Logger log_{Logger::null()};
  std::filesystem::path folder_;
  std::filesystem::path socket_;
};

TEST_F(ControlSocketTest, carries_a_command_and_its_answer) {
  const auto server = open();
  for (int i = 0; i < 3; ++i) {
    const auto answer = ask_server(socket_, "echo", {{"name", "päula\n"}, {"n", i}});
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->at("name").as_string(), "päula\n");
    EXPECT_EQ(answer->at("n").as_int64(), i);
  }
}

TEST_F(ControlSocketTest, carries_refusals_with_their_kind_and_sentence) {
  const auto server = open();
  const auto refused = ask_server(socket_, "refuse", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_EQ(refused.error().code, "username_taken");
  EXPECT_EQ(refused.error().detail, "There is a user paula already.");
  EXPECT_EQ(ask_server(socket_, "throw", {}).error().kind, ErrorKind::internal);
  EXPECT_EQ(ask_server(socket_, "dance", {}).error().kind, ErrorKind::unsupported);
}

TEST_F(ControlSocketTest, is_for_its_owner_only_and_goes_with_its_server) {
  auto server = open();
  EXPECT_EQ(std::filesystem::status(socket_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(socket_));
  EXPECT_EQ(ask_server(socket_, "echo", {}).error().kind, ErrorKind::not_found);
}

TEST_F(ControlSocketTest, takes_the_place_of_a_socket_that_a_dead_server_left) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  EXPECT_EQ(ask_server(socket_, "echo", {}).error().kind, ErrorKind::not_found);
  const auto server = open();
  EXPECT_TRUE(ask_server(socket_, "echo", {}));
}

TEST_F(ControlSocketTest, answers_nonsense_with_an_error_and_lives_on) {
  const auto server = open();
  EXPECT_THAT(raw("{\n"), testing::HasSubstr("malformed"));
  EXPECT_THAT(raw("[1]\n"), testing::HasSubstr("malformed"));
  EXPECT_THAT(raw("{\"command\":7}\n"), testing::HasSubstr("malformed"));
  EXPECT_EQ(raw("no end of line"), "");
  EXPECT_EQ(raw(""), "");
  EXPECT_TRUE(ask_server(socket_, "echo", {}));
}

TEST_F(ControlSocketTest, says_when_its_path_is_too_long) {
  const auto server = ControlServer::open(folder_ / std::string(200, 'x'), {}, log_);
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().detail, testing::HasSubstr("shorter data folder"));
}

}  // namespace
}  // namespace indaba::ops
