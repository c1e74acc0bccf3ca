#include "backend/protocol/backend.hpp"
#include "backend/protocol/frame.hpp"
#include "backend/protocol/frontend.hpp"
#include "backend/protocol/message_writer.hpp"
#include "backend/protocol/startup.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;
using Values = std::vector<std::optional<std::string_view>>;

struct Case {
    const char* name;
    std::function<bool(Bytes&)> encode;
};

// Nothing is appended, and what was there stays.
void expect_refusals(std::span<const Case> cases) {
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        Bytes out = bytes_of("before");
        EXPECT_FALSE(test.encode(out));
        EXPECT_EQ(as_text(out), "before");
    }
}

StartupMessage startup_with(std::string_view name, std::string_view value) {
    StartupMessage message;
    message.parameters.emplace_back(name, value);
    return message;
}

TEST(Encoders, RefuseAnEmbeddedNulAndLeaveTheBufferAlone) {
    constexpr auto bad = "a\0b"sv;
    const Column column = {std::string(bad)};
    const std::string_view mechanisms[] = {"A", bad};
    const Case cases[] = {
        {"query", [&](Bytes& out) { return encode_query(out, bad); }},
        {"a NUL at the end", [](Bytes& out) { return encode_query(out, "a\0"sv); }},
        {"password", [&](Bytes& out) { return encode_password(out, bad); }},
        {"SASL", [&](Bytes& out) { return encode_sasl_initial_response(out, bad, ByteView()); }},
        {"copy fail", [&](Bytes& out) { return encode_copy_fail(out, bad); }},
        {"parse, statement", [&](Bytes& out) { return encode_parse(out, bad, "q"); }},
        {"parse, query", [&](Bytes& out) { return encode_parse(out, "s", bad); }},
        {"bind, portal", [&](Bytes& out) { return encode_bind(out, bad, "s", {}); }},
        {"bind, statement", [&](Bytes& out) { return encode_bind(out, "p", bad, {}); }},
        {"describe",
         [&](Bytes& out) {
             return encode_describe(out, {Subject::portal, bad});
         }},
        {"close",
         [&](Bytes& out) {
             return encode_close(out, {Subject::portal, bad});
         }},
        {"execute",
         [&](Bytes& out) {
             return encode_execute(out, {bad, 0});
         }},
        {"startup, name", [&](Bytes& out) { return encode_startup(out, startup_with(bad, "v")); }},
        {"startup, value", [&](Bytes& out) { return encode_startup(out, startup_with("n", bad)); }},
        {"parameter, name", [&](Bytes& out) { return encode_parameter_status(out, bad, ""sv); }},
        {"parameter, value", [&](Bytes& out) { return encode_parameter_status(out, "n"sv, bad); }},
        {"column", [&](Bytes& out) { return encode_row_description(out, std::span(&column, 1)); }},
        {"tag", [&](Bytes& out) { return encode_command_complete(out, bad); }},
        {"channel",
         [&](Bytes& out) {
             return encode_notification(out, {1, bad, "p"});
         }},
        {"payload",
         [&](Bytes& out) {
             return encode_notification(out, {1, "c", bad});
         }},
        {"mechanism", [&](Bytes& out) { return encode_authentication_sasl(out, mechanisms); }},
    };
    expect_refusals(cases);
}

TEST(Encoders, ValuesMayHoldNuls) {
    const Values values = {"a\0b"sv};
    Bytes out;
    EXPECT_TRUE(encode_data_row(out, values));
    EXPECT_TRUE(encode_bind(out, "", "", values));
}

// Short values are copied in other ways than long ones.
TEST(Encoders, RowsHoldValuesOfEveryLength) {
    std::string text;
    for (int i = 0; i < 100; ++i) text += static_cast<char>(' ' + i % 90);
    for (std::size_t size = 0; size <= text.size(); ++size) {
        SCOPED_TRACE(size);
        const std::string value = text.substr(text.size() - size);
        const Values values = {value, "|"};
        Bytes out;
        EXPECT_TRUE(encode_data_row(out, values));
        const auto row = parse_data_row(ByteView(out).subspan(frame_header_size));
        ASSERT_TRUE(row);
        EXPECT_EQ(*row, values);
        EXPECT_EQ(out.size(), frame_header_size + 2 + 4 + size + 4 + 1);
    }
}

TEST(Encoders, RefuseMoreElementsThanTheyCanCount) {
    const std::vector<std::uint32_t> types(65'536);
    const Values values(65'536);
    const std::vector<std::uint16_t> formats(65'536);
    const std::vector<Column> columns(65'536);
    const std::vector<std::optional<std::string>> texts(65'536);
    const Case cases[] = {
        {"parse", [&](Bytes& out) { return encode_parse(out, "", "", types); }},
        {"bind", [&](Bytes& out) { return encode_bind(out, "", "", values); }},
        {"formats", [&](Bytes& out) { return encode_bind(out, "", "", {}, {}, formats); }},
        {"function call", [&](Bytes& out) { return encode_function_call(out, 1, values); }},
        {"columns", [&](Bytes& out) { return encode_row_description(out, columns); }},
        {"a row of views", [&](Bytes& out) { return encode_data_row(out, values); }},
        {"a row of strings", [&](Bytes& out) { return encode_data_row(out, texts); }},
    };
    expect_refusals(cases);

    Bytes out;
    EXPECT_TRUE(encode_data_row(out, std::span(values).first(65'535)));
    EXPECT_TRUE(encode_row_description(out, std::span(columns).first(65'535)));
}

TEST(Encoders, RefuseFormatsThatDoNotFitTheValues) {
    const Values values = {"a", "b", "c"};
    const std::uint16_t formats[] = {0, 1};
    const Case cases[] = {
        {"bind", [&](Bytes& out) { return encode_bind(out, "", "", values, formats); }},
        {"function call",
         [&](Bytes& out) { return encode_function_call(out, 1, values, formats); }},
    };
    expect_refusals(cases);
}

TEST(Encoders, RefuseCancelKeysThatCannotBe) {
    for (const std::size_t size : {0U, 3U, 257U}) {
        SCOPED_TRACE(size);
        const Bytes key(size, 1);
        const Case cases[] = {
            {"server", [&](Bytes& out) { return encode_backend_key_data(out, 1, key); }},
            {"client",
             [&](Bytes& out) {
                 return encode_cancel_request(out, {1, key});
             }},
        };
        expect_refusals(cases);
    }
    for (const std::size_t size : {4U, 256U}) {
        Bytes out;
        EXPECT_TRUE(encode_backend_key_data(out, 1, Bytes(size)));
        EXPECT_TRUE(encode_cancel_request(out, {1, Bytes(size)}));
    }
}

TEST(Encoders, RefuseRowsThatPostgresqlWouldNotTake) {
    // The same 64 MiB seventeen times; they are counted and not copied.
    const std::string large(64U << 20U, 'x');
    const Values values(17, large);
    const Case cases[] = {{"row", [&](Bytes& out) { return encode_data_row(out, values); }}};
    expect_refusals(cases);
}

TEST(Encoders, AppendBehindWhatIsThere) {
    Bytes out;
    encode_sync(out);
    EXPECT_FALSE(encode_query(out, "\0"sv));
    encode_query(out, "x");
    EXPECT_FALSE(encode_query(out, "\0"sv));
    const Values values = {"1"};
    EXPECT_TRUE(encode_data_row(out, values));
    EXPECT_EQ(as_text(out), "S\0\0\0\4Q\0\0\0\6x\0D\0\0\0\x0b\0\1\0\0\0\0011"sv);
}

TEST(MessageWriterDeathTest, OurOwnMessagesMustFit) {
    Bytes out;
    EXPECT_DEATH(MessageWriter(out, 'C').c_string("a\0b"sv), "finish");
    EXPECT_DEATH(encode_parameter_description(out, std::vector<std::uint32_t>(65'536)), "finish");
}

}  // namespace
}  // namespace sluice::pg
