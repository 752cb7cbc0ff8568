#include "api/access_changes.hpp"

#include "api/access_record.hpp"

namespace indaba::api {

void AccessChanges::record(db::WriteTx& tx, AccessChange change) const {
  if (stream_) tx.append_aside({stream_, std::string(kAccessEvent), to_body({self_, change}), {}});
  tx.after_commit([this, change = std::move(change)] { tell(change); });
}

}  // namespace indaba::api
