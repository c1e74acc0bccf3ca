#include "backend/auth/saslprep.hpp"

#include "backend/auth/unicode.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_literals;

TEST(Saslprep, FollowsPostgresql) {
    struct Case {
        const char* name;
        std::string password;
        std::string prepared;
    };
    // The first five are the examples of RFC 4013, 3; ASCII is never looked at.
    const Case cases[] = {
        {"soft hyphen", "I\u00adX", "IX"},
        {"no transformation", "user", "user"},
        {"case preserved", "USER", "USER"},
        {"NFKC of a letter", "\u00aa", "a"},
        {"NFKC of a roman numeral", "\u2168", "IX"},
        {"ASCII control",
         "a\x07"
         "b",
         "a\x07"
         "b"},
        {"right-to-left text that ends with a digit", "\u06271", "\u06271"},
        {"right-to-left", "\u0627\u0628", "\u0627\u0628"},
        {"composed", "caf\u00e9", "caf\u00e9"},
        {"decomposed", "cafe\u0301", "caf\u00e9"},
        {"full width", "\uff21\uff22", "AB"},
        {"ligature", "\ufb01n", "fin"},
        {"no-break space", "a\u00a0b", "a b"},
        {"Hangul jamo", "\u1112\u1161\u11ab", "\ud55c"},
        {"marks out of order", "a\u0301\u0323", "\u1ea1\u0301"},
        {"prohibited, used as it is", "x\u0085y\u00ad", "x\u0085y\u00ad"},
        {"unassigned in Unicode 3.2, used as it is", "\u0221\u00ad", "\u0221\u00ad"},
        {"nothing left, used as it is", "\u00ad", "\u00ad"},
        {"not UTF-8, used as it is", "\xff\xc3\xa9", "\xff\xc3\xa9"},
        {"beyond the first plane", "\U0001D400\u00e9", "A\u00e9"},
        {"empty", "", ""},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        EXPECT_EQ(saslprep(Secret(test.password)).reveal(), test.prepared);
    }
}

TEST(Unicode, Utf8SurvivesARoundTrip) {
    const std::string text = "a\u00e9\u20ac\U0001F600"s;
    EXPECT_EQ(unicode::decode_utf8(text), U"a\u00e9\u20ac\U0001F600");
    EXPECT_EQ(unicode::encode_utf8(unicode::decode_utf8(text)), text);
}

}  // namespace
}  // namespace sluice::pg
