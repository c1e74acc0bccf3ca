#include "backend/protocol/backend.hpp"
#include "tests/unit/backend/protocol/message_checks.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;
using Numbers = std::vector<std::uint32_t>;

// The body of the one message in `out`.
ByteView body_of(const Bytes& out) { return ByteView(out).subspan(5); }

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
    EXPECT_TRUE(encode_authentication_sasl(out, mechanisms));
    EXPECT_EQ(as_text(out),
              "R\0\0\0\x0d\0\0\0\x0a"
              "A\0B\0\0"sv);

    out.clear();
    encode_parameter_status(out, "a", "b");
    EXPECT_EQ(as_text(out),
              "S\0\0\0\x08"
              "a\0b\0"sv);

    out.clear();
    EXPECT_TRUE(encode_backend_key_data(out, 258, bytes_of("\1\2\3\4")));
    EXPECT_EQ(as_text(out), "K\0\0\0\x0c\0\0\1\2\1\2\3\4"sv);

    out.clear();
    encode_ready_for_query(out, 'T');
    EXPECT_EQ(as_text(out), "Z\0\0\0\5T"sv);

    out.clear();
    encode_empty_query_response(out);
    EXPECT_EQ(as_text(out), "I\0\0\0\4"sv);

    out.clear();
    encode_copy_in_response(out);
    encode_copy_out_response(out);
    encode_copy_both_response(out);
    EXPECT_EQ(as_text(out), "G\0\0\0\7\1\0\0H\0\0\0\7\0\0\0W\0\0\0\7\0\0\0"sv);

    out.clear();
    encode_parse_complete(out);
    encode_bind_complete(out);
    encode_close_complete(out);
    encode_no_data(out);
    encode_portal_suspended(out);
    EXPECT_EQ(as_text(out), "1\0\0\0\0042\0\0\0\0043\0\0\0\4n\0\0\0\4s\0\0\0\4"sv);

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
    EXPECT_TRUE(parse_negotiate_protocol_version(as_bytes("\0\0\0\2\0\0\0\0"sv)));
    EXPECT_FALSE(parse_negotiate_protocol_version(as_bytes("\0\4\0\2\0\0\0\0"sv)));
    EXPECT_EQ(parsed->unrecognized, std::vector<std::string>{"_pq_.a"});
}

TEST(BackendMessages, ARowKeepsNullApartFromEmpty) {
    const std::vector<std::optional<std::string>> values = {"ok", std::nullopt, ""};
    Bytes out;
    EXPECT_TRUE(encode_data_row(out, values));
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
    EXPECT_TRUE(encode_row_description(out, columns));
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
    EXPECT_FALSE(parse_authentication(bytes_of("\0\0\0\0x"sv)));
    EXPECT_FALSE(parse_authentication(bytes_of("\0\0\0\3x"sv)));
    EXPECT_TRUE(parse_authentication(bytes_of("\0\0\0\x63x"sv)));

    const Bytes list = bytes_of("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"sv);
    const auto mechanisms = parse_sasl_mechanisms(list);
    ASSERT_TRUE(mechanisms);
    EXPECT_EQ(mechanisms->size(), 2U);
    EXPECT_EQ((*mechanisms)[1], "SCRAM-SHA-256");
    EXPECT_FALSE(parse_sasl_mechanisms(bytes_of("\0"sv)));
    EXPECT_FALSE(parse_sasl_mechanisms(bytes_of("A\0"sv)));
    EXPECT_FALSE(parse_sasl_mechanisms(bytes_of("A\0\0x"sv)));
}

TEST(BackendMessages, MustFillTheirBodyExactly) {
    expect_exact(parse_parameter_status, "a\0b\0"sv);
    expect_exact(parse_command_complete, "SELECT 1\0"sv);
    expect_exact(parse_negotiate_protocol_version, "\0\3\0\2\0\0\0\1_pq_.a\0"sv);
    expect_exact(parse_sasl_mechanisms, "SCRAM-SHA-256\0\0"sv);
    expect_exact(parse_ready_for_query, "I"sv);
}

TEST(BackendMessages, RefusesShortAndLongOnes) {
    EXPECT_FALSE(parse_ready_for_query({}));
    EXPECT_FALSE(parse_ready_for_query(bytes_of("II")));
    EXPECT_FALSE(parse_ready_for_query(bytes_of("X")));
    for (const std::string_view status : {"I", "T", "E"}) {
        const auto ready = parse_ready_for_query(bytes_of(status));
        ASSERT_TRUE(ready);
        EXPECT_EQ(*ready, status[0]);
    }
    EXPECT_FALSE(parse_parameter_status(bytes_of("a\0b"sv)));
    EXPECT_FALSE(parse_parameter_status(bytes_of("a\0b\0c"sv)));
    EXPECT_FALSE(parse_command_complete(bytes_of("SELECT 1")));
    EXPECT_FALSE(parse_negotiate_protocol_version(bytes_of("\0\3\0\0\xff\xff\xff\xff"sv)));
    EXPECT_FALSE(parse_row_description(bytes_of("\xff\xff"sv)));
}

TEST(BackendMessages, KeepEveryPropertyOfAColumn) {
    constexpr auto body =
        "\0\2"
        "id\0\0\0\x40\1\0\2\0\0\0\x14\0\x08\xff\xff\xff\xff\0\1"
        "ctid\0\0\0\x40\1\xff\xff\0\0\0\x1b\0\6\0\0\0\5\0\0"sv;
    const Bytes in = bytes_of(body);
    const auto views = view_row_description(in);
    ASSERT_TRUE(views);
    ASSERT_EQ(views->size(), 2U);
    const ColumnView id = *views->begin();
    EXPECT_EQ(id.name, "id");
    EXPECT_EQ(id.table_oid, 0x4001U);
    EXPECT_EQ(id.table_column, 2);
    EXPECT_EQ(id.type_oid, int8_oid);
    EXPECT_EQ(id.type_length, 8);
    EXPECT_EQ(id.type_modifier, -1);
    EXPECT_EQ(id.format, 1);

    const auto columns = parse_row_description(in);
    ASSERT_TRUE(columns);
    EXPECT_EQ((*columns)[1].table_column, -1);
    EXPECT_EQ((*columns)[1].type_modifier, 5);
    Bytes out;
    EXPECT_TRUE(encode_row_description(out, *columns));
    EXPECT_EQ(as_text(body_of(out)), body);
    expect_exact(view_row_description, body);
}

TEST(BackendMessages, AColumnIsTextOfNoTableByDefault) {
    const std::vector<Column> columns = {{"data"}};
    Bytes out;
    EXPECT_TRUE(encode_row_description(out, columns));
    EXPECT_EQ(as_text(out),
              "T\0\0\0\x1d\0\1data\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"sv);
}

TEST(BackendMessages, ARowIsReadWhereItLies) {
    constexpr auto body = "\0\3\0\0\0\2ok\xff\xff\xff\xff\0\0\0\0"sv;
    const Bytes in = bytes_of(body);
    const auto row = view_data_row(in);
    ASSERT_TRUE(row);
    EXPECT_EQ(texts(*row), (Texts{"ok", std::nullopt, ""}));
    EXPECT_EQ((*row->begin())->data(), in.data() + 6);
    expect_exact(view_data_row, body);
    EXPECT_EQ(view_data_row(bytes_of("\0\0"sv))->size(), 0U);
}

TEST(BackendMessages, CopyResponsesTellTheirFormats) {
    constexpr auto body = "\1\0\2\0\1\0\0"sv;
    const Bytes in = bytes_of(body);
    const auto response = parse_copy_response(in);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->format, 1);
    EXPECT_EQ(elements(response->column_formats), (Numbers{1, 0}));
    expect_exact(parse_copy_response, body);
    EXPECT_FALSE(parse_copy_response(bytes_of("\2\0\0"sv)));
}

TEST(BackendMessages, NotificationsNameTheirChannel) {
    constexpr auto body = "\0\0\1\2jobs\0done\0"sv;
    Bytes out;
    EXPECT_TRUE(encode_notification(out, {258, "jobs", "done"}));
    EXPECT_EQ(out[0], 'A');
    EXPECT_EQ(as_text(body_of(out)), body);
    const Bytes in = bytes_of(body);
    const auto notification = parse_notification(in);
    ASSERT_TRUE(notification);
    EXPECT_EQ(notification->pid, 258U);
    EXPECT_EQ(notification->channel, "jobs");
    EXPECT_EQ(notification->payload, "done");
    expect_exact(parse_notification, body);
}

TEST(BackendMessages, ParameterDescriptionsListTypes) {
    constexpr auto body = "\0\2\0\0\0\x17\0\0\0\x19"sv;
    Bytes out;
    encode_parameter_description(out, Numbers{int4_oid, text_oid});
    EXPECT_EQ(out[0], 't');
    EXPECT_EQ(as_text(body_of(out)), body);
    const Bytes in = bytes_of(body);
    const auto types = parse_parameter_description(in);
    ASSERT_TRUE(types);
    EXPECT_EQ(elements(*types), (Numbers{int4_oid, text_oid}));
    expect_exact(parse_parameter_description, body);
}

TEST(BackendMessages, AFunctionsResultMayBeNull) {
    Bytes out;
    encode_function_call_response(out, bytes_of("ab"));
    EXPECT_EQ(as_text(out), "V\0\0\0\x0a\0\0\0\2ab"sv);
    const auto value = parse_function_call_response(body_of(out));
    ASSERT_TRUE(value && *value);
    EXPECT_EQ(as_text(**value), "ab");
    expect_exact(parse_function_call_response, as_text(body_of(out)));

    out.clear();
    encode_function_call_response(out, std::nullopt);
    EXPECT_EQ(as_text(out), "V\0\0\0\x08\xff\xff\xff\xff"sv);
    const auto null = parse_function_call_response(body_of(out));
    ASSERT_TRUE(null);
    EXPECT_FALSE(*null);
}

}  // namespace
}  // namespace sluice::pg
