#pragma once

#include "backend/auth/token_scope.hpp"
#include "backend/server/postgres_backend.hpp"
#include "common/crypto/signature.hpp"
#include "common/net/blocking_pool.hpp"
#include "tests/support/test_backend/answers.hpp"
#include "tests/support/test_backend/copy_commands.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sluice::test_backend {

// What all connections share.
struct Shared {
    std::optional<crypto::PublicKey> token_key;  // for jwt
    bool tenant_tokens = false;                  // whose scopes decide about every query
    // For the password methods: what the roles' passwords are verified against.
    pg::PasswordMethod password_method = pg::PasswordMethod::scram;
    std::map<std::string, pg::StoredPassword, std::less<>> roles;
    Bytes mock_key;
    std::unique_ptr<net::BlockingPool> pool;
    std::atomic<std::size_t> sessions{0};
    std::atomic<std::size_t> sleeping{0};
    std::atomic<bool> wal_ended{false};
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
//   notice TEXT       a NoticeResponse in front of the answer
//   sessions          how many connections are served
//   sleeping          how many queries `sleep`
//   end_wal           ends replication streams, now and later
//   fail [TEXT]       XX000, with the text for log and client
//   typo              42601
//   throw             the handler throws; as the name of the user, too
//   throw_describe    the handler throws when it has to describe the rows
//   tenant ID         28000 unless the token of the login allows that tenant
//   management        28000 unless it allows everything
//   checksum          SHA-256 of what the last COPY sink took
//   COPY ...          copy_commands.hpp, START_REPLICATION too
//   anything else     answers.hpp
class CommandHandler final : public pg::Handler {
public:
    CommandHandler(Shared& shared, boost::asio::io_context& context)
        : shared_(shared), context_(context), copies_(context, shared.wal_ended) {}

    std::optional<pg::ErrorFields> startup(const pg::StartupMessage& message) override;
    net::Awaitable<Expected<pg::PasswordCheck, pg::ErrorFields>> check_auth(
        const pg::StartupMessage& message) override;
    std::optional<pg::ErrorFields> check_token(std::string_view token) override;
    std::optional<std::vector<pg::Column>> describe(std::string_view query) override;
    net::Awaitable<pg::QueryOutcome> process_query(pg::PostgresBackend& backend,
                                                   std::string query) override;

private:
    net::Awaitable<pg::QueryOutcome> sleep(std::chrono::seconds time);
    net::Awaitable<pg::QueryOutcome> send_rows(pg::PostgresBackend& backend, std::uint64_t count);
    bool allowed(const Command& command) const;
    // The commands that need no waiting.
    Answer answer_at_once(const Command& command) const;

    Shared& shared_;
    boost::asio::io_context& context_;
    CopyCommands copies_;
    std::optional<pg::TenantToken> tenant_token_;
};

}  // namespace sluice::test_backend
