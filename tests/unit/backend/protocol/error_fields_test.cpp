#include "backend/protocol/error_fields.hpp"

#include "backend/protocol/errc.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

TEST(ErrorFields, EncodesSeverityTwiceAndLeavesOutEmptyFields) {
    Bytes out;
    encode_error_response(out, ErrorFields::fatal("28000", "no"));
    EXPECT_EQ(as_text(out),
              "E\0\0\0\x1e"
              "SFATAL\0VFATAL\0C28000\0Mno\0\0"sv);
}

TEST(ErrorFields, SurviveARoundTrip) {
    ErrorFields fields = ErrorFields::notice("open this");
    fields.detail = "some detail";
    fields.hint = "some hint";
    Bytes out;
    encode_notice_response(out, fields);

    EXPECT_EQ(out[0], 'N');
    const auto parsed = parse_error_fields(ByteView(out).subspan(5));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->severity, "NOTICE");
    EXPECT_EQ(parsed->code, "00000");
    EXPECT_EQ(parsed->message, "open this");
    EXPECT_EQ(parsed->detail, "some detail");
    EXPECT_EQ(parsed->hint, "some hint");
}

TEST(ErrorFields, PreferTheSeverityThatIsNotTranslated) {
    const auto parsed = parse_error_fields(bytes_of("SFEHLER\0VERROR\0C42601\0Mm\0\0"sv));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->severity, "ERROR");
}

TEST(ErrorFields, TakeTheTranslatedSeverityOfAnOldServer) {
    const auto parsed = parse_error_fields(bytes_of("SFEHLER\0C42601\0Mm\0\0"sv));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->severity, "FEHLER");
}

TEST(ErrorFields, SkipUnknownOnesAndBearAnEmptyList) {
    const auto unknown = parse_error_fields(bytes_of("P12\0Fparse.c\0L1\0?x\0Mm\0\0"sv));
    ASSERT_TRUE(unknown);
    EXPECT_EQ(unknown->message, "m");
    EXPECT_EQ(unknown->code, "");
    EXPECT_TRUE(parse_error_fields(bytes_of("\0"sv)));
}

TEST(ErrorFields, RefuseMalformedBodies) {
    struct Case {
        const char* name;
        std::string_view body;
    };
    const Case cases[] = {
        {"empty", ""sv},
        {"no terminator", "Mm\0"sv},
        {"unterminated text", "Mm"sv},
        {"type without text", "M"sv},
        {"bytes behind the terminator", "Mm\0\0x"sv},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        const auto parsed = parse_error_fields(bytes_of(test.body));
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().code, Errc::invalid_message);
    }
}

TEST(ErrorFields, ANulInsideATextEndsItThere) {
    Bytes out;
    encode_error_response(out, ErrorFields::error("XX000", std::string("a\0Cevil", 7)));
    const auto parsed = parse_error_fields(ByteView(out).subspan(5));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->message, "a");
    EXPECT_EQ(parsed->code, "XX000");
}

}  // namespace
}  // namespace sluice::pg
