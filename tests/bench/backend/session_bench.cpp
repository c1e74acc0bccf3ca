#include "tests/bench/backend/session_bench.hpp"

#include "backend/protocol/frontend.hpp"
#include "backend/server/postgres_backend.hpp"
#include "common/base/assert.hpp"
#include "common/net/task_group.hpp"
#include "tests/bench/backend/allocations.hpp"
#include "tests/support/socket_pair.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <ctime>
#include <thread>

namespace sluice::bench {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t warm_up = 100;  // for buffers and caches to grow
constexpr std::size_t queries = 20'000;

class OneRow final : public pg::Handler {
public:
    std::optional<pg::ErrorFields> startup(const pg::StartupMessage&) override {
        return std::nullopt;
    }
    std::optional<std::vector<pg::Column>> describe(std::string_view) override { return columns_; }
    net::Awaitable<pg::QueryOutcome> process_query(pg::PostgresBackend& backend,
                                                   std::string) override {
        backend.row_description(columns_);
        SLUICE_ASSERT(pg::encode_data_row(backend.out(), row_));
        pg::encode_command_complete(backend.out(), "SELECT 1");
        co_return pg::QueryOutcome();
    }

private:
    std::vector<pg::Column> columns_ = {{"data"}};
    std::vector<std::optional<std::string>> row_ = {"ok"};
};

// A blocking client that allocates nothing.
class Client {
public:
    explicit Client(std::unique_ptr<net::SocketStream> stream) : stream_(std::move(stream)) {
        stream_->detach();
        const int flags = ::fcntl(stream_->native_handle(), F_GETFL);
        SLUICE_ASSERT(::fcntl(stream_->native_handle(), F_SETFL, flags & ~O_NONBLOCK) == 0);
    }
    // Sends `bytes` and reads up to ReadyForQuery.
    void ask(ByteView bytes) {
        const int fd = stream_->native_handle();
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        SLUICE_ASSERT(sent == static_cast<ssize_t>(bytes.size()));
        std::size_t end = 0;
        while (!as_text(ByteView(answer_).first(end)).ends_with("Z\0\0\0\5I"sv)) {
            const auto count = ::recv(fd, answer_.data() + end, answer_.size() - end, 0);
            SLUICE_ASSERT(count > 0);
            end += static_cast<std::size_t>(count);
        }
    }
    void close() { stream_->close(); }

private:
    std::unique_ptr<net::SocketStream> stream_;
    std::array<std::uint8_t, 4096> answer_{};
};

Bytes startup() {
    pg::StartupMessage message;
    message.parameters = {{"user", "bench"}};
    Bytes packet;
    SLUICE_ASSERT(pg::encode_startup(packet, message));
    return packet;
}

struct Question {
    const char* name;
    Bytes bytes;
    double allocations_max;
};

std::vector<Question> questions() {
    constexpr std::string_view text = "select data from somewhere";
    Bytes simple;
    SLUICE_ASSERT(pg::encode_query(simple, text));
    Bytes extended;
    SLUICE_ASSERT(pg::encode_parse(extended, "", text));
    SLUICE_ASSERT(pg::encode_bind(extended, "", "", {}));
    SLUICE_ASSERT(pg::encode_describe(extended, {pg::Subject::portal, ""}));
    SLUICE_ASSERT(pg::encode_execute(extended, {}));
    pg::encode_sync(extended);
    return {{"simple query", simple, 8}, {"Parse, Bind, Describe, Execute, Sync", extended, 14}};
}

double thread_seconds(std::thread& thread) {
    clockid_t clock{};
    SLUICE_ASSERT(::pthread_getcpuclockid(thread.native_handle(), &clock) == 0);
    timespec time{};
    SLUICE_ASSERT(::clock_gettime(clock, &time) == 0);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

QueryCost measure(Client& client, std::thread& server, const Question& question) {
    for (std::size_t i = 0; i < warm_up; ++i) client.ask(question.bytes);
    const std::size_t allocated = allocations();
    const double seconds = thread_seconds(server);
    for (std::size_t i = 0; i < queries; ++i) client.ask(question.bytes);
    QueryCost cost;
    cost.name = question.name;
    cost.allocations = static_cast<double>(allocations() - allocated) / queries;
    cost.allocations_max = question.allocations_max;
    cost.microseconds = (thread_seconds(server) - seconds) * 1e6 / queries;
    return cost;
}

}  // namespace

std::vector<QueryCost> measure_queries() {
    const log::Capture silence;
    boost::asio::io_context context(1);
    auto pair = test::tcp_pair(context);
    OneRow handler;
    pg::PostgresBackend backend({}, log::Log());
    net::TaskGroup tasks(context);
    tasks.spawn(backend.run(std::move(pair.server), handler));
    Client client(std::move(pair.client));
    std::thread server([&context] { context.run(); });
    client.ask(startup());
    std::vector<QueryCost> costs;
    for (const Question& question : questions()) costs.push_back(measure(client, server, question));
    client.close();
    server.join();
    return costs;
}

}  // namespace sluice::bench
