#include "backend/protocol/error_fields.hpp"

#include "tests/unit/backend/protocol/message_checks.hpp"

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

TEST(ErrorFields, KeepEveryField) {
    constexpr auto all =
        "SERROR\0VERROR\0C23505\0Mm\0Dd\0Hh\0P12\0p3\0qq\0Ww\0ss\0tt\0cc\0dd\0nn\0Ff.c\0L1\0Rr\0?x\0\0"sv;
    const auto fields = parse_error_fields(bytes_of(all));
    ASSERT_TRUE(fields);
    EXPECT_EQ(fields->message, "m");
    EXPECT_EQ(fields->others.size(), 13U);

    Bytes out;
    encode_error_response(out, *fields);
    EXPECT_EQ(as_text(out).substr(5), all);
}

TEST(ErrorFields, BearAnEmptyList) { EXPECT_TRUE(parse_error_fields(bytes_of("\0"sv))); }

TEST(ErrorFields, BoundHowManyAreKept) {
    std::string body;
    for (int i = 0; i < 10'000; ++i) body += "Px\0"sv;
    body += "Mm\0\0"sv;
    const auto fields = parse_error_fields(bytes_of(body));
    ASSERT_TRUE(fields);
    EXPECT_EQ(fields->message, "m");
    EXPECT_EQ(fields->others.size(), other_error_fields_max);
}

TEST(ErrorFields, MustFillTheirBodyExactly) {
    expect_exact(parse_error_fields, "SERROR\0C42601\0Mm\0P1\0\0"sv);
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
