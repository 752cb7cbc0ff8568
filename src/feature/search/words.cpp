#include "feature/search/words.hpp"

#include "base/check.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace indaba::search {

struct WordReader::Tokenizer {
  // The tokenizer lives as long as its connection.
  Tokenizer() {
    check(sqlite3_open_v2(":memory:", &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                          nullptr) == SQLITE_OK,
          "SQLite opens a database in memory");
    fts5_api* api = nullptr;
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database, "SELECT fts5(?1)", -1, &statement, nullptr) == SQLITE_OK,
          "SQLite has FTS5");
    sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
    sqlite3_finalize(statement);
    check(api != nullptr, "FTS5 hands out its tokenizers");
    void* context = nullptr;
    check(api->xFindTokenizer(api, "unicode61", &context, &calls) == SQLITE_OK,
          "FTS5 has unicode61");
    std::array<const char*, 2> arguments{"remove_diacritics", "2"};
    check(calls.xCreate(context, arguments.data(), 2, &one) == SQLITE_OK,
          "unicode61 removes diacritics");
  }
  ~Tokenizer() {
    calls.xDelete(one);
    sqlite3_close(database);
  }
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  sqlite3* database = nullptr;
  fts5_tokenizer calls{};
  Fts5Tokenizer* one = nullptr;
  std::mutex mutex;  // it folds in a buffer of its own
};

namespace {

std::string_view first_bytes(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return text.substr(0, most);
}

int take_word(void* words, int, const char* text, int size, int begin, int end) {
  const std::string_view whole(text, static_cast<std::size_t>(size));
  static_cast<std::vector<Word>*>(words)->push_back(
      {std::string(first_bytes(whole, WordReader::kLongest)), static_cast<std::size_t>(begin),
       static_cast<std::size_t>(end)});
  return SQLITE_OK;
}

bool stands_at(const Phrase& phrase, std::span<const Word> words) {
  if (phrase.words.size() > words.size()) return false;
  for (std::size_t i = 0; i < phrase.words.size(); ++i) {
    const bool open = phrase.prefix && i + 1 == phrase.words.size();
    const auto& word = words[i].text;
    if (open ? !word.starts_with(phrase.words[i]) : word != phrase.words[i]) return false;
  }
  return true;
}

}  // namespace

WordReader::WordReader() : tokenizer_(std::make_unique<Tokenizer>()) {}

WordReader::~WordReader() = default;

std::vector<Word> WordReader::read(std::string_view text) const {
  std::vector<Word> words;
  const std::lock_guard lock(tokenizer_->mutex);
  const int done =
      tokenizer_->calls.xTokenize(tokenizer_->one, &words, FTS5_TOKENIZE_DOCUMENT, text.data(),
                                  static_cast<int>(text.size()), take_word);
  check(done == SQLITE_OK, "a text is cut into words");
  return words;
}

std::vector<Phrase> phrases_of(const std::vector<Term>& terms, const WordReader& reader) {
  std::vector<Phrase> phrases;
  for (const auto& term : terms) {
    Phrase phrase;
    phrase.prefix = term.prefix;
    for (auto& word : reader.read(term.text)) phrase.words.push_back(std::move(word.text));
    if (!phrase.words.empty()) phrases.push_back(std::move(phrase));
  }
  return phrases;
}

std::string marked_text(std::string_view text, const std::vector<Phrase>& phrases,
                        const WordReader& reader, const Marks& marks) {
  const auto words = reader.read(text);
  const std::span<const Word> all(words);
  std::string out;
  std::size_t copied = 0;
  // Words from `begin` to `end` are one marked place so far.
  std::size_t begin = 0;
  std::size_t end = 0;
  const auto close = [&] {
    if (begin == end) return;
    const auto from = words[begin].begin;
    const auto to = words[end - 1].end;
    out += text.substr(copied, from - copied);
    out += marks.open;
    out += text.substr(from, to - from);
    out += marks.close;
    copied = to;
  };
  for (std::size_t at = 0; at < words.size(); ++at) {
    std::size_t length = 0;
    for (const auto& phrase : phrases)
      if (stands_at(phrase, all.subspan(at))) length = std::max(length, phrase.words.size());
    if (length == 0) continue;
    if (at >= end) {
      close();
      begin = at;
    }
    end = std::max(end, at + length);
  }
  close();
  out += text.substr(copied);
  return out;
}

}  // namespace indaba::search
