#include "app/config.hpp"

#include "app/bridge_config.hpp"
#include "app/config_sections.hpp"
#include "app/config_text.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <unistd.h>

namespace indaba::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("indaba-config-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }
  Result<Config> with_file(const std::string& content) const {
    ConfigInput input;
    input.file = write("indaba.toml", content);
    return Config::load(input);
  }
  static Result<Config> with_environment(Environment environment) {
    ConfigInput input;
    input.environment = std::move(environment);
    return Config::load(input);
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigTest, has_no_more_loops_than_the_hub_keeps_apart) {
  const auto config = with_environment({{"INDABA_SERVER_LOOPS", "200"}});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(server_config(*config).loops, 64U);
}

TEST_F(ConfigTest, has_the_documented_defaults_where_nothing_is_configured) {
  const auto config = with_environment({});
  ASSERT_TRUE(config) << config.error().detail;
  const auto server = server_config(*config);
  EXPECT_EQ(server.host, "127.0.0.1");
  EXPECT_EQ(server.port, 8080);
  EXPECT_GE(server.loops, 1U);
  EXPECT_EQ(data_config(*config).dir, "./data");
  EXPECT_EQ(auth_config(*config).registration, Registration::invite);
  const auto limits = limits_config(*config);
  EXPECT_TRUE(limits.rates_enabled);
  EXPECT_EQ(limits.frame_bytes, 65536);
  EXPECT_EQ(limits.message_chars, 5000);
  EXPECT_EQ(limits.connections_per_user, 20);
  EXPECT_EQ(streams_config(*config).retention_topics, std::chrono::days(30));
  EXPECT_EQ(socket_config(*config).heartbeat, Millis(30'000));
}

TEST_F(ConfigTest, lets_flags_win_over_environment_over_file_over_defaults) {
  ConfigInput input;
  input.file =
      write("indaba.toml",
            "[server]\nlisten = \"127.0.0.1:1\"\ncolor = \"file\"\n[limits]\nsubscriptions = 7\n");
  input.environment = {{"INDABA_SERVER_LISTEN", "127.0.0.1:2"},
                       {"INDABA_SERVER_COLOR", "environment"}};
  input.flags = {{"server.listen", "127.0.0.1:3"}};
  const auto config = Config::load(input);
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->text("server.listen"), "127.0.0.1:3");
  EXPECT_EQ(config->value("server.listen").where, "--listen");
  EXPECT_EQ(config->text("server.color"), "environment");
  EXPECT_EQ(config->integer("limits.subscriptions"), 7);
  EXPECT_EQ(config->value("limits.subscriptions").source, Source::file);
}

TEST_F(ConfigTest, understands_names_that_teams_already_have_and_prefers_its_own) {
  const auto config = with_environment({{"REDIS_URL", "redis://r/0"},
                                        {"REALTIME_REDIS_URL", "redis://bus/0"},
                                        {"PUBSUB_REDIS_URL", "redis://pubsub/0"},
                                        {"DJANGO_SECRET_KEY", "django"},
                                        {"SECRET_KEY", "plain"},
                                        {"JWT_SIGNING_KEY", "jwt"},
                                        {"COLOR", "blue"},
                                        {"INDABA_SERVER_COLOR", "green"},
                                        {"REALTIME_HOST", "0.0.0.0"},
                                        {"REALTIME_PORT", "9000"},
                                        {"RATE_LIMITS_ENABLED", "false"},
                                        {"AUTH_RPS_IP", "2"},
                                        {"DJANGO_DEBUG", "True"}});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(redis_config(*config).url, "redis://bus/0");
  EXPECT_EQ(redis_config(*config).prefix, "indaba:");
  EXPECT_EQ(config->text("bridge.url"), "redis://pubsub/0");
  EXPECT_EQ(config->text("auth.external.key"), "jwt");
  EXPECT_EQ(config->text("server.color"), "green");
  EXPECT_EQ(config->text("server.listen"), "0.0.0.0:9000");
  EXPECT_EQ(log_config(*config).level, "debug");
  EXPECT_FALSE(limits_config(*config).rates_enabled);
  EXPECT_EQ(limits_config(*config).auth_rps_address, 2);
}

TEST_F(ConfigTest, reads_secrets_from_files) {
  const auto path = write("secret", "s3cr3t\n");
  const auto config = with_environment({{"INDABA_AUTH_SIGNING_KEY_FILE", path.string()}});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->text("auth.signing_key"), "s3cr3t");
  const auto missing = with_environment({{"INDABA_AUTH_SIGNING_KEY_FILE", "/nowhere/secret"}});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().detail, HasSubstr("cannot be read"));
}

TEST_F(ConfigTest, refuses_an_unknown_key_of_the_file_and_suggests_what_was_meant) {
  const auto config = with_file("[server]\nlisen = \"127.0.0.1:1\"\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().detail, HasSubstr("line 2"));
  EXPECT_THAT(config.error().detail, HasSubstr("did you mean server.listen?"));
}

TEST_F(ConfigTest, refuses_algorithms_that_it_does_not_know) {
  EXPECT_FALSE(with_environment({{"INDABA_AUTH_EXTERNAL_ALGORITHMS", "RS256,none"}}));
  EXPECT_TRUE(with_environment({{"INDABA_AUTH_EXTERNAL_ALGORITHMS", "RS256, ES256"}}));
}

TEST_F(ConfigTest, refuses_an_unknown_name_of_ours_in_the_environment) {
  const auto config = with_environment({{"INDABA_LIMITS_FRAME_BYTE", "1"}});
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().detail, HasSubstr("did you mean INDABA_LIMITS_FRAME_BYTES?"));
  EXPECT_TRUE(with_environment(
      {{"INDABA_DEMO_PASSWORD", "x"}, {"INDABA_BINARY", "x"}, {"SERVER_NAME", "x"}}));
}

TEST_F(ConfigTest, tells_all_mistakes_at_once_and_never_a_secret) {
  const auto config = with_environment({{"INDABA_SERVER_LISTEN", "here"},
                                        {"INDABA_WS_HEARTBEAT", "soon"},
                                        {"INDABA_WS_REFUSAL", "maybe"},
                                        {"INDABA_LIMITS_FRAME_BYTES", "-1"},
                                        {"INDABA_WS_COMPRESSION", "perhaps"},
                                        {"REDIS_URL", "hunter2"}});
  ASSERT_FALSE(config);
  ASSERT_EQ(config.error().fields.size(), 6U);
  for (const auto& problem : config.error().fields)
    EXPECT_THAT(problem.message, Not(HasSubstr("hunter2")));
}

TEST_F(ConfigTest, refuses_a_database_on_localhost_inside_a_container) {
  ConfigInput input;
  input.environment = {{"DATABASE_URL", "postgres://u:p@localhost:5432/app"}};
  EXPECT_TRUE(Config::load(input));
  input.in_container = true;
  const auto config = Config::load(input);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().detail, HasSubstr("inside a container"));
}

TEST_F(ConfigTest, refuses_half_a_certificate_and_redis_over_tls) {
  EXPECT_FALSE(with_environment({{"INDABA_TLS_CERT", "/c.pem"}}));
  const auto tls = with_environment({{"REDIS_URL", "rediss://:hunter2@r"}});
  ASSERT_FALSE(tls);
  EXPECT_THAT(tls.error().detail, HasSubstr("stunnel"));
  EXPECT_THAT(tls.error().detail, Not(HasSubstr("hunter2")));
  EXPECT_FALSE(with_environment({{"DATABASE_URL", "mysql://r"}}));
}

TEST_F(ConfigTest, takes_every_kind_of_address_of_redis) {
  for (const auto* url :
       {"redis://:pw@r:1/2", "unix:///run/redis.sock?db=1", "redis+sentinel://u:pw@a:1,b:2/main"}) {
    const auto config = with_environment({{"REDIS_URL", url}});
    EXPECT_TRUE(config) << url << ": " << config.error().detail;
  }
}

TEST_F(ConfigTest, takes_the_bridge_apart_and_says_what_is_wrong_with_it) {
  const Environment environment{{"INDABA_BRIDGE_LAYER", "core"},
                                {"REDIS_URL", "redis://r"},
                                {"INDABA_BRIDGE_TYPES_IN", "note,task.done"}};
  const auto problem = [&](const char* name, const char* value) {
    auto changed = environment;
    changed[name] = value;
    const auto config = with_environment(changed);
    EXPECT_FALSE(config) << name << "=" << value;
    return config ? std::string() : config.error().fields.front().message;
  };
  const auto config = with_environment(environment);
  ASSERT_TRUE(config) << config.error().detail;
  const auto bridge = bridge_config(*config);
  ASSERT_TRUE(bridge);
  EXPECT_EQ(bridge->layer, BridgeConfig::Layer::core);
  EXPECT_EQ(bridge->url, "redis://r");
  EXPECT_EQ(bridge->capacity, 1500);
  EXPECT_EQ(bridge->expiry, std::chrono::seconds(10));
  ASSERT_EQ(bridge->groups.size(), 2);
  EXPECT_EQ(bridge->groups[1].group, "user-<id>");
  EXPECT_EQ(bridge->groups[1].in, (std::vector<std::string>{"note", "task.done"}));
  EXPECT_THAT(problem("INDABA_BRIDGE_TYPES_IN", ""), HasSubstr("name the types"));
  EXPECT_THAT(problem("INDABA_BRIDGE_TYPES_IN", "welcome"), HasSubstr("a socket frame"));
  EXPECT_THAT(problem("INDABA_BRIDGE_TYPES_OUT", "No"), HasSubstr("end Django's consumers"));
  EXPECT_THAT(problem("INDABA_BRIDGE_GROUPS", "a b c"), HasSubstr("must name orgs/"));
  EXPECT_THAT(problem("INDABA_BRIDGE_PREFIX", "a:b"), HasSubstr("bridge.prefix"));
  EXPECT_THAT(problem("REDIS_URL", ""), HasSubstr("bridge.url"));
}

TEST_F(ConfigTest, takes_an_empty_file_for_one_without_settings) {
  ConfigInput input;
  input.file = write("indaba.toml", "");
  EXPECT_TRUE(Config::load(input));
  input.file = write("indaba.toml", "").parent_path();
  EXPECT_FALSE(Config::load(input)) << "a folder is no file";
}

TEST_F(ConfigTest, says_where_a_broken_file_breaks) {
  const auto config = with_file("[server\nlisten = 1\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().detail, HasSubstr("line 1"));
}

TEST_F(ConfigTest, takes_lists_from_arrays_and_from_commas) {
  const auto from_file = with_file(
      "[server]\nallowed_origins = [\"https://a.example\", \"https://b.example:8443\"]\n");
  ASSERT_TRUE(from_file) << from_file.error().detail;
  EXPECT_THAT(from_file->list("server.allowed_origins"),
              ElementsAre("https://a.example", "https://b.example:8443"));
  const auto from_environment =
      with_environment({{"INDABA_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, ::1,"}});
  ASSERT_TRUE(from_environment);
  EXPECT_THAT(server_config(*from_environment).trusted_proxies, ElementsAre("10.0.0.0/8", "::1"));
}

TEST_F(ConfigTest, reloads_the_file_and_keeps_flags_and_environment) {
  ConfigInput input;
  input.file = write("indaba.toml", "[limits]\nsubscriptions = 1\nframes_per_second = 1\n");
  input.environment = {{"INDABA_LIMITS_FRAMES_PER_SECOND", "9"}};
  const auto config = Config::load(input);
  ASSERT_TRUE(config);
  write("indaba.toml", "[limits]\nsubscriptions = 2\nframes_per_second = 2\n");
  const auto again = config->reload();
  ASSERT_TRUE(again);
  EXPECT_EQ(limits_config(*again).subscriptions, 2);
  EXPECT_EQ(limits_config(*again).frames_per_second, 9);
  EXPECT_EQ(limits_config(*config).subscriptions, 1);
}

TEST_F(ConfigTest, allows_both_spellings_of_a_loopback_origin) {
  const auto config = with_environment({{"INDABA_SERVER_LISTEN", "127.0.0.1:0"}});
  EXPECT_THAT(server_config(*config).origins_for(4711),
              ElementsAre("http://127.0.0.1:4711", "http://localhost:4711"));
}

TEST_F(ConfigTest, takes_origins_from_the_list_else_the_hosts_else_the_public_url) {
  const auto listed =
      with_environment({{"INDABA_SERVER_LISTEN", "0.0.0.0:80"},
                        {"INDABA_SERVER_ALLOWED_ORIGINS", "https://App.Example:443/"}});
  EXPECT_THAT(server_config(*listed).origins_for(80), ElementsAre("https://app.example"));
  const auto hosts = with_environment(
      {{"INDABA_SERVER_LISTEN", "0.0.0.0:80"}, {"DJANGO_ALLOWED_HOSTS", "a.example,.b.example,*"}});
  EXPECT_THAT(server_config(*hosts).origins_for(80),
              ElementsAre("https://a.example", "http://a.example"));
  const auto url = with_environment(
      {{"INDABA_SERVER_LISTEN", "0.0.0.0:80"}, {"INDABA_SERVER_PUBLIC_URL", "https://c.example/"}});
  EXPECT_THAT(server_config(*url).origins_for(80), ElementsAre("https://c.example"));
  EXPECT_EQ(server_config(*url).url_for(80), "https://c.example");
}

TEST_F(ConfigTest, closes_registration_where_users_come_from_another_service) {
  const auto config = with_environment(
      {{"INDABA_AUTH_EXTERNAL_IDS", "true"}, {"INDABA_AUTH_REGISTRATION", "open"}});
  EXPECT_EQ(auth_config(*config).registration, Registration::closed);
}

TEST_F(ConfigTest, shows_values_with_their_source_and_masks_secrets) {
  const auto config = with_environment({{"REDIS_URL", "redis://:hunter2@r/0"}, {"COLOR", "blue"}});
  ASSERT_TRUE(config);
  const auto shown = show_settings(*config);
  EXPECT_THAT(shown, Not(HasSubstr("hunter2")));
  EXPECT_THAT(shown, HasSubstr("********"));
  EXPECT_THAT(shown, testing::ContainsRegex("server.color +blue +COLOR"));
}

TEST(Settings, have_unique_names_and_defaults_that_pass_their_own_parser) {
  std::set<std::string> names;
  for (const auto& setting : settings()) {
    EXPECT_TRUE(names.insert(std::string(setting.key)).second) << setting.key;
    EXPECT_TRUE(names.insert(environment_name(setting)).second) << setting.key;
    EXPECT_FALSE(setting.help.empty()) << setting.key;
  }
  EXPECT_TRUE(Config::load(ConfigInput{}));
}

TEST(Settings, are_documented_as_they_are) {
  std::ifstream in(INDABA_SOURCE_DIR "/docs/configuration.md");
  std::ostringstream content;
  content << in.rdbuf();
  EXPECT_EQ(content.str(), document_settings())
      << "run: build/release/indaba config env --markdown > docs/configuration.md";
}

TEST(ConfigValues, are_read_strictly) {
  EXPECT_EQ(parse_duration("250ms"), Millis(250));
  EXPECT_EQ(parse_duration("90"), Millis(90'000));
  EXPECT_EQ(parse_duration("30 d"), std::chrono::days(30));
  for (const auto* wrong :
       {"", "s", "-1s", "1.5s", "1w", "99999999999999999999d", "9223372036854775807d"})
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  EXPECT_EQ(parse_bytes("64KiB"), 65536);
  EXPECT_FALSE(parse_bytes("64K"));
  EXPECT_EQ(parse_address("[::1]:80")->host, "::1");
  EXPECT_EQ(parse_address("8080")->host, "127.0.0.1");
  EXPECT_EQ(parse_address(":8080")->host, "0.0.0.0");
  for (const auto* wrong : {"", "::1:80", "host:", "host:65536", "[]:80", "[::1]"})
    EXPECT_FALSE(parse_address(wrong)) << wrong;
  EXPECT_EQ(url_host("postgres://u:p@DB:5432/x"), "db");
  EXPECT_EQ(url_host("redis://[::1]:6379"), "::1");
  EXPECT_FALSE(is_url("localhost:6379"));
}

}  // namespace
}  // namespace indaba::app
