// For tests of features: an application over the real database, log and organisations. anna owns
// "acme", where ben is a member; zoe owns "other"; the API key is acme's.
#pragma once

#include "api/frames.hpp"
#include "api/stream_names.hpp"
#include "api/test_application.hpp"
#include "feature/orgs/memberships.hpp"
#include "stream/event_log.hpp"

namespace indaba::orgs {

class SystemEventLog final : public db::EventSequencer {
 public:
  Result<void> sequence(db::Session& session, std::span<db::StagedEvent> events,
                        std::span<const StreamId> taken,
                        std::optional<std::size_t>& guilty) override {
    return log_.sequence(session, events, taken, guilty);
  }
  void committed(std::span<const db::StagedEvent> events) override { log_.committed(events); }

 private:
  SystemClock clock_;
  stream::EventLog log_{clock_};
};

class FeatureFixture : public api::ApplicationFixture<SystemEventLog> {
 protected:
  explicit FeatureFixture(db::Backend backend = db::Backend::sqlite) : ApplicationFixture(backend) {
    auto populate = [this](db::WriteTx& tx) -> Result<void> {
      for (const auto* name : {"anna", "ben", "zoe"}) {
        auth::NewUser user;
        user.username = name;
        INDABA_TRY(const auto made, auth::create_user(tx, user, clock_, random_));
        authenticator_.known[name].user = made.id;
      }
      INDABA_TRY(const auto acme, create_org(tx, {"acme", "Acme", user("anna")}, clock_, random_));
      INDABA_TRY(const auto other,
                 create_org(tx, {"other", "Other", user("zoe")}, clock_, random_));
      INDABA_TRY_VOID(add_member(tx, acme, user("ben"), auth::Role::member, {}, clock_));
      authenticator_.known["key"].key_org = acme.id;
      acme_ = {acme.id, "acme", "Acme", auth::Role::owner};
      return {};
    };
    const auto done = db::write_blocking(*database_, db::Shard(), populate);
    if (!done) throw std::runtime_error(done.error().detail + done.error().log);
  }
  [[nodiscard]] UserId user(std::string_view name) const {
    return authenticator_.known.find(name)->second.user;
  }
  // After the feature's routes are in endpoints_.
  void start_feature() { start({}, &memberships_); }

  Result<api::ResolvedStream> resolve(std::string_view who, std::string name) {
    auto principal = who.empty() ? auth::Principal{} : authenticator_.known.find(who)->second;
    return db::run_on(executor_, names_.resolve(std::move(principal), std::move(name)));
  }
  // The newest events of acme's notifications, oldest first.
  boost::json::array acme_events(std::string_view query = "?since=0") {
    return json_of(send("anna", "GET /api/v1/orgs/acme/notifications" + std::string(query)))
        .at("results")
        .as_array();
  }

  api::AccessChanges changes_;
  Memberships memberships_{*database_, clock_, changes_};
  api::StreamNames names_;
  api::Frames frames_;
  api::Membership acme_;
};

}  // namespace indaba::orgs
