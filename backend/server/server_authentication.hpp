#pragma once

#include "backend/auth/password.hpp"
#include "backend/protocol/error_fields.hpp"
#include "backend/server/framed_stream.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/secret.hpp"
#include "common/net/blocking_pool.hpp"

#include <optional>
#include <string>

namespace sluice::pg {

// Authentication of a client by a password, from the request to the last answer of the client.
// The framed stream has the deadline of the login and its limit for messages.

// Why a client is not let in.
struct AuthFailure {
    enum class Kind {
        broken,       // the dialogue: by its stream, or by a message that cannot be read
        refused,      // the client did not prove what it has to
        unavailable,  // we could not find out: a failure of ours
    };
    static AuthFailure broken(Error error, std::optional<ErrorFields> tell);
    static AuthFailure refused(std::string reason, ErrorFields tell);
    static AuthFailure unavailable(std::string reason, ErrorFields tell);

    Kind kind;
    // For our log. Of a broken dialogue is_violation() tells a broken protocol, is_disconnect() a
    // client that is gone (or our own cancellation: operation_canceled).
    Error error;
    // What to send before closing, FATAL; empty when nobody is there to read it. Never empty when
    // refused or unavailable.
    std::optional<ErrorFields> tell;
};
using AuthOutcome = Expected<void, AuthFailure>;

// What a client is asked for. Where it is MD5, a role with a SCRAM secret has to speak SCRAM all the
// same; where it is SCRAM, a role with an MD5 secret fails like one that does not exist.
enum class PasswordMethod { cleartext, md5, scram };

inline constexpr std::size_t mock_key_bytes_min = 16;

struct PasswordCheck {
    PasswordMethod method = PasswordMethod::scram;
    std::string role;
    std::optional<StoredPassword> stored;  // nullopt: no such role, a mock takes its place
    // mock_key_bytes_min to 64 secret bytes, the same in all processes that a client may meet, so
    // that a role that does not exist always looks the same. The owner keeps them.
    ByteView mock_key;
    // Where the method is md5: what a role that does not exist is asked for, md5 or scram. To be that of
    // most secrets (PostgreSQL: password_encryption): roles with the other kind can be told from it.
    PasswordMethod mock_method = PasswordMethod::scram;
    // Those of the roles' secrets, in SCRAM and in what a cleartext password costs. A role with another
    // number can be told from one that does not exist.
    std::uint32_t mock_iterations = scram_iterations_default;
    // Where the key derivation for cleartext passwords runs; null: on this thread, which then
    // serves nobody else for milliseconds.
    net::BlockingPool* pool = nullptr;
    // With more than this waiting in the pool, whoever else comes is refused (53300) instead of
    // making all of them late.
    std::size_t pool_waiting_max = 1024;
    boost::asio::io_context* context = nullptr;  // of this thread, for the pool
};

// Asks for the role's password and verifies the answer; one attempt. Can be cancelled at any time. AuthenticationOk is the
// caller's: after success framed.out() may hold AuthenticationSASLFinal, which leaves with it.
// Awaited in place: both arguments stay until it ends.
net::Awaitable<AuthOutcome> check_password(FramedStream& framed, const PasswordCheck& check);

// Asks for a cleartext password or token and returns what came, unverified.
net::Awaitable<Expected<Secret, AuthFailure>> ask_cleartext(FramedStream& framed);

}  // namespace sluice::pg
