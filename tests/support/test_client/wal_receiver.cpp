#include "tests/support/test_client/wal_receiver.hpp"

#include <chrono>
#include <fstream>
#include <iostream>
#include <utility>

namespace sluice::test_client {

namespace {

using pg::ReplicationClient;

// Receives until enough is there; answers keepalives. What it knows lives as long as the command.
class WalReceiver {
public:
    WalReceiver(std::unique_ptr<pg::PostgresClient> client, const Options& options)
        : replication_(std::move(client)),
          deadline_(options.deadline),
          next_(Lsn::parse(options.arguments.at(0)).value()),
          wanted_(std::stoull(options.arguments.at(1))),
          file_(options.arguments.at(2), std::ios::binary) {}

    net::Awaitable<int> run() {
        const Lsn start = next_;
        auto started = co_await replication_.start(
            "START_REPLICATION PHYSICAL " + start.to_string(), deadline_);
        if (!started) co_return report(started.error());
        std::cout << "streaming" << std::endl;
        while (!ended_ && received_ < wanted_) {
            auto failure = co_await take_one();
            if (failure) co_return report(*failure);
        }
        auto finished = co_await replication_.finish(deadline_);
        if (!finished) co_return report(finished.error());
        std::cout << "received " << received_ << " bytes from " << start.to_string() << '\n'
                  << (ended_ ? "ended by the server" : "ended by us") << std::endl;
        print(*finished);
        co_await replication_.close();
        co_return 0;
    }

private:
    net::Awaitable<std::optional<pg::ClientError>> take_one() {
        auto message = co_await replication_.receive(deadline_);
        if (!message) co_return std::move(message).error();
        if (!*message) {
            ended_ = true;
            co_return std::nullopt;
        }
        if (const auto* wal = std::get_if<pg::XLogData>(&**message)) {
            if (wal->start != next_) co_return pg::client_error("a gap in the WAL");
            const auto text = as_text(wal->data);
            file_.write(text.data(), static_cast<std::streamsize>(text.size()));
            next_ = next_ + wal->data.size();
            received_ += wal->data.size();
            co_return std::nullopt;
        }
        if (!std::get<pg::Keepalive>(**message).reply_requested) co_return std::nullopt;
        co_return co_await send_status();
    }

    net::Awaitable<std::optional<pg::ClientError>> send_status() {
        pg::StandbyStatus status;
        status.write = status.flush = status.apply = next_;
        status.time = pg::to_pg_time(std::chrono::system_clock::now());
        auto sent = co_await replication_.send(status, deadline_);
        if (!sent) co_return pg::client_error(std::move(sent).error());
        co_return std::nullopt;
    }

    ReplicationClient replication_;
    Deadline deadline_;
    Lsn next_;
    std::uint64_t wanted_;
    std::uint64_t received_ = 0;
    std::ofstream file_;
    bool ended_ = false;
};

}  // namespace

net::Awaitable<int> identify(std::unique_ptr<pg::PostgresClient> client, Deadline deadline) {
    ReplicationClient replication(std::move(client));
    auto identity = co_await replication.identify_system(deadline);
    if (!identity) co_return report(identity.error());
    auto size = co_await replication.show("wal_segment_size", deadline);
    if (!size) co_return report(size.error());
    std::cout << identity->system_id << '\t' << identity->timeline << '\t'
              << identity->flush_lsn.to_string() << '\t' << *size << std::endl;
    co_await replication.close();
    co_return 0;
}

net::Awaitable<int> receive_wal(std::unique_ptr<pg::PostgresClient> client, Options options) {
    WalReceiver receiver(std::move(client), options);
    co_return co_await receiver.run();
}

}  // namespace sluice::test_client
