#pragma once

#include "backend/auth/scram_secret.hpp"
#include "backend/protocol/error_fields.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/crypto/hash.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pg {

// Why an exchange ended without success, in the words and codes of PostgreSQL.
struct ScramFailure {
    enum class Reason {
        malformed,       // no SCRAM client writes that
        unsupported,     // an extension, an authorization identity, a mechanism not offered
        binding,         // another channel than ours, or a wrong idea of what we offer
        wrong_password,  // the proof is wrong, or the role does not exist
    };
    Reason reason = Reason::malformed;
    ErrorFields tell;  // FATAL
};

// The server side of SCRAM-SHA-256 and -PLUS (RFC 5802, 7677). Without I/O: the caller carries the
// messages. One exchange per object: first(), then final(); after a failure the exchange is over.
class ScramServer {
public:
    struct Options {
        std::string role;  // for the text of a failure; the name inside the messages is ignored
        ScramSecret secret;
        // The exchange goes on to its end and fails like one with a wrong password.
        bool mock = false;
        std::string nonce;  // scram_nonce() of fresh random bytes
        // RFC 5929 data of our certificate; empty: -PLUS is not offered.
        Bytes end_point;
    };
    explicit ScramServer(Options options);

    // What AuthenticationSASL offers, in the order of preference.
    static std::vector<std::string_view> mechanisms(bool has_end_point);

    // Takes the client-first-message, gives the server-first-message.
    Expected<std::string, ScramFailure> first(std::string_view mechanism,
                                              std::string_view client_first);
    // Takes the client-final-message, gives the server-final-message: the client knows the password.
    Expected<std::string, ScramFailure> final(std::string_view client_final);
    // After final() succeeded: with it and the secret's ServerKey one can log in elsewhere as the
    // client, where the role has the same secret.
    const crypto::Sha256& client_key() const;

private:
    enum class State { start, challenged, finished, failed };

    // Exchanges that fail stay failed.
    ScramFailure fail(ScramFailure failure);

    Options options_;
    State state_ = State::start;
    bool plus_ = false;
    std::string header_;      // the client's gs2-header
    std::string bare_first_;  // the client-first-message behind it
    std::string nonce_;       // the client's and ours
    std::string server_first_;
    crypto::Sha256 client_key_{};
};

}  // namespace sluice::pg
