// From JSON, and from a query string, to a described struct and back: one walker over
// Boost.Describe.
//
//   struct NewTask {
//     json::Text<1, 200> title;
//     std::optional<WallTime> due_at;       // may be left out or null
//     json::Int<1, 5> priority{3};
//     static constexpr std::array kDefaulted{"priority"sv};  // may be left out
//   };
//   BOOST_DESCRIBE_STRUCT(NewTask, (), (title, due_at, priority))
//
// A member is required unless its type is an optional, a Patch or a vector, or `kDefaulted` names
// it (it then keeps its initialiser). What no member takes is refused as an unknown field. A name
// that is a keyword has a "_" behind it in C++ and none in JSON. Every problem is reported (up to
// Problems::kMost), each with the path of its field. Pure; safe on any thread. Types may not
// contain themselves.
#pragma once

#include "base/codec.hpp"

#include <algorithm>
#include <boost/describe.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/mp11/algorithm.hpp>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace indaba::json {

using QueryPair = std::pair<std::string, std::string>;

template <class T>
concept DescribedStruct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

namespace detail {

constexpr std::string_view public_name(std::string_view name) noexcept {
  if (name.ends_with('_')) name.remove_suffix(1);
  return name;
}

// Calls f(name, pointer to member) for each member, inherited ones first.
template <class T, class F>
constexpr void for_each_member(F&& f) {
  using Members = boost::describe::describe_members<T, boost::describe::mod_public |
                                                           boost::describe::mod_inherited>;
  boost::mp11::mp_for_each<Members>([&](auto d) { f(public_name(d.name), d.pointer); });
}

template <class T>
constexpr bool is_defaulted(std::string_view name) noexcept {
  if constexpr (requires { T::kDefaulted; })
    return std::find(T::kDefaulted.begin(), T::kDefaulted.end(), name) != T::kDefaulted.end();
  return false;
}

template <class T>
inline constexpr bool kIsPatch = false;
template <class T>
inline constexpr bool kIsPatch<Patch<T>> = true;

template <class T>
using CodecFor = Codec<std::remove_cvref_t<T>>;

template <class T>
bool has_member(std::string_view name) {
  bool found = false;
  for_each_member<T>([&](std::string_view member, auto) { found = found || member == name; });
  return found;
}

void add_unknown(std::string_view name, Problems& problems);
// The JSON value that a query parameter's text stands for; the text itself where it is not of that
// kind, so that the codec says so.
boost::json::value query_value(std::string_view text, Query kind);
// All values of `name`, in order. Adds the problem of one that is not UTF-8.
std::vector<std::string_view> query_values(std::span<const QueryPair> pairs, std::string_view name,
                                           Problems& problems);

}  // namespace detail

template <DescribedEnum T>
struct Codec<T> : CodecTraits<Query::text> {
  [[nodiscard]] static std::string_view name(T v) noexcept {
    return detail::public_name(boost::describe::enum_to_string(v, ""));
  }
  static void read(const boost::json::value& v, T& out, Problems& problems) {
    bool found = false;
    std::string names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto d) {
      const std::string_view wanted = detail::public_name(d.name);
      if (v.is_string() && v.get_string() == boost::json::string_view(wanted)) {
        out = d.value;
        found = true;
      }
      names.append(names.empty() ? "" : ", ").append(wanted);
    });
    if (!found) problems.invalid("must be one of " + names + ".");
  }
  static void write(std::string& out, T v) { append_string(out, name(v)); }
  static boost::json::object schema(Use) {
    boost::json::array names;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto d) { names.emplace_back(detail::public_name(d.name)); });
    return {{"type", "string"}, {"enum", std::move(names)}};
  }
};

template <DescribedStruct T>
struct Codec<T> : CodecTraits<> {
  static void read(const boost::json::value& v, T& out, Problems& problems) {
    if (!v.is_object()) return problems.invalid("must be an object.");
    const boost::json::object& object = v.get_object();
    std::size_t taken = 0;
    detail::for_each_member<T>([&](std::string_view name, auto pointer) {
      using Member = detail::CodecFor<decltype(out.*pointer)>;
      const Problems::Step step(problems, name);
      if (const auto* member = object.if_contains(name)) {
        ++taken;
        Member::read(*member, out.*pointer, problems);
      } else if (!Member::kMayBeAbsent && !detail::is_defaulted<T>(name)) {
        problems.add("missing_field", "is required.");
      }
    });
    if (taken == object.size()) return;
    for (const auto& member : object)
      if (!detail::has_member<T>(member.key())) detail::add_unknown(member.key(), problems);
  }

  static void write(std::string& out, const T& v) {
    out += '{';
    detail::for_each_member<T>([&](std::string_view name, auto pointer) {
      using Member = std::remove_cvref_t<decltype(v.*pointer)>;
      if constexpr (detail::kIsPatch<Member>)
        if ((v.*pointer).is_absent()) return;
      append_name(out, name);
      Codec<Member>::write(out, v.*pointer);
    });
    out += '}';
  }

  static boost::json::object schema(Use use) {
    boost::json::object properties;
    boost::json::array required;
    detail::for_each_member<T>([&]<class M, class C>(std::string_view name, M C::*) {
      describe<M>(use, name, properties, required);
    });
    boost::json::object schema{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) schema["required"] = std::move(required);
    schema["additionalProperties"] = false;
    return schema;
  }

 private:
  template <class M>
  static void describe(Use use, std::string_view name, boost::json::object& properties,
                       boost::json::array& required) {
    properties[name] = Codec<M>::schema(use);
    const bool may_be_absent = use == Use::output
                                   ? detail::kIsPatch<M>
                                   : Codec<M>::kMayBeAbsent || detail::is_defaulted<T>(name);
    if (!may_be_absent) required.emplace_back(name);
  }
};

// ErrorKind::invalid with a FieldError a problem.
template <class T>
[[nodiscard]] Result<T> read(const boost::json::value& value) {
  T out{};
  Problems problems;
  Codec<T>::read(value, out, problems);
  if (!problems.empty()) return std::move(problems).to_error();
  return out;
}

template <class T>
void write(std::string& out, const T& value) {
  Codec<T>::write(out, value);
}

// `"name":value` with its comma, as append_member (json_write.hpp), for every type that has a
// codec.
template <class T>
void write_member(std::string& out, std::string_view name, const T& value) {
  append_name(out, name);
  Codec<T>::write(out, value);
}

template <class T>
[[nodiscard]] std::string to_json(const T& value) {
  std::string out;
  Codec<T>::write(out, value);
  return out;
}

// JSON Schema 2020-12, as OpenAPI 3.1 takes it.
template <class T>
[[nodiscard]] boost::json::value schema(Use use = Use::input) {
  return Codec<T>::schema(use);
}

// The wire name of a described enum's value, and back.
template <DescribedEnum T>
[[nodiscard]] std::string_view name_of(T value) noexcept {
  return Codec<T>::name(value);
}
template <DescribedEnum T>
[[nodiscard]] std::optional<T> from_name(std::string_view name) {
  Problems problems;
  T out{};
  Codec<T>::read(boost::json::value(name), out, problems);
  return problems.empty() ? std::optional<T>(out) : std::nullopt;
}

// From the pairs of a query string. A name may stand twice only for a vector.
template <DescribedStruct T>
[[nodiscard]] Result<T> read_query(std::span<const QueryPair> pairs) {
  T out{};
  Problems problems;
  detail::for_each_member<T>([&](std::string_view name, auto pointer) {
    using Member = detail::CodecFor<decltype(out.*pointer)>;
    static_assert(Member::kQuery != Query::no,
                  "a query parameter is a scalar or a list of scalars");
    const auto values = detail::query_values(pairs, name, problems);
    const Problems::Step step(problems, name);
    if (values.empty()) {
      if (!Member::kMayBeAbsent && !detail::is_defaulted<T>(name))
        problems.add("missing_field", "is required.");
    } else if constexpr (Member::kQuery == Query::list) {
      using Element = typename std::remove_cvref_t<decltype(out.*pointer)>::value_type;
      boost::json::array list;
      for (const std::string_view text : values)
        list.push_back(detail::query_value(text, Codec<Element>::kQuery));
      Member::read(std::move(list), out.*pointer, problems);
    } else if (values.size() > 1) {
      problems.invalid("may be given only once.");
    } else {
      Member::read(detail::query_value(values.front(), Member::kQuery), out.*pointer, problems);
    }
  });
  for (const auto& pair : pairs)
    if (!detail::has_member<T>(pair.first)) detail::add_unknown(pair.first, problems);
  if (!problems.empty()) return std::move(problems).to_error();
  return out;
}

}  // namespace indaba::json
