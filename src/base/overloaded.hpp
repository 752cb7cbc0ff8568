// For std::visit: one lambda for each alternative of a variant.
#pragma once

namespace indaba {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace indaba
