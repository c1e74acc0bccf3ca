#include "backend/protocol/errors.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <cerrno>
#include <future>

namespace sluice::pg {
namespace {

using Cause = ConnectionError::Cause;
using boost::system::error_code;

// Of a category that nobody below knows, as the TLS library's codes.
const error_code other_error = std::make_error_code(std::future_errc::no_state);

error_code system_error(int number) { return {number, boost::system::system_category()}; }

ConnectionError with_code(error_code code) {
    return ConnectionError(Error(ErrorKind::peer, "reading", code));
}

constexpr Errc every_errc[] = {Errc::invalid_startup_length,
                               Errc::invalid_startup_layout,
                               Errc::invalid_cancel_length,
                               Errc::unsupported_protocol,
                               Errc::missing_user,
                               Errc::insecure_connection,
                               Errc::tls_unavailable,
                               Errc::data_before_tls,
                               Errc::invalid_message_length,
                               Errc::invalid_message,
                               Errc::unexpected_message};

TEST(ConnectionError, KnowsItsCauseByTheCode) {
    struct Case {
        const char* name;
        error_code code;
        Cause cause;
        bool expected;
    };
    const Case cases[] = {
        {"end of stream", eof_error(), Cause::closed, true},
        {"refused", system_error(ECONNREFUSED), Cause::lost, true},
        {"aborted", system_error(ECONNABORTED), Cause::lost, true},
        {"reset", system_error(ECONNRESET), Cause::lost, true},
        {"broken pipe", system_error(EPIPE), Cause::lost, true},
        {"host unreachable", system_error(EHOSTUNREACH), Cause::lost, true},
        {"network unreachable", system_error(ENETUNREACH), Cause::lost, true},
        {"not connected", system_error(ENOTCONN), Cause::lost, true},
        {"TCP's timeout", system_error(ETIMEDOUT), Cause::timed_out, true},
        {"deadline", timed_out_error(), Cause::timed_out, true},
        {"cancelled", system_error(ECANCELED), Cause::cancelled, true},
        {"input/output error", system_error(EIO), Cause::socket, false},
        {"no buffers", system_error(ENOBUFS), Cause::socket, false},
        {"TLS", other_error, Cause::socket, false},
        {"no code", error_code(), Cause::socket, false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        const ConnectionError error = with_code(test.code);
        EXPECT_EQ(error.cause(), test.cause);
        EXPECT_EQ(error.expected(), test.expected);
        EXPECT_FALSE(find_protocol_error(error.error()));
    }
}

TEST(ConnectionError, OfAProtocolErrorKeepsItsCodeAndDetail) {
    for (const Errc code : every_errc) {
        SCOPED_TRACE(make_error_code(code).message());
        const ConnectionError error(protocol_error(code, "the detail"));
        EXPECT_EQ(error.cause(), Cause::protocol);
        EXPECT_FALSE(error.expected());
        const auto found = find_protocol_error(error.error());
        ASSERT_TRUE(found);
        EXPECT_EQ(found->code, code);
        EXPECT_EQ(found->detail, "the detail");
    }
}

TEST(QueryError, OnlyTheConnectionAndAShutdownEndTheSession) {
    const QueryError refused(ErrorFields::error("42601", "syntax error"));
    EXPECT_FALSE(refused.ends_session());
    EXPECT_EQ(refused.fields().code, "42601");

    const QueryError internal = QueryError::internal("disk on fire");
    EXPECT_FALSE(internal.ends_session());
    EXPECT_EQ(internal.fields().code, "XX000");
    EXPECT_EQ(internal.fields().message, "internal error");
    EXPECT_EQ(internal.cause(), "disk on fire");

    const QueryError gone = QueryError::disconnected(with_code(system_error(ECONNRESET)));
    EXPECT_TRUE(gone.ends_session());
    EXPECT_EQ(gone.fields().code, "08006");
    EXPECT_EQ(gone.connection()->cause(), Cause::lost);

    const QueryError shutdown = QueryError::shutdown();
    EXPECT_TRUE(shutdown.ends_session());
    EXPECT_EQ(shutdown.fields().code, "57P01");
}

TEST(CopyStreamEnd, NamesWhatHappenedToTheConnection) {
    using Kind = CopyStreamEnd::Kind;
    EXPECT_EQ(CopyStreamEnd::disconnected(with_code(eof_error())).kind(), Kind::eof);
    EXPECT_EQ(CopyStreamEnd::disconnected(with_code(system_error(ECANCELED))).kind(),
              Kind::cancelled);
    const auto reset = CopyStreamEnd::disconnected(with_code(system_error(ECONNRESET)));
    EXPECT_EQ(reset.kind(), Kind::disconnected);
    EXPECT_EQ(reset.reason(), "reading: Connection reset by peer");
    EXPECT_EQ(reset.connection()->cause(), Cause::lost);
    const auto failed = CopyStreamEnd::failed(QueryError::internal("disk on fire"));
    EXPECT_EQ(failed.reason(), "disk on fire");
    EXPECT_EQ(failed.query()->fields().code, "XX000");
}

}  // namespace
}  // namespace sluice::pg
