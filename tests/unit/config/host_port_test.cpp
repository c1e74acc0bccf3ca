#include "common/config/host_port.hpp"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

TEST(HostPort, ParsesNamesAndAddresses) {
    EXPECT_EQ(HostPort::parse("127.0.0.1:5440"), (HostPort{"127.0.0.1", 5440}));
    EXPECT_EQ(HostPort::parse("[::1]:5440"), (HostPort{"::1", 5440}));
    EXPECT_EQ(HostPort::parse("db.internal:0"), (HostPort{"db.internal", 0}));
}

TEST(HostPort, PrintsWhatItParsed) {
    for (const char* text :
         {"127.0.0.1:5440", "[::1]:5440", "[fe80::1%eth0]:1", "db.internal:65535"}) {
        SCOPED_TRACE(text);
        const auto parsed = HostPort::parse(text);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(parsed->to_string(), text);
    }
}

TEST(HostPort, RefusesEverythingElse) {
    for (const char* text : {"",
                             "host",
                             "host:",
                             ":5440",
                             "host:65536",
                             "host:-1",
                             "host:5x",
                             "::1:5440",
                             "[]:1",
                             "[host]:1",
                             "[::1]",
                             "ho st:1",
                             "host/x:1",
                             "host: 1"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(HostPort::parse(text));
    }
}

}  // namespace
}  // namespace sluice::config
