// The words of a text, as SQLite's FTS5 cuts and folds them: runs of letters and digits, without
// case and accents (unicode61, remove_diacritics 2). The index in PostgreSQL is made of the same
// words, so that a search finds the same on both databases.
//
// SQLite's own tokenizer does the work, by https://www.sqlite.org/fts5.html#custom_tokenizers.
// Any thread; one text at a time.
#pragma once

#include "feature/search/highlight.hpp"
#include "feature/search/query_text.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace indaba::search {

struct Word {
  std::string text;       // folded
  std::size_t begin = 0;  // in bytes of the text
  std::size_t end = 0;
};

class WordReader {
 public:
  WordReader();  // ends the process where this SQLite has no FTS5
  ~WordReader();
  WordReader(const WordReader&) = delete;
  WordReader& operator=(const WordReader&) = delete;

  // A word that is longer than kLongest ends there.
  [[nodiscard]] std::vector<Word> read(std::string_view text) const;

  // Bytes; PostgreSQL takes up to 2046.
  static constexpr std::size_t kLongest = 1'000;

 private:
  struct Tokenizer;
  std::unique_ptr<Tokenizer> tokenizer_;
};

// What a term asks for: these words in a row.
struct Phrase {
  std::vector<std::string> words;  // at least one
  bool prefix = false;             // the last one is the beginning of a word
};

// Without the terms that hold no letter or digit.
[[nodiscard]] std::vector<Phrase> phrases_of(const std::vector<Term>& terms,
                                             const WordReader& reader);

// The text with every place marked where a phrase stands; places that overlap are one.
[[nodiscard]] std::string marked_text(std::string_view text, const std::vector<Phrase>& phrases,
                                      const WordReader& reader, const Marks& marks);

}  // namespace indaba::search
