#include "feature/orgs/rules.hpp"

namespace indaba::orgs {

namespace {

Error not_allowed() {
  return Error(ErrorKind::forbidden, "Your role in this organisation does not allow this.");
}

bool manages_members(const Acting& actor) {
  return actor.role >= auth::Role::admin;
}

bool stands_above(const Acting& actor, auth::Role role) {
  return actor.role > role;
}

bool may_give(const Acting& actor, auth::Role role) {
  return actor.role == auth::Role::owner || actor.role > role;
}

}  // namespace

Error last_owner() {
  return Error(ErrorKind::conflict, "last_owner",
               "The last owner can neither leave nor be demoted.");
}

Result<void> may_add(const Acting& actor, auth::Role given) {
  if (!manages_members(actor) || !may_give(actor, given)) return not_allowed();
  return {};
}

Result<void> may_change_role(const Acting& actor, const Target& target, auth::Role given) {
  if (actor.user == target.user && actor.user && given <= target.role) return {};
  if (!manages_members(actor) || !stands_above(actor, target.role) || !may_give(actor, given))
    return not_allowed();
  return {};
}

Result<void> may_remove(const Acting& actor, const Target& target) {
  if (actor.user == target.user && actor.user) return {};
  if (!manages_members(actor) || !stands_above(actor, target.role)) return not_allowed();
  return {};
}

}  // namespace indaba::orgs
