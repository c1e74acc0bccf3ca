#include "backend/protocol/backend.hpp"
#include "backend/protocol/error_fields.hpp"
#include "backend/protocol/frontend.hpp"
#include "backend/protocol/startup.hpp"
#include "backend/server/framed_stream.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/backend/peer.hpp"

#include <boost/asio/error.hpp>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

// What real clients and a real server said to each other (tests/regress/support/
// record_conversations.py), read by a framed stream in pieces of every kind.

namespace sluice::pg {
namespace {

constexpr std::size_t body_bytes_max = 1U << 20U;

struct Conversation {
    const char* client;
    std::string_view frontend_tags;  // that occur in it
    std::string_view backend_tags;
};

constexpr Conversation conversations[] = {
    {"psql", "QdcX", "RSKZTDCIENGHdcA"},
    {"jdbc", "PBDECSQdcFX", "RSKZ123nTDCtsEGHdcVA"},
    {"pgbench", "PBDESX", "RSKZ12TDC"},
};

Bytes load(std::string_view client, std::string_view direction) {
    const std::string path = std::string(SLUICE_TEST_DATA) + "/conversations/" +
                             std::string(client) + "." + std::string(direction);
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const ByteView view = as_bytes(text);
    return Bytes(view.begin(), view.end());
}

// The frontend's bytes behind the startup packet, as a server's framed stream gets them.
Bytes load_frontend(std::string_view client) {
    Bytes bytes = load(client, "frontend");
    std::size_t size = 0;
    const auto packet = parse_startup_packet(bytes, size);
    EXPECT_TRUE(packet && *packet && std::holds_alternative<StartupMessage>(**packet));
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    return bytes;
}

std::vector<Message> cut_whole(ByteView bytes) {
    std::vector<Message> messages;
    FrameDecoder decoder(body_bytes_max);
    while (!bytes.empty()) {
        const auto frame = decoder.next(bytes);
        EXPECT_TRUE(frame && *frame);
        if (!frame || !*frame) return {};
        messages.push_back({(*frame)->tag, std::string(as_text((*frame)->body))});
        bytes = bytes.subspan((*frame)->size());
    }
    return messages;
}

// Sends `bytes` piece by piece. Before each, a read is cancelled: it must not have taken anything.
template <class NextSize>
std::vector<Message> read_in_pieces(ByteView bytes, NextSize next_size) {
    boost::asio::io_context context;
    auto pair = test::unix_pair(context);
    FramedStream framed(std::move(pair.server), Bytes(), body_bytes_max);
    std::vector<Message> messages;
    const auto read_until_it_waits = [&] {
        for (;;) {
            const auto frame = test::run_and_cancel(context, framed.read_message());
            if (!frame) {
                ASSERT_EQ(frame.error().code, boost::asio::error::operation_aborted);
                return;
            }
            ASSERT_TRUE(*frame);
            messages.push_back({(*frame)->tag, std::string(as_text((*frame)->body))});
        }
    };
    while (!bytes.empty()) {
        read_until_it_waits();
        const auto piece = bytes.first(std::min<std::size_t>(bytes.size(), next_size()));
        EXPECT_TRUE(test::run_coroutine(context, pair.client->write_all(piece)));
        bytes = bytes.subspan(piece.size());
    }
    read_until_it_waits();
    pair.client.reset();
    const auto end = test::run_coroutine(context, framed.read_message());
    EXPECT_TRUE(end && !*end);
    return messages;
}

void check_pieces(ByteView bytes) {
    const auto expected = cut_whole(bytes);
    ASSERT_FALSE(expected.empty());
    EXPECT_TRUE(read_in_pieces(bytes, [] { return std::size_t(1); }) == expected);
    for (const unsigned seed : {1U, 2U, 3U}) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        std::uniform_int_distribution<std::size_t> size(1, 40);
        EXPECT_TRUE(read_in_pieces(bytes, [&] { return size(random); }) == expected);
    }
}

void check_tags(const std::vector<Message>& messages, std::string_view expected) {
    for (const char tag : expected) {
        EXPECT_TRUE(std::ranges::any_of(messages, [&](const Message& m) { return m.tag == tag; }))
            << tag;
    }
}

TEST(Conversation, LosesNothingInWhateverPiecesTheFrontendSends) {
    for (const auto& [client, frontend_tags, backend_tags] : conversations) {
        SCOPED_TRACE(client);
        check_pieces(load_frontend(client));
    }
}

TEST(Conversation, LosesNothingInWhateverPiecesTheBackendSends) {
    for (const auto& [client, frontend_tags, backend_tags] : conversations) {
        SCOPED_TRACE(client);
        check_pieces(load(client, "backend"));
    }
}

bool is_read_by_its_parser(const Message& message) {
    const ByteView body = as_bytes(message.body);
    switch (message.tag) {
    case 'Q': return parse_query(body).has_value();
    case 'P': return parse_parse(body).has_value();
    case 'B': return parse_bind(body).has_value();
    case 'D': return parse_describe(body).has_value();
    case 'E': return parse_execute(body).has_value();
    case 'C': return parse_close(body).has_value();
    case 'F': return parse_function_call(body).has_value();
    case 'S':
    case 'H':
    case 'c':
    case 'X': return parse_empty(body, message.tag).has_value();
    case 'd': return true;
    default: return false;
    }
}

TEST(Conversation, EveryMessageOfTheFrontendIsUnderstood) {
    for (const auto& [client, frontend_tags, backend_tags] : conversations) {
        SCOPED_TRACE(client);
        const auto messages = cut_whole(load_frontend(client));
        check_tags(messages, frontend_tags);
        for (const Message& message : messages) {
            EXPECT_TRUE(is_read_by_its_parser(message)) << message.tag;
        }
    }
}

bool is_answer_read_by_its_parser(const Message& message) {
    const ByteView body = as_bytes(message.body);
    switch (message.tag) {
    case 'R': return parse_authentication(body).has_value();
    case 'K': return parse_backend_key_data(body).has_value();
    case 'S': return parse_parameter_status(body).has_value();
    case 'Z': return parse_ready_for_query(body).has_value();
    case 'T': return parse_row_description(body).has_value();
    case 't': return parse_parameter_description(body).has_value();
    case 'D': return parse_data_row(body).has_value();
    case 'C': return parse_command_complete(body).has_value();
    case 'G':
    case 'H': return parse_copy_response(body).has_value();
    case 'A': return parse_notification(body).has_value();
    case 'V': return parse_function_call_response(body).has_value();
    case 'E':
    case 'N': return parse_error_fields(body).has_value();
    case '1':
    case '2':
    case '3':
    case 'n':
    case 's':
    case 'I':
    case 'c': return body.empty();
    case 'd': return true;
    default: return false;
    }
}

TEST(Conversation, EveryMessageOfTheBackendIsUnderstood) {
    for (const auto& [client, frontend_tags, backend_tags] : conversations) {
        SCOPED_TRACE(client);
        const auto messages = cut_whole(load(client, "backend"));
        check_tags(messages, backend_tags);
        for (const Message& message : messages) {
            EXPECT_TRUE(is_answer_read_by_its_parser(message)) << message.tag;
        }
    }
}

}  // namespace
}  // namespace sluice::pg
