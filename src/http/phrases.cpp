#include "http/phrases.hpp"

#include "base/text.hpp"
#include "http/grammar.hpp"

#include <array>
#include <charconv>

namespace indaba::http {

namespace {

constexpr std::array<std::string_view, 2> kLanguages{"en", "af"};  // the first is the default

struct Phrase {
  std::string_view language;
  std::string_view code;
  std::string_view sentence;
};

constexpr std::array kPhrases{
    Phrase{"en", "internal", "Something went wrong on our side."},
    Phrase{"en", "malformed", "The request cannot be understood."},
    Phrase{"en", "unauthenticated", "Sign in first."},
    Phrase{"en", "token_expired", "The token has expired."},
    Phrase{"en", "forbidden", "You are not allowed to do this."},
    Phrase{"en", "not_found", "There is no such thing here."},
    Phrase{"en", "method_not_allowed", "This path does not know that method."},
    Phrase{"en", "conflict", "This contradicts what is already there."},
    Phrase{"en", "idempotency_conflict", "This Idempotency-Key was used with another body."},
    Phrase{"en", "too_large", "The request is too large."},
    Phrase{"en", "unsupported_media_type", "Send the body as application/json."},
    Phrase{"en", "invalid", "Some values are not valid."},
    Phrase{"en", "job_replaced", "A newer job does the same work already."},
    Phrase{"en", "rate_limited", "Too many requests; wait a little."},
    Phrase{"en", "unavailable", "The service cannot answer just now; try again."},

    Phrase{"af", "internal", "Iets het aan ons kant verkeerd geloop."},
    Phrase{"af", "malformed", "Die versoek kan nie verstaan word nie."},
    Phrase{"af", "unauthenticated", "Meld eers aan."},
    Phrase{"af", "invalid_credentials", "Die gebruikersnaam of wagwoord is verkeerd."},
    Phrase{"af", "token_expired", "Die teken het verval."},
    Phrase{"af", "forbidden", "Jy mag dit nie doen nie."},
    Phrase{"af", "registration_closed", "Registrasie is gesluit."},
    Phrase{"af", "not_found", "So iets bestaan nie hier nie."},
    Phrase{"af", "method_not_allowed", "Hierdie pad ken nie daardie metode nie."},
    Phrase{"af", "conflict", "Dit weerspreek wat reeds daar is."},
    Phrase{"af", "idempotency_conflict", "Hierdie Idempotency-Key is met ander inhoud gebruik."},
    Phrase{"af", "last_owner", "Die laaste eienaar kan nie weggaan of verlaag word nie."},
    Phrase{"af", "too_large", "Die versoek is te groot."},
    Phrase{"af", "unsupported_media_type", "Stuur die inhoud as application/json."},
    Phrase{"af", "invalid", "Sommige waardes is nie geldig nie."},
    Phrase{"af", "job_ended", "Dit het reeds geëindig."},
    Phrase{"af", "job_not_ended", "Dit het nie misluk nie: daar is niks om weer te probeer nie."},
    Phrase{"af", "job_replaced", "'n Nuwer taak doen reeds dieselfde werk."},
    Phrase{"af", "rate_limited", "Te veel versoeke; wag 'n bietjie."},
    Phrase{"af", "unavailable", "Die diens kan nie nou antwoord nie; probeer weer."},
};

std::string_view find(std::string_view language, std::string_view code) noexcept {
  for (const auto& entry : kPhrases)
    if (entry.language == language && entry.code == code) return entry.sentence;
  return {};
}

// "af-ZA;q=0.8" -> 0.8
double weight_of(std::string_view item) noexcept {
  const auto q = item.find("q=");
  if (q == std::string_view::npos) return 1.0;
  double weight = 0;
  const auto text = item.substr(q + 2);
  std::from_chars(text.data(), text.data() + text.size(), weight);
  return weight;
}

}  // namespace

std::string_view language_of(std::string_view locale) noexcept {
  const auto tag = locale.substr(0, locale.find_first_of("-_"));
  for (const auto language : kLanguages) {
    if (text::equal_ignoring_case(tag, language)) return language;
  }
  return {};
}

std::string_view choose_language(std::string_view accept_language) noexcept {
  std::string_view best = kLanguages.front();
  double best_weight = 0;
  while (!accept_language.empty()) {
    const auto item = next_list_element(accept_language);
    const auto language = language_of(text::trim(item.substr(0, item.find(';'))));
    const auto weight = weight_of(item);
    if (language.empty() || weight <= best_weight) continue;
    best = language;
    best_weight = weight;
  }
  return best;
}

std::string_view phrase(std::string_view language, std::string_view code,
                        std::string_view kind_slug) noexcept {
  if (const auto special = find(language, code); !special.empty()) return special;
  return find(language, kind_slug);
}

}  // namespace indaba::http
