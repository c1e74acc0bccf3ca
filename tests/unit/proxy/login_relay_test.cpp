#include "proxy/passthrough/login_relay.hpp"

#include "tests/unit/proxy/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

using test::joined;
using test::message;
using test::text;

// What the server says when it lets a client in; its cancel key has `key_bytes` bytes.
Bytes login(const Bytes& key, std::string_view behind = {}) {
    Bytes out;
    pg::encode_authentication_ok(out);
    pg::encode_parameter_status(out, "server_version", "17.2");
    append(out, message('N', "SNOTICE\0"));
    EXPECT_TRUE(pg::encode_backend_key_data(out, 4711, key));
    pg::encode_ready_for_query(out, 'I');
    append(out, behind);
    return out;
}

struct Exchange {
    std::vector<pg::BackendKey> seen;
    LoginRelay relay() {
        return LoginRelay([this](const pg::BackendKey& key) {
            seen.push_back(key);
            return Bytes(key.key.size(), 0xEE);
        });
    }
};

class CancelKeySize : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(LoginRelay, CancelKeySize, testing::Values(4U, 32U, 256U));

TEST_P(CancelKeySize, IsExchangedHoweverTheBytesAreCut) {
    const Bytes real_key(GetParam(), 0x11);
    const Bytes shown_key(GetParam(), 0xEE);
    const Bytes in = login(real_key, "behind");
    for (std::size_t cut = 0; cut <= in.size(); ++cut) {
        Exchange exchange;
        LoginRelay relay = exchange.relay();
        Bytes out;
        ASSERT_TRUE(relay.feed(ByteView(in).first(cut), out));
        ASSERT_TRUE(relay.feed(ByteView(in).subspan(cut), out));
        EXPECT_EQ(text(out), text(login(shown_key, "behind"))) << cut;
        EXPECT_TRUE(relay.done());
        ASSERT_EQ(exchange.seen.size(), 1U);
        EXPECT_EQ(exchange.seen[0].pid, 4711U);
        EXPECT_EQ(exchange.seen[0].key, real_key);
    }
}

TEST(LoginRelay, HidesChannelBindingOnlyWhereAskedTo) {
    const std::vector<std::string_view> offered = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
    const std::vector<std::string_view> plain = {"SCRAM-SHA-256"};
    Bytes offer;
    EXPECT_TRUE(pg::encode_authentication_sasl(offer, offered));
    Bytes without_binding;
    EXPECT_TRUE(pg::encode_authentication_sasl(without_binding, plain));
    const auto no_key = [](const pg::BackendKey&) { return Bytes(); };
    using ChannelBinding = LoginRelay::ChannelBinding;
    for (const auto& [mode, expected] : {std::pair(ChannelBinding::pass, offer),
                                         std::pair(ChannelBinding::hide, without_binding)}) {
        LoginRelay relay(no_key, mode);
        Bytes out;
        ASSERT_TRUE(relay.feed(offer, out));
        EXPECT_EQ(text(out), text(expected));
    }
}

TEST(LoginRelay, PassesEveryMessageAsSoonAsItIsWhole) {
    Exchange exchange;
    LoginRelay relay = exchange.relay();
    const Bytes in = login(Bytes(4, 1));
    Bytes out;
    for (const std::uint8_t byte : in) ASSERT_TRUE(relay.feed(ByteView(&byte, 1), out));
    EXPECT_EQ(text(out), text(login(Bytes(4, 0xEE))));

    Exchange other;
    LoginRelay waiting = other.relay();
    Bytes first;
    ASSERT_TRUE(waiting.feed(message('R', std::string(4, '\0')), first));
    EXPECT_EQ(first.size(), 9U);
    EXPECT_FALSE(waiting.done());
}

TEST(LoginRelay, PassesAnErrorUnchangedAndIsNotDone) {
    const Bytes error = message('E', std::string("SFATAL\0C28P01\0Mno\0Xodd\0\0", 25));
    Exchange exchange;
    LoginRelay relay = exchange.relay();
    Bytes out;
    ASSERT_TRUE(relay.feed(error, out));
    EXPECT_EQ(text(out), text(error));
    EXPECT_FALSE(relay.done());
    EXPECT_TRUE(exchange.seen.empty());
}

TEST(LoginRelay, PassesEveryByteBehindTheLogin) {
    Exchange exchange;
    LoginRelay relay = exchange.relay();
    Bytes out;
    ASSERT_TRUE(relay.feed(login(Bytes(4, 1), "D\x7F\xFF\xFF\xFFhuge"), out));
    out.clear();
    ASSERT_TRUE(relay.feed(Bytes{0, 1, 2}, out));
    ASSERT_TRUE(relay.feed(message('K', "12345678"), out));
    EXPECT_EQ(out, joined({Bytes{0, 1, 2}, message('K', "12345678")}));
    EXPECT_EQ(exchange.seen.size(), 1U);
}

TEST(LoginRelay, LeavesAKeyThatIsNoneAlone) {
    for (const std::size_t size : {0U, 3U, 4U, 7U}) {  // pid and less than four bytes
        SCOPED_TRACE(size);
        const Bytes odd = message('K', std::string(size, 'x'));
        Exchange exchange;
        LoginRelay relay = exchange.relay();
        Bytes out;
        ASSERT_TRUE(relay.feed(odd, out));
        EXPECT_EQ(out, odd);
        EXPECT_TRUE(exchange.seen.empty());
    }
}

TEST(LoginRelay, FailsOnWhatIsNoMessage) {
    const Bytes broken[] = {
        {'R', 0, 0, 0, 3},
        {'S', 0, 0, 0, 0},
        {'N', 0, 0, 0x75, 0x35},  // 30,001 bytes
        {'H', 'T', 'T', 'P', '/'},
    };
    for (const Bytes& in : broken) {
        Exchange exchange;
        LoginRelay relay = exchange.relay();
        Bytes out;
        const auto fed = relay.feed(in, out);
        ASSERT_FALSE(fed);
        EXPECT_EQ(fed.error().kind, ErrorKind::compute);
        EXPECT_TRUE(out.empty());
    }
}

TEST(LoginRelay, TakesTheLongestMessageOfALogin) {
    const Bytes longest = message('N', std::string(30'000, 'x'));
    Exchange exchange;
    LoginRelay relay = exchange.relay();
    Bytes out;
    ASSERT_TRUE(relay.feed(longest, out));
    EXPECT_EQ(out, longest);
}

}  // namespace
}  // namespace sluice::proxy
