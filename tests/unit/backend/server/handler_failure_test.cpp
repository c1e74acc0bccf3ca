#include "tests/unit/backend/server/backend_fixture.hpp"
#include "tests/unit/backend/without_md5.hpp"

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

// What becomes of a session when its own side fails.

TEST(HandlerFailure, AnExceptionInAHandlerIsAnInternalError) {
    Fixture fixture;
    fixture.enter();
    fixture.query("throw");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "EZ");
    EXPECT_EQ(fixture.error().message, "internal error");
    EXPECT_NE(fixture.log.text().find("thrown"), std::string::npos);
}

TEST(HandlerFailure, AnExceptionAtTheLoginIsToldAndOneErrorLine) {
    struct Case {
        PostgresBackend::Authentication authentication;
        std::string user;
        std::string password;  // empty: not asked for
        const char* reason;
    };
    using Authentication = PostgresBackend::Authentication;
    const Case cases[] = {
        {Authentication::trust, "thrown at startup", "", "of startup"},
        {Authentication::password, "thrown at the password", "", "of check_auth"},
        {Authentication::jwt, "app", "thrown", "unknown exception"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.reason);
        PostgresBackend::Options options;
        options.authentication = test.authentication;
        Fixture fixture(std::move(options));
        Bytes bytes =
            startup_packet(3, 0, std::string("user\0"sv) + test.user + std::string("\0\0"sv));
        if (!test.password.empty()) {
            EXPECT_TRUE(encode_password(bytes, test.password));
        }
        fixture.peer.send(bytes);
        EXPECT_EQ(fixture.peer.receive_tags('Z'), test.password.empty() ? "E$" : "RE$");
        EXPECT_EQ(fixture.error().severity, "FATAL");
        EXPECT_EQ(fixture.error().code, "XX000");
        EXPECT_EQ(fixture.error().message, "internal error");
        fixture.peer.send_end();
        fixture.wait_for_end();
        EXPECT_EQ(fixture.log.text(),
                  "ERROR login could not be checked sqlstate=XX000 reason=\"" +
                      std::string(test.reason) + "\"\n");
    }
}

TEST(HandlerFailure, Md5ThatOpensslRefusesIsOurErrorAndNoRefusal) {
    const WithoutMd5 fips;
    PostgresBackend::Options options;
    options.authentication = PostgresBackend::Authentication::password;
    Fixture fixture(std::move(options));
    Bytes bytes = startup_packet(3, 0, "user\0old\0\0"sv);
    EXPECT_TRUE(encode_password(bytes, "secret"));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "RE$");
    EXPECT_EQ(fixture.error().code, "XX000");
    EXPECT_EQ(fixture.error().message, "MD5 authentication is not available");
    fixture.peer.send_end();
    fixture.wait_for_end();
    EXPECT_EQ(fixture.log.text(),
              "ERROR login could not be checked sqlstate=XX000 reason=\"OpenSSL refuses MD5 (FIPS "
              "mode)\"\n");
}

TEST(HandlerFailure, AnExceptionOfDescribeFailsOneStatement) {
    Fixture fixture;
    fixture.enter();
    Bytes bytes = extended("throw");
    append(bytes, message('S'));
    append(bytes, extended("select"));
    append(bytes, message('S'));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "12EZ");
    EXPECT_EQ(fixture.error().severity, "ERROR");
    EXPECT_EQ(fixture.error().message, "internal error");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "12TDCZ");
    EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 1U) << fixture.log.text();
    EXPECT_NE(fixture.log.text().find("ERROR query handler failed sqlstate=XX000 "
                                      "reason=\"of describe\""),
              std::string::npos);
}

}  // namespace
}  // namespace sluice::pg
