#include "base/html.hpp"

#include <gtest/gtest.h>

namespace indaba::html {
namespace {

TEST(Html, leaves_no_character_that_means_something_to_a_browser) {
  EXPECT_EQ(escaped(R"(<a href="x" id='y'>&amp;</a>)"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
  EXPECT_EQ(escaped("Ünïcödé stays"), "Ünïcödé stays");
}

}  // namespace
}  // namespace indaba::html
