// OrgSet: the organisations of one person, in 16 bytes: nearly everyone is in one.
#pragma once

#include "base/ids.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace indaba::presence {

class OrgSet {
 public:
  OrgSet() = default;
  explicit OrgSet(const std::vector<OrgId>& orgs) {
    for (const auto org : orgs) add(org);
  }

  [[nodiscard]] bool contains(OrgId org) const noexcept {
    return org && (first_ == org || (more_ && std::ranges::find(*more_, org) != more_->end()));
  }
  // False where it was there.
  bool add(OrgId org) {
    if (!org || contains(org)) return false;
    if (!first_) {
      first_ = org;
    } else {
      if (!more_) more_ = std::make_unique<std::vector<OrgId>>();
      more_->push_back(org);
    }
    return true;
  }
  // False where it was not there.
  bool erase(OrgId org) {
    if (!contains(org)) return false;
    if (first_ == org) {
      first_ = more_ ? more_->back() : OrgId();
      org = first_;
    }
    if (more_ && std::erase(*more_, org) > 0 && more_->empty()) more_.reset();
    return true;
  }
  template <class F>
  void each(F visit) const {
    if (first_) visit(first_);
    if (more_)
      for (const auto org : *more_) visit(org);
  }
  [[nodiscard]] std::vector<OrgId> list() const {
    std::vector<OrgId> orgs;
    each([&](OrgId org) { orgs.push_back(org); });
    return orgs;
  }

 private:
  OrgId first_;
  std::unique_ptr<std::vector<OrgId>> more_;
};

}  // namespace indaba::presence
