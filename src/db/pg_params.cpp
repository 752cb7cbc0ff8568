#include "db/pg_params.hpp"

#include <bit>

namespace indaba::db {

namespace {

// Network order, as all of PostgreSQL's binary formats.
template <class Int>
void put(std::string& out, Int value) {
  using Unsigned = std::make_unsigned_t<Int>;
  const auto bits = static_cast<Unsigned>(value);
  for (int shift = static_cast<int>(sizeof(Int)) * 8 - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<unsigned char>(bits >> shift)));
}

template <class Int>
std::string bytes_of(Int value) {
  std::string out;
  put(out, value);
  return out;
}

// One dimension, counted from 1, without NULLs; the elements follow.
std::string array_head(Oid element, std::size_t size) {
  std::string out;
  put(out, std::int32_t{size == 0 ? 0 : 1});
  put(out, std::int32_t{0});
  put(out, static_cast<std::int32_t>(element));
  if (size == 0) return out;
  put(out, static_cast<std::int32_t>(size));
  put(out, std::int32_t{1});
  return out;
}

std::string array_of(Oid element, std::span<const std::string_view> values) {
  auto out = array_head(element, values.size());
  for (const auto value : values) {
    put(out, static_cast<std::int32_t>(value.size()));
    out += value;
  }
  return out;
}

std::string array_of(std::span<const std::int64_t> values) {
  auto out = array_head(pg_type::kInt8, values.size());
  for (const auto value : values) {
    put(out, std::int32_t{8});
    put(out, value);
  }
  return out;
}

Oid type_of_null(Param::Type type) {
  switch (type) {
    case Param::Type::integer:
      return pg_type::kInt8;
    case Param::Type::real:
      return pg_type::kFloat8;
    case Param::Type::text:
      return pg_type::kText;
    case Param::Type::blob:
      return pg_type::kBytea;
    case Param::Type::unknown:
      break;
  }
  return 0;  // the server looks at where it stands
}

}  // namespace

PgParams::PgParams(std::span<const Param> params) {
  types_.reserve(params.size());
  values_.reserve(params.size());
  lengths_.reserve(params.size());
  formats_.reserve(params.size());
  own_.reserve(params.size());
  for (const auto& param : params) {
    struct Visitor {
      PgParams& self;
      const Param& param;
      void operator()(std::monostate) const { self.add(type_of_null(param.type()), nullptr, 0); }
      void operator()(std::int64_t v) const { self.add_own(pg_type::kInt8, bytes_of(v)); }
      void operator()(double v) const {
        self.add_own(pg_type::kFloat8, bytes_of(std::bit_cast<std::int64_t>(v)));
      }
      void operator()(std::string_view v) const { self.add(pg_type::kText, not_null(v), v.size()); }
      void operator()(Blob v) const {
        self.add(pg_type::kBytea, not_null(v.bytes), v.bytes.size());
      }
      void operator()(const Integers& v) const {
        self.add_own(pg_type::kInt8_array, array_of(v.values));
      }
      void operator()(const Texts& v) const {
        self.add_own(pg_type::kText_array, array_of(pg_type::kText, v.values));
      }
      void operator()(const Blobs& v) const {
        self.add_own(pg_type::kBytea_array, array_of(pg_type::kBytea, v.values));
      }
      static const char* not_null(std::string_view text) {
        return text.data() == nullptr ? "" : text.data();
      }
    };
    std::visit(Visitor{*this, param}, param.value());
  }
}

void PgParams::add(Oid type, const char* bytes, std::size_t size) {
  types_.push_back(type);
  values_.push_back(bytes);
  lengths_.push_back(static_cast<int>(size));
  formats_.push_back(1);
}

void PgParams::add_own(Oid type, std::string bytes) {
  const auto& kept = own_.emplace_back(std::move(bytes));
  add(type, kept.data(), kept.size());
}

std::string PgParams::key(std::string_view sql) const {
  std::string key(sql);
  for (std::size_t i = 0; i < types_.size(); ++i) {
    put(key, static_cast<std::int32_t>(values_[i] == nullptr ? -1 : lengths_[i]));
    if (values_[i] != nullptr) key.append(values_[i], static_cast<std::size_t>(lengths_[i]));
  }
  return key;
}

}  // namespace indaba::db
