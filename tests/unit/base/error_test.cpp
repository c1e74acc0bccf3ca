#include "common/base/error.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice {
namespace {

using boost::system::errc::make_error_code;

TEST(Error, ContextStandsInFrontOfTheDetail) {
    EXPECT_EQ(Error(ErrorKind::peer, "refused").with("connecting").message(),
              "connecting: refused");
    EXPECT_EQ(Error(ErrorKind::peer, "").with("connecting").message(), "connecting");
}

TEST(Error, MessageEndsWithTheTextOfTheCode) {
    const auto code = make_error_code(boost::system::errc::connection_refused);
    EXPECT_EQ(Error(ErrorKind::peer, "db:5432", code).message(), "db:5432: Connection refused");
    EXPECT_EQ(Error(ErrorKind::peer, "", code).message(), "Connection refused");
}

TEST(Error, AnotherLayerMayChangeTheKind) {
    const Error error = Error(ErrorKind::peer, "x").as(ErrorKind::compute);
    EXPECT_EQ(error.kind, ErrorKind::compute);
    EXPECT_EQ(to_string(error.kind), "compute");
}

TEST(Error, OrdinaryEndsAreDisconnects) {
    EXPECT_TRUE(is_disconnect(eof_error()));
    EXPECT_TRUE(is_disconnect(timed_out_error()));
    EXPECT_TRUE(is_disconnect(make_error_code(boost::system::errc::connection_reset)));
    EXPECT_TRUE(is_disconnect(make_error_code(boost::system::errc::operation_canceled)));
    EXPECT_FALSE(is_disconnect(make_error_code(boost::system::errc::no_space_on_device)));
    EXPECT_FALSE(is_disconnect(boost::system::error_code()));
}

TEST(Error, OnlyTimeoutsAreTimeouts) {
    EXPECT_TRUE(is_timeout(timed_out_error()));
    EXPECT_FALSE(is_timeout(eof_error()));
}

}  // namespace
}  // namespace sluice
