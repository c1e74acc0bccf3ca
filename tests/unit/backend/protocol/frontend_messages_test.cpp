#include "backend/protocol/frontend.hpp"
#include "tests/unit/backend/protocol/message_checks.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;
using Numbers = std::vector<std::uint32_t>;

constexpr auto parse_body = "s1\0select $1\0\0\2\0\0\0\x17\0\0\0\0"sv;
constexpr auto bind_body =
    "p1\0s1\0"
    "\0\3\0\0\0\1\0\0"
    "\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"
    "\0\1\0\1"sv;
constexpr auto function_call_body =
    "\0\0\4\xd2"
    "\0\1\0\1"
    "\0\2\0\0\0\1x\xff\xff\xff\xff"
    "\0\1"sv;

TEST(FrontendMessages, HaveTheirDocumentedBytes) {
    Bytes out;
    encode_query(out, "select 1");
    EXPECT_EQ(as_text(out), "Q\0\0\0\x0dselect 1\0"sv);

    out.clear();
    EXPECT_TRUE(encode_password(out, "pw"));
    EXPECT_EQ(as_text(out), "p\0\0\0\7pw\0"sv);

    out.clear();
    EXPECT_TRUE(encode_sasl_initial_response(out, "M", bytes_of("abc")));
    EXPECT_EQ(as_text(out), "p\0\0\0\x0dM\0\0\0\0\3abc"sv);

    out.clear();
    encode_sasl_response(out, bytes_of("abc"));
    encode_terminate(out);
    EXPECT_EQ(as_text(out), "p\0\0\0\7abcX\0\0\0\4"sv);
}

TEST(FrontendMessages, OfTheExtendedProtocolAreReadAsTheyWereWritten) {
    Bytes out;
    const std::uint32_t types[] = {23, 0};
    EXPECT_TRUE(encode_parse(out, "s1", "select $1", types));
    EXPECT_EQ(out[0], 'P');
    EXPECT_EQ(as_text(ByteView(out).subspan(5)), parse_body);

    out.clear();
    const std::optional<std::string_view> values[] = {"ab", std::nullopt, ""};
    const std::uint16_t formats[] = {0, 1, 0};
    const std::uint16_t binary[] = {1};
    EXPECT_TRUE(encode_bind(out, "p1", "s1", values, formats, binary));
    EXPECT_EQ(out[0], 'B');
    EXPECT_EQ(as_text(ByteView(out).subspan(5)), bind_body);

    out.clear();
    const std::optional<std::string_view> arguments[] = {"x", std::nullopt};
    EXPECT_TRUE(encode_function_call(out, 1234, arguments, binary, 1));
    EXPECT_EQ(out[0], 'F');
    EXPECT_EQ(as_text(ByteView(out).subspan(5)), function_call_body);

    out.clear();
    EXPECT_TRUE(encode_describe(out, {Subject::statement, "s1"}));
    EXPECT_TRUE(encode_execute(out, {"p1", 256}));
    EXPECT_TRUE(encode_close(out, {Subject::portal, "p1"}));
    encode_flush(out);
    encode_sync(out);
    EXPECT_EQ(as_text(out),
              "D\0\0\0\x08Ss1\0"
              "E\0\0\0\x0bp1\0\0\0\1\0"
              "C\0\0\0\x08Pp1\0"
              "H\0\0\0\4S\0\0\0\4"sv);
}

TEST(FrontendMessages, AValueIsTextAndUnnamedUnlessSaidOtherwise) {
    Bytes out;
    EXPECT_TRUE(encode_parse(out, "", "x"));
    const std::optional<std::string_view> values[] = {"1"};
    EXPECT_TRUE(encode_bind(out, "", "", values));
    EXPECT_EQ(as_text(out),
              "P\0\0\0\x09\0x\0\0\0"
              "B\0\0\0\x11\0\0\0\0\0\1\0\0\0\0011\0\0"sv);
}

TEST(FrontendMessages, SaslMayBeginWithoutData) {
    Bytes out;
    EXPECT_TRUE(encode_sasl_initial_response(out, "M", std::nullopt));
    EXPECT_EQ(as_text(out), "p\0\0\0\x0aM\0\xff\xff\xff\xff"sv);
}

TEST(FrontendMessages, AQueryIsExactlyOneString) {
    const Bytes good = bytes_of("select 1\0"sv);
    const auto query = parse_query(good);
    ASSERT_TRUE(query);
    EXPECT_EQ(*query, "select 1");
    EXPECT_EQ(*parse_query(bytes_of("\0"sv)), "");

    for (const std::string_view body : {""sv, "a"sv, "a\0b"sv, "a\0b\0"sv, "a\0\0"sv, "\0\0"sv}) {
        const auto refused = parse_query(bytes_of(body));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid_message);
        EXPECT_FALSE(parse_password(bytes_of(body)));
        EXPECT_FALSE(parse_copy_fail(bytes_of(body)));
    }
}

TEST(FrontendMessages, HaveKnownTags) {
    for (const char tag : "BCDEFHPQSXcdfp"sv) EXPECT_TRUE(is_frontend_tag(tag)) << tag;
    for (const char tag : "\0\x01 ARTZdvwk~\xff"sv) {
        EXPECT_EQ(is_frontend_tag(tag), tag == 'd') << static_cast<int>(tag);
    }
}

TEST(FrontendMessages, SyncAndItsLikeHaveNoBody) {
    EXPECT_TRUE(parse_empty({}, 'S'));
    const auto refused = parse_empty(bytes_of("x"), 'S');
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid_message);
}

TEST(FrontendMessages, ParseNamesItsStatementQueryAndTypes) {
    const Bytes body = bytes_of(parse_body);
    const auto parse = parse_parse(body);
    ASSERT_TRUE(parse);
    EXPECT_EQ(parse->statement, "s1");
    EXPECT_EQ(parse->query, "select $1");
    EXPECT_EQ(elements(parse->types), (Numbers{23, 0}));
    expect_exact(parse_parse, parse_body);
}

TEST(FrontendMessages, BindBringsValuesAndFormats) {
    const Bytes body = bytes_of(bind_body);
    const auto bind = parse_bind(body);
    ASSERT_TRUE(bind);
    EXPECT_EQ(bind->portal, "p1");
    EXPECT_EQ(bind->statement, "s1");
    EXPECT_EQ(elements(bind->formats), (Numbers{0, 1, 0}));
    EXPECT_EQ(texts(bind->values), (Texts{"ab", std::nullopt, ""}));
    EXPECT_EQ(elements(bind->result_formats), Numbers{1});
    expect_exact(parse_bind, bind_body);
}

TEST(FrontendMessages, BindPointsIntoItsBody) {
    const Bytes body = bytes_of(bind_body);
    const auto bind = parse_bind(body);
    ASSERT_TRUE(bind);
    EXPECT_EQ((*bind->values.begin())->data(), body.data() + bind_body.find("ab"));
}

TEST(FrontendMessages, BindHasNoneOneOrAllFormats) {
    struct Case {
        const char* name;
        std::string_view body;
        bool good;
    };
    const Case cases[] = {
        {"no formats for two values", "\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0"sv, true},
        {"one for both", "\0\0\0\1\0\1\0\2\0\0\0\0\0\0\0\0\0\0"sv, true},
        {"two for both", "\0\0\0\2\0\1\0\1\0\2\0\0\0\0\0\0\0\0\0\0"sv, true},
        {"three", "\0\0\0\3\0\1\0\1\0\1\0\2\0\0\0\0\0\0\0\0\0\0"sv, false},
        {"one for no value", "\0\0\0\1\0\1\0\0\0\0"sv, true},
        {"two for no value", "\0\0\0\2\0\1\0\1\0\0\0\0"sv, false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        EXPECT_EQ(parse_bind(bytes_of(test.body)).has_value(), test.good);
    }
}

TEST(FrontendMessages, BindRefusesLengthsBelowMinusOneAndCountsWithoutValues) {
    EXPECT_FALSE(parse_bind(bytes_of("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"sv)));
    EXPECT_FALSE(parse_bind(bytes_of("\0\0\0\0\0\1\x80\0\0\0\0\0"sv)));
    EXPECT_FALSE(parse_bind(bytes_of("\0\0\0\0\xff\xff\0\0"sv)));
    EXPECT_FALSE(parse_bind(bytes_of("\0\0\xff\xff\0\0\0\0"sv)));
}

TEST(FrontendMessages, DescribeAndCloseNameAStatementOrAPortal) {
    const Bytes statement = bytes_of("Ss1\0"sv);
    const auto describe = parse_describe(statement);
    ASSERT_TRUE(describe);
    EXPECT_EQ(describe->subject, Subject::statement);
    EXPECT_EQ(describe->name, "s1");

    const Bytes portal = bytes_of("P\0"sv);
    const auto close = parse_close(portal);
    ASSERT_TRUE(close);
    EXPECT_EQ(close->subject, Subject::portal);
    EXPECT_EQ(close->name, "");

    EXPECT_FALSE(parse_describe(bytes_of("Xs1\0"sv)));
    EXPECT_FALSE(parse_close(bytes_of("ss1\0"sv)));
    expect_exact(parse_describe, "Ss1\0"sv);
    expect_exact(parse_close, "Pp1\0"sv);
}

TEST(FrontendMessages, ExecuteBoundsItsRows) {
    const Bytes body = bytes_of("p1\0\0\0\1\0"sv);
    const auto execute = parse_execute(body);
    ASSERT_TRUE(execute);
    EXPECT_EQ(execute->portal, "p1");
    EXPECT_EQ(execute->rows_max, 256U);
    expect_exact(parse_execute, "p1\0\0\0\1\0"sv);
}

TEST(FrontendMessages, FunctionCallBringsItsArguments) {
    const Bytes body = bytes_of(function_call_body);
    const auto call = parse_function_call(body);
    ASSERT_TRUE(call);
    EXPECT_EQ(call->oid, 1234U);
    EXPECT_EQ(elements(call->formats), Numbers{1});
    EXPECT_EQ(texts(call->arguments), (Texts{"x", std::nullopt}));
    EXPECT_EQ(call->result_format, 1);
    expect_exact(parse_function_call, function_call_body);
}

TEST(FrontendMessages, SaslBeginsWithOrWithoutData) {
    const Bytes with = bytes_of("SCRAM-SHA-256\0\0\0\0\3abc"sv);
    const auto response = parse_sasl_initial_response(with);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->mechanism, "SCRAM-SHA-256");
    ASSERT_TRUE(response->data);
    EXPECT_EQ(as_text(*response->data), "abc");

    const Bytes without = bytes_of("M\0\xff\xff\xff\xff"sv);
    const auto alone = parse_sasl_initial_response(without);
    ASSERT_TRUE(alone);
    EXPECT_FALSE(alone->data);

    const Bytes empty = bytes_of("M\0\0\0\0\0"sv);
    const auto no_bytes = parse_sasl_initial_response(empty);
    ASSERT_TRUE(no_bytes);
    EXPECT_TRUE(no_bytes->data && no_bytes->data->empty());

    EXPECT_FALSE(parse_sasl_initial_response(bytes_of("M\0\xff\xff\xff\xfexy"sv)));
    EXPECT_FALSE(parse_sasl_initial_response(bytes_of("M\0\xff\xff\xff\xffx"sv)));
    expect_exact(parse_sasl_initial_response, "M\0\0\0\0\3abc"sv);
}

TEST(FrontendMessages, CopyFailTellsItsReason) {
    const Bytes body = bytes_of("disk full\0"sv);
    EXPECT_EQ(*parse_copy_fail(body), "disk full");
}

}  // namespace
}  // namespace sluice::pg
