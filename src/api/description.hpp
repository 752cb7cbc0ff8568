// Description: serves /api/schema/ and /api/docs/.
//
// Registered like any feature, and built when every other one is: build() makes the texts once,
// before the loops run.
#pragma once

#include "api/endpoint.hpp"
#include "api/frames.hpp"
#include "api/stream_names.hpp"

#include <string>

namespace indaba::api {

class Description {
 public:
  // This must outlive the endpoints.
  void add_routes(Endpoints& endpoints);
  // When the tables are complete, and before they are served.
  void build(const Endpoints& endpoints, const Frames& frames, const StreamNames& streams);

 private:
  std::string schema_;
  std::string page_;
};

}  // namespace indaba::api
