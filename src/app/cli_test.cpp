#include "app/cli.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

namespace indaba::app {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

class CommandLineTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "indaba-cli-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Outcome run(std::vector<std::string> arguments, const std::string& input = "") const {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    CommandLine line;
    line.in = &in;
    line.out = &out;
    line.err = &err;
    line.input.environment = {{"INDABA_DATA_DIR", (folder_ / "data").string()}};
    arguments.insert(arguments.begin(), "indaba");
    std::vector<const char*> argv;
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    const int code = run_command_line(static_cast<int>(argv.size()), argv.data(), std::move(line));
    return {code, out.str(), err.str()};
  }

  std::filesystem::path folder_;
};

TEST_F(CommandLineTest, answers_wrong_usage_with_2_and_one_sentence) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"dance"},
      {"serve", "--colour", "red"},
      {"user"},
      {"user", "create"},
      {"user", "create", "x", "--password", "secret"},
      {"backup"},
      {"token", "create", "--user", "x", "--ttl", "soon"},
      {"user", "create", "x"},
  };
  for (const auto& arguments : wrong) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  }
}

TEST_F(CommandLineTest, helps_with_an_example_for_every_command) {
  EXPECT_THAT(run({"--help"}).out, HasSubstr("serve --demo"));
  EXPECT_EQ(run({"--version"}).out, std::string("indaba ") + INDABA_VERSION + "\n");
  for (const auto* command :
       {"serve", "scheduler", "worker", "jobs", "migrate", "config", "user", "org", "key", "token",
        "backup", "restore", "health", "celery", "bench"}) {
    const auto outcome = run({command, "--help"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("Example:\n  ")) << command;
  }
  EXPECT_THAT(run({"serve", "--help"}).out, Not(HasSubstr("test-echo")));
}

TEST_F(CommandLineTest, answers_a_wrong_configuration_with_2_and_check_tells_every_mistake) {
  std::ofstream(folder_ / "indaba.toml")
      << "[server]\nlisten = \"here\"\n[log]\nlevel = \"loud\"\n";
  const auto file = (folder_ / "indaba.toml").string();
  const auto shown = run({"config", "show", "--config", file});
  EXPECT_EQ(shown.code, 2);
  EXPECT_EQ(std::ranges::count(shown.err, '\n'), 1);
  const auto checked = run({"config", "check", "--config", file});
  EXPECT_EQ(checked.code, 2);
  EXPECT_EQ(std::ranges::count(checked.err, '\n'), 2);
  EXPECT_EQ(run({"config", "check"}).code, 0);
}

TEST_F(CommandLineTest, makes_what_is_needed_before_anyone_can_sign_in) {
  const auto user =
      run({"user", "create", "anna", "--password-stdin", "--superuser"}, "a good password\n");
  EXPECT_EQ(user.code, 0) << user.err;
  EXPECT_EQ(user.out, "1\n");
  const auto org = run({"org", "create", "acme", "--name", "Acme", "--owner", "anna"});
  EXPECT_EQ(org.code, 0) << org.err;
  const auto key = run({"key", "create", "--org", "acme", "--scopes", "publish,read"});
  EXPECT_EQ(key.code, 0) << key.err;
  EXPECT_TRUE(key.out.starts_with("ik_"));
  const auto token = run({"token", "create", "--user", "anna", "--ttl", "1h"});
  EXPECT_EQ(token.code, 0) << token.err;
  EXPECT_TRUE(token.out.starts_with("ip_"));
  EXPECT_EQ(run({"user", "password", "anna", "--password-stdin"}, "another good password\n").code,
            0);
}

TEST_F(CommandLineTest, says_in_one_sentence_what_is_not_there_or_there_already) {
  run({"user", "create", "anna", "--password-stdin"}, "a good password\n");
  const auto again = run({"user", "create", "anna", "--password-stdin"}, "a good password\n");
  EXPECT_EQ(again.code, 1);
  EXPECT_EQ(again.err, "indaba: there is a user anna already\n");
  EXPECT_EQ(run({"user", "create", "weak", "--password-stdin"}, "x\n").code, 1);
  EXPECT_EQ(run({"org", "create", "acme", "--owner", "nobody"}).err,
            "indaba: there is no user nobody\n");
  EXPECT_EQ(run({"org", "create", "Not A Slug", "--owner", "anna"}).code, 1);
  EXPECT_EQ(run({"key", "create", "--org", "none", "--scopes", "publish"}).err,
            "indaba: there is no organisation none\n");
  EXPECT_EQ(run({"token", "create", "--user", "none"}).code, 1);
  const auto health = run({"health", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(health.code, 1);
  EXPECT_THAT(health.err, HasSubstr("does not answer"));
}

TEST_F(CommandLineTest, migrates_backs_up_verifies_and_restores) {
  const auto up = run({"migrate", "up"});
  EXPECT_EQ(up.code, 0) << up.err;
  EXPECT_THAT(run({"migrate", "status"}).out, Not(HasSubstr("pending")));
  const auto file = (folder_ / "copy.db").string();
  const auto made = run({"backup", file});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, EndsWith("copy.db\n"));
  EXPECT_EQ(run({"backup", "verify", file}).code, 0);
  EXPECT_EQ(run({"backup", file}).code, 1);
  EXPECT_EQ(run({"restore", file, "--dry-run"}).code, 0);
  const auto restored = run({"restore", file});
  EXPECT_EQ(restored.code, 0) << restored.err;
}

}  // namespace
}  // namespace indaba::app
