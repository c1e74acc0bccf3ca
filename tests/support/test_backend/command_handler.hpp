#pragma once

#include "backend/server/postgres_backend.hpp"
#include "common/crypto/signature.hpp"
#include "tests/support/test_backend/answers.hpp"

#include <atomic>
#include <cstddef>

namespace sluice::test_backend {

// What all connections share.
struct Shared {
    std::optional<crypto::PublicKey> token_key;  // with --auth jwt
    std::atomic<std::size_t> sessions{0};
    std::atomic<std::size_t> sleeping{0};
};

// Counts as long as it lives.
class Counted {
public:
    explicit Counted(std::atomic<std::size_t>& counter) : counter_(counter) { ++counter_; }
    ~Counted() { --counter_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

private:
    std::atomic<std::size_t>& counter_;
};

// Answers the commands of the test server, one object a connection:
//
//   sleep SECONDS     waits
//   rows COUNT        that many numbered rows
//   fill BYTES        one value of that size
//   fail [TEXT]       XX000
//   typo              42601
//   notice TEXT       a NoticeResponse in front of the answer
//   throw             the handler throws
//   sessions          how many connections are served
//   sleeping          how many queries `sleep`
//   anything else     answers.hpp
class CommandHandler final : public pg::Handler {
public:
    explicit CommandHandler(Shared& shared) : shared_(shared) {}

    std::optional<pg::ErrorFields> startup(const pg::StartupMessage& message) override;
    std::optional<pg::ErrorFields> check_token(std::string_view token) override;
    net::Awaitable<pg::QueryOutcome> process_query(pg::PostgresBackend& backend,
                                                   std::string query) override;

private:
    Shared& shared_;
};

}  // namespace sluice::test_backend
