// Small helpers for reading what Celery writes. Pure; any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace indaba::job::celery {

// How often a message was taken from a worker that was gone; ours alone, Celery passes it over.
inline constexpr std::string_view kRestoredHeader = "x-indaba-restored";

// Of a text; else empty. nullptr is allowed, here and below.
[[nodiscard]] std::string_view text_of(const boost::json::value* value) noexcept;
[[nodiscard]] std::optional<double> number_of(const boost::json::value* value) noexcept;
[[nodiscard]] std::optional<std::int64_t> int_of(const boost::json::value* value) noexcept;
[[nodiscard]] bool is_true(const boost::json::value* value) noexcept;
[[nodiscard]] std::string to_python_tuple(const boost::json::array& values);

}  // namespace indaba::job::celery
