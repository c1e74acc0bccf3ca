#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/secret.hpp"
#include "common/crypto/hash.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::pg {

inline constexpr std::string_view scram_sha_256 = "SCRAM-SHA-256";
inline constexpr std::string_view scram_sha_256_plus = "SCRAM-SHA-256-PLUS";

// More iterations than this are refused: the server chooses the number and we do the work.
inline constexpr std::uint32_t scram_iterations_max = 1'000'000;

// The client side of SCRAM-SHA-256 and -PLUS (RFC 5802, 7677). Without I/O: the caller carries the
// messages. One exchange per object; first(), challenge(), finish() in this order.
class ScramClient {
public:
    enum class Binding {
        none,          // gs2 "n": no TLS, or no binding data for its certificate
        server_lacks,  // gs2 "y": we could bind, the server does not offer -PLUS
        end_point,     // gs2 "p=tls-server-end-point"
    };
    struct Options {
        Secret password;
        std::string nonce;  // printable, no comma; fresh for each exchange
        Binding binding = Binding::none;
        Bytes end_point;   // RFC 5929 data, for Binding::end_point
        std::string user;  // PostgreSQL ignores it and libpq sends none
    };
    explicit ScramClient(Options options);

    std::string_view mechanism() const;
    // client-first-message
    std::string first() const;
    // Takes the server-first-message, gives the client-final-message. Blocks for the key derivation.
    //   errors: kind compute: malformed, foreign nonce, too many iterations
    Result<std::string> challenge(std::string_view server_first);
    // Takes the server-final-message: the server has proved that it knows the password.
    Result<void> finish(std::string_view server_final);
    // True after finish() succeeded.
    bool finished() const { return state_ == State::finished; }

private:
    enum class State { start, challenged, finished };

    std::string gs2_header() const;
    std::string bare_first() const;

    Options options_;
    State state_ = State::start;
    crypto::Sha256 server_signature_{};
};

// 18 random bytes as base64, the nonce that libpq would make.
std::string scram_nonce(ByteView random);

}  // namespace sluice::pg
