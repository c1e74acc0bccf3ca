#include "tests/unit/backend/server/backend_fixture.hpp"
#include "tests/unit/net/tls_fixture.hpp"

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

// What ends a login: stop() and cancellation, wherever it is.

PostgresBackend::Options with_tls() {
    PostgresBackend::Options options;
    options.handshake.tls = net::server_context();
    return options;
}

enum class Interruption { stop, cancellation };

void interrupt(Fixture& fixture, Interruption interruption) {
    if (interruption == Interruption::stop) {
        fixture.backend.stop();
    } else {
        fixture.tasks.cancel();
    }
}

void expect_shutdown(Fixture& fixture) {
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().severity, "FATAL");
    EXPECT_EQ(fixture.error().code, "57P01");
    fixture.peer.send_end();
    fixture.wait_for_end();
    EXPECT_EQ(fixture.log.text(), "INFO session ended by shutdown sqlstate=57P01\n");
}

TEST(Login, AnInterruptionOfTheHandshakeIsTold) {
    for (const auto interruption : {Interruption::stop, Interruption::cancellation}) {
        for (const std::string_view sent : {""sv, "\0\0\0\x20\0\3\0\0user"sv}) {
            SCOPED_TRACE(sent.size());
            Fixture fixture(with_tls());
            fixture.peer.send(as_bytes(sent));
            interrupt(fixture, interruption);
            expect_shutdown(fixture);
        }
    }
}

TEST(Login, StopBeforeTheHandshakeIsToldToo) {
    Fixture fixture;
    fixture.backend.stop();
    fixture.peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
    expect_shutdown(fixture);
}

TEST(Login, AnInterruptionOfATlsHandshakeEndsItWithoutAWord) {
    for (const auto interruption : {Interruption::stop, Interruption::cancellation}) {
        Fixture fixture(with_tls());
        fixture.peer.send(startup_packet(1234, 5679, ""));
        Bytes answers(100);
        const ByteSpan space = answers;
        EXPECT_EQ(*test::run_coroutine(fixture.context, fixture.peer.stream().read_some(space)),
                  1U);
        EXPECT_EQ(answers[0], 'S');
        interrupt(fixture, interruption);
        EXPECT_EQ(*test::run_coroutine(fixture.context, fixture.peer.stream().read_some(space)),
                  0U);
        fixture.wait_for_end();
        EXPECT_EQ(fixture.log.text(), "INFO session ended by shutdown\n");
    }
}

}  // namespace
}  // namespace sluice::pg
