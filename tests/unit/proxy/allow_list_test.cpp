#include "proxy/routing/allow_list.hpp"

#include <gtest/gtest.h>

using namespace std::string_literals;

namespace sluice::proxy {
namespace {

AllowList list_of(const std::vector<std::string>& patterns) {
    std::string bad;
    auto list = AllowList::parse(patterns, bad);
    EXPECT_TRUE(list) << bad;
    return list.value_or(AllowList());
}

TEST(AllowList, WithoutPatternsAllowsNothing) {
    EXPECT_FALSE(AllowList().allows("127.0.0.1", 5432));
    EXPECT_FALSE(list_of({}).allows("localhost", 5432));
}

TEST(AllowList, MatchesHostAndPort) {
    struct Case {
        const char* pattern;
        std::string host;
        std::uint16_t port;
        bool allowed;
    };
    const Case cases[] = {
        {"127.0.0.1:5441", "127.0.0.1", 5441, true},
        {"127.0.0.1:5441", "127.0.0.1", 5442, false},
        {"127.0.0.1:5441", "127.0.0.2", 5441, false},
        {"127.0.0.1:*", "127.0.0.1", 1, true},
        {"127.0.0.1:5441", "::ffff:127.0.0.1", 5441, true},
        {"[::ffff:127.0.0.1]:5441", "127.0.0.1", 5441, true},
        {"db.internal:5432", "db.internal", 5432, true},
        {"db.internal:5432", "DB.Internal", 5432, true},
        {"DB.internal:5432", "db.internal", 5432, true},
        {"db.internal:5432", "xdb.internal", 5432, false},
        {"db.internal:5432", "db.internal.", 5432, false},
        {"*.internal:5432", "a.internal", 5432, true},
        {"*.internal:5432", "a.b.INTERNAL", 5432, true},
        {"*.internal:5432", "internal", 5432, false},
        {"*.internal:5432", ".internal", 5432, false},
        {"*.internal:5432", "evilinternal", 5432, false},
        {"*.internal:5432", "a.internal.example.com", 5432, false},
        {"10.0.0.0/8:5432", "10.255.0.1", 5432, true},
        {"10.0.0.0/8:5432", "::ffff:10.1.2.3", 5432, true},
        {"10.0.0.0/8:5432", "11.0.0.1", 5432, false},
        {"10.0.0.0/8:5432", "10.example.com", 5432, false},
        {"10.1.2.3/8:5432", "10.9.9.9", 5432, true},
        {"192.168.1.128/25:*", "192.168.1.200", 5432, true},
        {"192.168.1.128/25:*", "192.168.1.127", 5432, false},
        {"10.0.0.1/32:*", "10.0.0.1", 5432, true},
        {"10.0.0.1/32:*", "10.0.0.0", 5432, false},
        {"0.0.0.0/0:5432", "203.0.113.9", 5432, true},
        {"0.0.0.0/0:5432", "::1", 5432, false},
        {"0.0.0.0/0:5432", "example.com", 5432, false},
        {"[fd00::/8]:5432", "fd12::1", 5432, true},
        {"[fd00::/8]:5432", "fe80::1", 5432, false},
        {"[fd00::/8]:5432", "10.0.0.1", 5432, false},
        {"[::1]:5432", "0:0:0:0:0:0:0:1", 5432, true},
        {"*:5432", "anything.example.com", 5432, true},
        {"*:5432", "198.51.100.1", 5432, true},
        {"*:5432", "anything.example.com", 5433, false},
        {"*:*", "x", 1, true},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(std::string(one.pattern) + " and " + one.host + ":" +
                     std::to_string(one.port));
        EXPECT_EQ(list_of({one.pattern}).allows(one.host, one.port), one.allowed);
    }
}

TEST(AllowList, LooksAtEveryPattern) {
    const AllowList list = list_of({"10.0.0.0/8:5432", "*.internal:6000"});
    EXPECT_TRUE(list.allows("10.0.0.1", 5432));
    EXPECT_TRUE(list.allows("db.internal", 6000));
    EXPECT_FALSE(list.allows("10.0.0.1", 6000));
    EXPECT_FALSE(list.allows("db.internal", 5432));
}

// A folder would lead to the Unix socket of a server that trusts local users; a NUL would let the
// resolver see another name than the list.
TEST(AllowList, NeverAllowsWhatIsNotAHost) {
    const AllowList all = list_of({"*:*", "*.internal:*", "10.0.0.0/8:*"});
    EXPECT_FALSE(all.allows("/var/run/postgresql", 5432));
    EXPECT_FALSE(all.allows("/tmp/x.internal", 5432));
    EXPECT_FALSE(all.allows("", 5432));
    EXPECT_FALSE(all.allows("evil.example\0.internal"s, 5432));
    EXPECT_FALSE(all.allows("10.0.0.1\0"s, 5432));
    EXPECT_FALSE(all.allows("a b.internal", 5432));
    EXPECT_FALSE(all.allows("a\n.internal", 5432));
}

TEST(AllowList, RefusesWhatIsNoPatternAndNamesIt) {
    const std::string bad_patterns[] = {
        "",
        "host",
        ":5432",
        "host:",
        "host:port",
        "host:65536",
        "host:-1",
        "host:5432x",
        "10.0.0.0/33:1",
        "10.0.0.0/:1",
        "10.0.0.0/x:1",
        "/8:1",
        "name/8:1",
        "[fd00::/129]:1",
        "[]:1",
        "a*b:1",
        "*a:1",
        "*.*:1",
        "**:1",
        "::1",
        "fd00::/8",
        "a b:1",
        "host:5432 ",
        "/tmp:5432",
        "*.:1",
    };
    for (const std::string& pattern : bad_patterns) {
        SCOPED_TRACE(pattern);
        std::string bad;
        EXPECT_FALSE(AllowList::parse({"good.example:5432", pattern}, bad));
        EXPECT_EQ(bad, pattern);
    }
}

TEST(ParseAddress, GivesTheBytesOfLiteralsOnly) {
    EXPECT_EQ(parse_address("1.2.3.4"), (Bytes{1, 2, 3, 4}));
    EXPECT_EQ(parse_address("::ffff:1.2.3.4"), (Bytes{1, 2, 3, 4}));
    EXPECT_EQ(parse_address("fd00::1").size(), 16U);
    EXPECT_TRUE(parse_address("").empty());
    EXPECT_TRUE(parse_address("localhost").empty());
    EXPECT_TRUE(parse_address("1.2.3").empty());
    EXPECT_TRUE(parse_address("0x7f.0.0.1").empty());
    EXPECT_TRUE(parse_address("1.2.3.4\0x"s).empty());
}

TEST(AddressIsListed, KnowsAddressesNetworksAndRanges) {
    struct Case {
        const char* entry;
        const char* address;
        bool listed;
    };
    const Case cases[] = {
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "::ffff:10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.0/24", "10.0.0.255", true},
        {"10.0.0.0/24", "10.0.1.0", false},
        {"10.0.0.0/99", "10.0.0.0", false},
        {"10.0.0.5-10.0.0.9", "10.0.0.5", true},
        {"10.0.0.5-10.0.0.9", "10.0.0.9", true},
        {"10.0.0.5-10.0.0.9", "10.0.0.10", false},
        {"10.0.0.9-10.0.0.5", "10.0.0.7", false},
        {"10.0.0.5-", "10.0.0.5", false},
        {"10.0.0.5-fd00::1", "10.0.0.7", false},
        {"fd00::/8", "fd00::77", true},
        {"fd00::1-fd00::9", "fd00::5", true},
        {"fd00::/8", "10.0.0.1", false},
        {"localhost", "127.0.0.1", false},
        {"", "127.0.0.1", false},
        {"0.0.0.0/0", "", false},
        {"0.0.0.0/0", "not an address", false},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(std::string(one.entry) + " and " + one.address);
        EXPECT_EQ(address_is_listed({one.entry}, one.address), one.listed);
    }
    EXPECT_FALSE(address_is_listed({}, "10.0.0.1"));
    EXPECT_TRUE(address_is_listed({"nonsense", "10.0.0.1"}, "10.0.0.1"));
}

}  // namespace
}  // namespace sluice::proxy
