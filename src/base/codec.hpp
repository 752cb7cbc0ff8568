// Codec<T>: how one type is read from JSON, written to it, and described by JSON Schema.
// reflect.hpp uses it for members; described structs and enums have theirs in reflect.hpp.
//
// A codec has
//   static void read(const boost::json::value&, T&, Problems&)   on a problem T keeps its value
//   static void write(std::string&, const T&)
//   static boost::json::object schema(Use)
//   static constexpr Query kQuery
//     how the text of a query parameter becomes a JSON value; `no` if it cannot
//   static constexpr bool kMayBeAbsent
//     whether an object may leave such a member out
#pragma once

#include "base/json_types.hpp"
#include "base/json_write.hpp"
#include "base/problems.hpp"

#include <boost/json/value.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::json {

// An output has all of its members, an input must have the required ones.
enum class Use : std::uint8_t { input, output };
enum class Query : std::uint8_t { no, text, integer, real, boolean, list };

// 2^53 - 1: what JavaScript can hold.
inline constexpr std::int64_t kMaxSafeInteger = kMaxSeq.value;

namespace detail {

// nullopt after adding the problem.
std::optional<std::int64_t> read_int(const boost::json::value& v, std::int64_t min,
                                     std::int64_t max, Problems& problems);
std::optional<std::string_view> read_text(const boost::json::value& v, std::size_t min,
                                          std::size_t max, Problems& problems);
std::optional<double> read_double(const boost::json::value& v, Problems& problems);
std::optional<bool> read_bool(const boost::json::value& v, Problems& problems);
std::optional<WallTime> read_time(const boost::json::value& v, Problems& problems);
std::optional<std::string> read_slug(const boost::json::value& v, Problems& problems);

boost::json::object int_schema(std::int64_t min, std::int64_t max);
boost::json::object text_schema(std::size_t min, std::size_t max);
boost::json::object simple_schema(std::string_view type, std::string_view format = {});
boost::json::object slug_schema();
boost::json::object nullable(boost::json::object schema);

template <class T, class From>
void assign(T& out, std::optional<From>&& read) {
  if (read) out = T(*std::move(read));
}

}  // namespace detail

template <class T>
struct Codec;

// What most codecs share.
template <Query Q = Query::no, bool MayBeAbsent = false>
struct CodecTraits {
  static constexpr Query kQuery = Q;
  static constexpr bool kMayBeAbsent = MayBeAbsent;
};

template <>
struct Codec<std::string> : CodecTraits<Query::text> {
  static constexpr std::size_t kAnyLength = std::numeric_limits<std::size_t>::max();
  static void read(const boost::json::value& v, std::string& out, Problems& problems) {
    detail::assign(out, detail::read_text(v, 0, kAnyLength, problems));
  }
  static void write(std::string& out, const std::string& v) { append_string(out, v); }
  static boost::json::object schema(Use) { return detail::simple_schema("string"); }
};

template <std::size_t Min, std::size_t Max>
struct Codec<Text<Min, Max>> : CodecTraits<Query::text> {
  static void read(const boost::json::value& v, Text<Min, Max>& out, Problems& problems) {
    if (const auto text = detail::read_text(v, Min, Max, problems))
      out = Text<Min, Max>(std::string(*text));
  }
  static void write(std::string& out, const Text<Min, Max>& v) { append_string(out, v); }
  static boost::json::object schema(Use) { return detail::text_schema(Min, Max); }
};

template <>
struct Codec<Slug> : CodecTraits<Query::text> {
  static void read(const boost::json::value& v, Slug& out, Problems& problems) {
    detail::assign(out, detail::read_slug(v, problems));
  }
  static void write(std::string& out, const Slug& v) { append_string(out, v); }
  static boost::json::object schema(Use) { return detail::slug_schema(); }
};

template <>
struct Codec<bool> : CodecTraits<Query::boolean> {
  static void read(const boost::json::value& v, bool& out, Problems& problems) {
    detail::assign(out, detail::read_bool(v, problems));
  }
  static void write(std::string& out, bool v) { append(out, v); }
  static boost::json::object schema(Use) { return detail::simple_schema("boolean"); }
};

template <>
struct Codec<double> : CodecTraits<Query::real> {
  static void read(const boost::json::value& v, double& out, Problems& problems) {
    detail::assign(out, detail::read_double(v, problems));
  }
  static void write(std::string& out, double v) { append_double(out, v); }
  static boost::json::object schema(Use) { return detail::simple_schema("number"); }
};

// Everything that is an integer between two bounds. `T` is made from an int64 and `get` gives it
// back.
template <class T, std::int64_t Min, std::int64_t Max, auto get>
struct IntCodec : CodecTraits<Query::integer> {
  static void read(const boost::json::value& v, T& out, Problems& problems) {
    if (const auto n = detail::read_int(v, Min, Max, problems)) out = static_cast<T>(*n);
  }
  static void write(std::string& out, const T& v) { append_int(out, get(v)); }
  static boost::json::object schema(Use) { return detail::int_schema(Min, Max); }
};

namespace detail {
inline constexpr auto kPlain = [](std::int64_t n) { return n; };
inline constexpr auto kValue = [](const auto& id) { return id.value; };
}  // namespace detail

template <>
struct Codec<int> : IntCodec<int, std::numeric_limits<int>::min(), std::numeric_limits<int>::max(),
                             detail::kPlain> {};
template <>
struct Codec<std::int64_t> : IntCodec<std::int64_t, std::numeric_limits<std::int64_t>::min(),
                                      std::numeric_limits<std::int64_t>::max(), detail::kPlain> {};
template <std::int64_t Min, std::int64_t Max>
struct Codec<Int<Min, Max>> : IntCodec<Int<Min, Max>, Min, Max, detail::kPlain> {};
template <class Tag>
struct Codec<Id<Tag>> : IntCodec<Id<Tag>, 1, kMaxSafeInteger, detail::kValue> {};
template <>
struct Codec<Seq> : IntCodec<Seq, 0, kMaxSafeInteger, detail::kValue> {};

template <>
struct Codec<WallTime> : CodecTraits<Query::text> {
  static void read(const boost::json::value& v, WallTime& out, Problems& problems) {
    detail::assign(out, detail::read_time(v, problems));
  }
  static void write(std::string& out, WallTime v) { append_time(out, v); }
  static boost::json::object schema(Use) { return detail::simple_schema("string", "date-time"); }
};

template <>
struct Codec<Raw> : CodecTraits<> {
  static void read(const boost::json::value& v, Raw& out, Problems&) { out.text = to_text(v); }
  static void write(std::string& out, const Raw& v) { out += v.text; }
  static boost::json::object schema(Use) { return {}; }
};

template <>
struct Codec<Object> : CodecTraits<> {
  static void read(const boost::json::value& v, Object& out, Problems& problems) {
    if (!v.is_object()) return problems.invalid("must be an object.");
    out.text = to_text(v);
  }
  static void write(std::string& out, const Object& v) { out += v.text; }
  static boost::json::object schema(Use) { return detail::simple_schema("object"); }
};

template <class T>
struct Codec<std::optional<T>> : CodecTraits<Codec<T>::kQuery, true> {
  static void read(const boost::json::value& v, std::optional<T>& out, Problems& problems) {
    out.reset();
    if (!v.is_null()) Codec<T>::read(v, out.emplace(), problems);
  }
  static void write(std::string& out, const std::optional<T>& v) {
    if (v) {
      Codec<T>::write(out, *v);
    } else {
      out += "null";
    }
  }
  static boost::json::object schema(Use use) { return detail::nullable(Codec<T>::schema(use)); }
};

template <class T>
struct Codec<Patch<T>> : CodecTraits<Query::no, true> {
  static void read(const boost::json::value& v, Patch<T>& out, Problems& problems) {
    if (v.is_null()) {
      out = Patch<T>::null();
      return;
    }
    T value{};
    Codec<T>::read(v, value, problems);
    out = Patch<T>(std::move(value));
  }
  // An absent one is left out by the struct that holds it.
  static void write(std::string& out, const Patch<T>& v) {
    if (v.has_value()) {
      Codec<T>::write(out, *v);
    } else {
      out += "null";
    }
  }
  static boost::json::object schema(Use use) { return detail::nullable(Codec<T>::schema(use)); }
};

template <class T>
struct Codec<std::vector<T>>
    : CodecTraits<Codec<T>::kQuery == Query::no ? Query::no : Query::list, true> {
  static void read(const boost::json::value& v, std::vector<T>& out, Problems& problems) {
    out.clear();
    if (!v.is_array()) return problems.invalid("must be a list.");
    out.reserve(v.get_array().size());
    for (std::size_t i = 0; i < v.get_array().size() && !problems.full(); ++i) {
      const Problems::Step step(problems, std::to_string(i));
      T element{};
      Codec<T>::read(v.get_array()[i], element, problems);
      out.push_back(std::move(element));
    }
  }
  static void write(std::string& out, const std::vector<T>& v) {
    out += '[';
    bool first = true;
    for (const auto& element : v) {
      if (!std::exchange(first, false)) out += ',';
      Codec<T>::write(out, element);
    }
    out += ']';
  }
  static boost::json::object schema(Use use) {
    return {{"type", "array"}, {"items", Codec<T>::schema(use)}};
  }
};

}  // namespace indaba::json
