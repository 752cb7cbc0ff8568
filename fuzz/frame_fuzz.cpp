// A client's bytes: whatever they are, the frame reader tells the same story of them in one piece
// and in many, and never hands over what it promises not to.
//
// The first byte of an input chooses limits and compression, the second one how the rest is cut.
#include "base/check.hpp"
#include "base/text.hpp"
#include "ws/deflate.hpp"
#include "ws/testing.hpp"

#include <cstdint>

namespace {

using namespace indaba;

struct Subject {
  ws::ReaderSettings settings;
  bool compressed = false;
};

Subject choose(std::uint8_t choice) {
  Subject subject;
  subject.compressed = (choice & 1U) != 0;
  subject.settings.accept_binary = (choice & 2U) != 0;
  if ((choice & 4U) != 0) {
    subject.settings.max_frame_bytes = 100;
    subject.settings.max_message_bytes = 150;
    subject.settings.max_fragments = 4;
    subject.settings.max_empty_fragments = 1;
  }
  if ((choice & 8U) != 0) subject.settings.max_inflate_factor = 0;
  return subject;
}

void check_story(const ws::testing::Story& story, const Subject& subject) {
  for (const std::string& line : story) {
    if (line.starts_with("text ")) {
      check(text::is_utf8(line), "text must be UTF-8");
      check(line.size() - 5 <= subject.settings.max_message_bytes, "the limit must hold");
    }
    check(!line.starts_with("binary ") || subject.settings.accept_binary, "no binary was wanted");
  }
  for (std::size_t i = 0; i + 1 < story.size(); ++i)
    check(!story[i].starts_with("close ") && !story[i].starts_with("failed "),
          "nothing follows the end");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Subject subject = choose(data[0]);
  const std::size_t step = 1U + data[1] % 32U;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  ws::Inflater inflater;
  ws::Inflater* const agreed = subject.compressed ? &inflater : nullptr;

  const auto whole = ws::testing::tell(bytes, bytes.size() + 1, subject.settings, agreed);
  const auto split = ws::testing::tell(bytes, step, subject.settings, agreed);
  check(whole == split, "a cut must change nothing");
  check_story(whole, subject);
  return 0;
}
