// The sentences that errors are told in, by language and code.
//
// English is what the code itself says where it has something special to say; every other language
// has one sentence a code. A new sentence is one line in phrases.cpp; a new language is its name in
// kLanguages and its lines.
#pragma once

#include <string_view>

namespace indaba::http {

// The best of our languages for an `Accept-Language` header: "en" where nothing fits.
[[nodiscard]] std::string_view choose_language(std::string_view accept_language) noexcept;

// Is this a language that we speak? A locale such as "af-ZA" counts as its language.
[[nodiscard]] std::string_view language_of(std::string_view locale) noexcept;

// The sentence for an error's code in a language, or for the slug of its kind, or "".
[[nodiscard]] std::string_view phrase(std::string_view language, std::string_view code,
                                      std::string_view kind_slug) noexcept;

}  // namespace indaba::http
