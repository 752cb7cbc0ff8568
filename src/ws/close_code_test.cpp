#include "ws/close_code.hpp"

#include "ws/frame_header.hpp"

#include <gtest/gtest.h>

namespace indaba::ws {
namespace {

TEST(CloseCode, from_a_client_is_one_that_the_standard_lets_it_send) {
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                         3000, 3999, 4000, 4999})
    EXPECT_TRUE(is_valid_received_code(static_cast<std::uint16_t>(code))) << code;
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535})
    EXPECT_FALSE(is_valid_received_code(static_cast<std::uint16_t>(code))) << code;
}

TEST(ClosePayload, is_code_and_reason) {
  EXPECT_EQ(close_payload(CloseCode::normal, ""), std::string_view("\x03\xE8", 2));
  EXPECT_EQ(close_payload(CloseCode::too_many, close_reason(CloseCode::too_many, "Slow down.")),
            "\x0F\xBDtoo_many: Slow down.");
  EXPECT_EQ(close_payload(CloseCode::no_status, "ignored"), "");
  EXPECT_EQ(close_reason(CloseCode::normal, ""), "done");
}

TEST(ClosePayload, cuts_a_long_reason_between_two_code_points) {
  const std::string ascii(200, 'x');
  EXPECT_EQ(close_payload(CloseCode::normal, ascii).size(), 125U);
  std::string reason(122, 'x');
  reason += "é";
  EXPECT_EQ(close_payload(CloseCode::normal, reason).size(), 124U);
  EXPECT_EQ(make_close_frame(CloseCode::normal, ascii).size(), 127U);
}

}  // namespace
}  // namespace indaba::ws
