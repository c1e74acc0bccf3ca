#include "backend/protocol/backend.hpp"
#include "backend/protocol/errc.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

TEST(BackendMessages, HaveTheirDocumentedBytes) {
    Bytes out;
    encode_authentication_ok(out);
    EXPECT_EQ(as_text(out), "R\0\0\0\x08\0\0\0\0"sv);

    out.clear();
    encode_authentication_cleartext(out);
    EXPECT_EQ(as_text(out), "R\0\0\0\x08\0\0\0\x03"sv);

    out.clear();
    encode_authentication_md5(out, bytes_of("salt"));
    EXPECT_EQ(as_text(out), "R\0\0\0\x0c\0\0\0\x05salt"sv);

    out.clear();
    const std::array<std::string_view, 2> mechanisms = {"A", "B"};
    encode_authentication_sasl(out, mechanisms);
    EXPECT_EQ(as_text(out),
              "R\0\0\0\x0d\0\0\0\x0a"
              "A\0B\0\0"sv);

    out.clear();
    encode_parameter_status(out, "a", "b");
    EXPECT_EQ(as_text(out),
              "S\0\0\0\x08"
              "a\0b\0"sv);

    out.clear();
    encode_backend_key_data(out, 258, bytes_of("\1\2\3\4"));
    EXPECT_EQ(as_text(out), "K\0\0\0\x0c\0\0\1\2\1\2\3\4"sv);

    out.clear();
    encode_ready_for_query(out, 'T');
    EXPECT_EQ(as_text(out), "Z\0\0\0\5T"sv);

    out.clear();
    encode_empty_query_response(out);
    EXPECT_EQ(as_text(out), "I\0\0\0\4"sv);

    out.clear();
    encode_copy_both_response(out);
    EXPECT_EQ(as_text(out), "W\0\0\0\7\0\0\0"sv);

    out.clear();
    encode_copy_data(out, bytes_of("x"));
    encode_copy_done(out);
    EXPECT_EQ(as_text(out), "d\0\0\0\5xc\0\0\0\4"sv);
}

TEST(BackendMessages, NegotiationNamesTheWholeVersion) {
    Negotiation negotiation;
    negotiation.minor = 2;
    negotiation.unrecognized = {"_pq_.a"};
    Bytes out;
    encode_negotiate_protocol_version(out, negotiation);
    EXPECT_EQ(as_text(out), "v\0\0\0\x13\0\3\0\2\0\0\0\1_pq_.a\0"sv);

    const auto parsed = parse_negotiate_protocol_version(ByteView(out).subspan(5));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->minor, 2);
    EXPECT_EQ(parsed->unrecognized, std::vector<std::string>{"_pq_.a"});
}

TEST(BackendMessages, ARowKeepsNullApartFromEmpty) {
    const std::vector<std::optional<std::string>> values = {"ok", std::nullopt, ""};
    Bytes out;
    encode_data_row(out, values);
    EXPECT_EQ(as_text(out), "D\0\0\0\x14\0\3\0\0\0\2ok\xff\xff\xff\xff\0\0\0\0"sv);

    const auto parsed = parse_data_row(ByteView(out).subspan(5));
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->size(), 3U);
    EXPECT_EQ((*parsed)[0], "ok");
    EXPECT_EQ((*parsed)[1], std::nullopt);
    EXPECT_EQ((*parsed)[2], "");
}

TEST(BackendMessages, DescribesColumns) {
    const std::vector<Column> columns = {{"data"}, {"n", 20, 8}};
    Bytes out;
    encode_row_description(out, columns);
    const auto parsed = parse_row_description(ByteView(out).subspan(5));
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->size(), 2U);
    EXPECT_EQ((*parsed)[0].name, "data");
    EXPECT_EQ((*parsed)[0].type_oid, 25U);
    EXPECT_EQ((*parsed)[0].type_length, -1);
    EXPECT_EQ((*parsed)[1].type_oid, 20U);
    EXPECT_EQ((*parsed)[1].type_length, 8);
}

TEST(BackendMessages, RefusesMalformedRows) {
    struct Case {
        const char* name;
        std::string_view body;
    };
    const Case cases[] = {
        {"empty", ""sv},
        {"a count without values", "\0\1"sv},
        {"a value shorter than its length", "\0\1\0\0\0\5abc"sv},
        {"a length of two gigabytes", "\0\1\x80\0\0\0abc"sv},
        {"a length below minus one", "\0\1\xff\xff\xff\xfe"sv},
        {"bytes behind the last value", "\0\1\0\0\0\1ab"sv},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        EXPECT_FALSE(parse_data_row(bytes_of(test.body)));
    }
}

TEST(BackendMessages, BoundsTheCancelKey) {
    struct Case {
        std::size_t size;
        bool good;
    };
    for (const Case& test :
         {Case{0, false}, {3, false}, {4, true}, {32, true}, {256, true}, {257, false}}) {
        SCOPED_TRACE(test.size);
        Bytes body = bytes_of("\0\0\0\7"sv);
        body.resize(4 + test.size, 9);
        const auto key = parse_backend_key_data(body);
        ASSERT_EQ(key.has_value(), test.good);
        if (!test.good) continue;
        EXPECT_EQ(key->pid, 7U);
        EXPECT_EQ(key->key.size(), test.size);
    }
    EXPECT_FALSE(parse_backend_key_data(bytes_of("\0\0\7"sv)));
}

TEST(BackendMessages, ReadsAuthenticationRequests) {
    const Bytes request = bytes_of("\0\0\0\5salt"sv);
    const auto md5 = parse_authentication(request);
    ASSERT_TRUE(md5);
    EXPECT_TRUE(md5->is(AuthenticationRequest::Kind::md5));
    EXPECT_EQ(as_text(md5->data), "salt");
    EXPECT_FALSE(parse_authentication(bytes_of("\0\0\5"sv)));

    const Bytes list = bytes_of("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"sv);
    const auto mechanisms = parse_sasl_mechanisms(list);
    ASSERT_TRUE(mechanisms);
    EXPECT_EQ(mechanisms->size(), 2U);
    EXPECT_EQ((*mechanisms)[1], "SCRAM-SHA-256");
    EXPECT_FALSE(parse_sasl_mechanisms(bytes_of("\0"sv)));
    EXPECT_FALSE(parse_sasl_mechanisms(bytes_of("A\0"sv)));
    EXPECT_FALSE(parse_sasl_mechanisms(bytes_of("A\0\0x"sv)));
}

TEST(BackendMessages, RefusesShortAndLongOnes) {
    EXPECT_FALSE(parse_ready_for_query({}));
    EXPECT_FALSE(parse_ready_for_query(bytes_of("II")));
    EXPECT_FALSE(parse_parameter_status(bytes_of("a\0b"sv)));
    EXPECT_FALSE(parse_parameter_status(bytes_of("a\0b\0c"sv)));
    EXPECT_FALSE(parse_command_complete(bytes_of("SELECT 1")));
    EXPECT_FALSE(parse_negotiate_protocol_version(bytes_of("\0\3\0\0\xff\xff\xff\xff"sv)));
    EXPECT_FALSE(parse_row_description(bytes_of("\xff\xff"sv)));
}

}  // namespace
}  // namespace sluice::pg
