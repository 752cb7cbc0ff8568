// How a command gets its work done: by the server that holds the data folder, or, where none runs,
// by opening the database itself.
#pragma once

#include "app/config.hpp"
#include "base/result.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>

namespace indaba::app {

// Blocking. While a server starts or stops (it holds the folder, but does not listen yet), waits
// for it a few seconds.
[[nodiscard]] Result<boost::json::value> administer(const Config& config, std::string_view command,
                                                    const boost::json::object& arguments);

}  // namespace indaba::app
