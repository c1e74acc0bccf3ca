#include "common/net/connect.hpp"

#include "common/net/race.hpp"
#include "common/net/timer.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/coroutine.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace sluice::net {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;
using test::run_coroutine;

using Connected = Result<std::unique_ptr<SocketStream>>;

Deadline in_a_while() { return std::chrono::steady_clock::now() + test::patience; }

// A port whose queue of connections is full, so that a further one is not answered.
class FullServer {
public:
    explicit FullServer(boost::asio::io_context& context)
        : acceptor_(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0), false) {
        acceptor_.listen(0);
        for (int i = 0; i < 4; ++i) {
            auto& filler = fillers_.emplace_back(context);
            filler.open(tcp::v4());
            filler.native_non_blocking(true);
            const auto endpoint = acceptor_.local_endpoint();
            // Asio's connect would wait for the answer.
            ::connect(
                filler.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size()));
        }
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    tcp::acceptor acceptor_;
    std::vector<tcp::socket> fillers_;
};

class ConnectTest : public ::testing::Test {
protected:
    boost::asio::io_context context;

    Connected dial(const std::string& host, std::uint16_t port, Deadline deadline) {
        return run_coroutine(context, connect(context, host, port, deadline));
    }
};

TEST_F(ConnectTest, ReachesALiteralAddressAndAName) {
    tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const auto port = acceptor.local_endpoint().port();

    const auto literal = dial("127.0.0.1", port, no_deadline);
    ASSERT_TRUE(literal.has_value()) << literal.error().message();
    EXPECT_EQ((*literal)->peer(), "127.0.0.1:" + std::to_string(port));

    // localhost may be ::1 first, where nobody listens.
    const auto named = dial("localhost", port, in_a_while());
    EXPECT_TRUE(named.has_value()) << named.error().message();
}

TEST_F(ConnectTest, ReachesAUnixSocket) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() / ".s.PGSQL.5432";
    boost::asio::local::stream_protocol::acceptor acceptor(context, path.string());

    const auto connected = dial(folder.path(), 5432, in_a_while());

    ASSERT_TRUE(connected.has_value()) << connected.error().message();
    EXPECT_EQ((*connected)->peer(), "unix");
}

TEST_F(ConnectTest, NamesTheHostAndTheReason) {
    tcp::acceptor unused(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    const auto port = unused.local_endpoint().port();
    unused.close();

    const auto refused = dial("127.0.0.1", port, in_a_while());

    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message(),
              "connecting to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
    EXPECT_EQ(refused.error().kind, ErrorKind::peer);
}

TEST_F(ConnectTest, AnUnknownNameIsAnError) {
    const auto unknown = dial("no-such-host.invalid", 5432, in_a_while());

    ASSERT_FALSE(unknown.has_value());
    EXPECT_TRUE(unknown.error().message().starts_with("connecting to no-such-host.invalid:5432: "))
        << unknown.error().message();
}

TEST_F(ConnectTest, AMissingUnixSocketIsAnError) {
    EXPECT_FALSE(dial("/nonexistent", 1, in_a_while()).has_value());
    EXPECT_FALSE(dial("/" + std::string(200, 'x'), 1, in_a_while()).has_value());
}

TEST_F(ConnectTest, GivesUpAtTheDeadline) {
    const FullServer server(context);

    const auto silent =
        dial("127.0.0.1", server.port(), std::chrono::steady_clock::now() + milliseconds(5));

    ASSERT_FALSE(silent.has_value());
    EXPECT_TRUE(is_timeout(silent.error().code)) << silent.error().message();
}

TEST_F(ConnectTest, ADeadlineInThePastFailsAtOnce) {
    EXPECT_TRUE(is_timeout(dial("127.0.0.1", 1, Deadline()).error().code));
    EXPECT_TRUE(is_timeout(dial("localhost", 1, Deadline()).error().code));
}

TEST_F(ConnectTest, CanBeCancelled) {
    const FullServer server(context);
    auto connecting = connect(context, "127.0.0.1", server.port(), no_deadline);

    const auto first =
        run_coroutine(context, race(std::move(connecting), sleep_for(milliseconds(2))));

    EXPECT_EQ(first.index(), 1U);
}

}  // namespace
}  // namespace sluice::net
