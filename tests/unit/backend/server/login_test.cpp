#include "tests/unit/backend/server/backend_fixture.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <future>
#include <thread>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

// What ends a login: time, stop() and cancellation, wherever it is.

PostgresBackend::Options with_tls() {
    PostgresBackend::Options options;
    options.handshake.tls = net::server_context();
    return options;
}

PostgresBackend::Options with_passwords() {
    PostgresBackend::Options options;
    options.authentication = PostgresBackend::Authentication::password;
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

TEST(Login, TheTimeAndInterruptionsHoldForTheHandlersCheck) {
    const auto begin = [](Fixture& fixture) {
        fixture.peer.send(startup_packet(3, 0, "user\0slow\0\0"sv));
        EXPECT_TRUE(
            test::run_until(fixture.context, [&] { return fixture.handler.checks_begun == 1; }));
    };
    for (const auto interruption : {Interruption::stop, Interruption::cancellation}) {
        Fixture fixture(with_passwords());
        begin(fixture);
        interrupt(fixture, interruption);
        expect_shutdown(fixture);
    }
    PostgresBackend::Options options = with_passwords();
    options.login_timeout = std::chrono::milliseconds(30);
    Fixture fixture(std::move(options));
    begin(fixture);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().message, "canceling authentication due to timeout");
}

// A pool whose only thread is busy as long as this lives. It goes before the context of whoever uses
// it does.
struct BusyPool {
    BusyPool() {
        auto work = [opened = gate.get_future().share()] {
            opened.wait();
            return true;
        };
        boost::asio::co_spawn(
            context, pool.run(context, std::move(work)), [](std::exception_ptr, bool) {});
        context.poll();
        while (pool.waiting() > 0) std::this_thread::yield();
    }
    ~BusyPool() { gate.set_value(); }
    // Puts more work into the queue.
    void fill(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            boost::asio::co_spawn(
                context, pool.run(context, [] { return true; }), [](std::exception_ptr, bool) {});
        }
        context.poll();
    }
    std::promise<void> gate;
    boost::asio::io_context context;
    net::BlockingPool pool{1};
};

void send_password(Fixture& fixture) {
    Bytes bytes = startup_packet(3, 0, "user\0app\0\0"sv);
    EXPECT_TRUE(encode_password(bytes, "secret"));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive().tag, 'R');
}

TEST(Login, TheTimeAndInterruptionsHoldForAFullPool) {
    for (const auto interruption : {Interruption::stop, Interruption::cancellation}) {
        Fixture fixture(with_passwords());
        BusyPool busy;
        fixture.handler.pool = &busy.pool;
        fixture.handler.context = &fixture.context;
        send_password(fixture);
        interrupt(fixture, interruption);
        expect_shutdown(fixture);
    }
    PostgresBackend::Options options = with_passwords();
    options.login_timeout = std::chrono::milliseconds(30);
    Fixture fixture(std::move(options));
    BusyPool busy;
    fixture.handler.pool = &busy.pool;
    fixture.handler.context = &fixture.context;
    send_password(fixture);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().message, "canceling authentication due to timeout");
}

TEST(Login, AQueueThatIsTooLongIsRefused) {
    const auto most = PasswordCheck().pool_waiting_max;
    for (const std::size_t waiting : {most, most + 1}) {
        PostgresBackend::Options options = with_passwords();
        options.login_timeout = std::chrono::milliseconds(30);
        Fixture fixture(std::move(options));
        BusyPool busy;
        busy.fill(waiting);
        fixture.handler.pool = &busy.pool;
        fixture.handler.context = &fixture.context;
        send_password(fixture);
        EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
        const bool too_long = waiting > most;
        EXPECT_EQ(fixture.error().code, too_long ? "53300" : "57014");
        EXPECT_EQ(fixture.error().hint, too_long ? "Try again later." : "");
    }
}

}  // namespace
}  // namespace sluice::pg
