#include "backend/protocol/backend.hpp"
#include "backend/protocol/startup_negotiation.hpp"
#include "common/base/assert.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace sluice::fuzz {

namespace {

struct Encode {
    Bytes& out;
    void operator()(const pg::SslRequest&) { pg::encode_ssl_request(out); }
    void operator()(const pg::GssEncRequest&) { pg::encode_gss_enc_request(out); }
    void operator()(const pg::CancelRequest& request) {
        SLUICE_ASSERT(pg::encode_cancel_request(out, request));
    }
    void operator()(const pg::StartupMessage& message) {
        SLUICE_ASSERT(pg::encode_startup(out, message));
    }
};

void check_options(const pg::StartupMessage& message) {
    const auto words = pg::split_options(message.find("options").value_or(""));
    if (std::ranges::find(words, "") != words.end()) return;  // join_options cannot write these
    SLUICE_ASSERT(pg::split_options(pg::join_options(words)) == words);
}

void check_negotiation(const pg::StartupMessage& message) {
    const auto wanted = pg::negotiate(message, 0);
    if (!wanted) return;
    Bytes out;
    pg::encode_negotiate_protocol_version(out, *wanted);
    const auto parsed =
        pg::parse_negotiate_protocol_version(ByteView(out).subspan(pg::frame_header_size));
    SLUICE_ASSERT(parsed && parsed->minor == wanted->minor);
    SLUICE_ASSERT(parsed->unrecognized == wanted->unrecognized);
}

// A packet has one encoding: what was parsed must encode to the same bytes.
void check_packet(ByteView in) {
    std::size_t size = 0;
    const auto packet = pg::parse_startup_packet(in, size);
    if (!packet || !*packet) return;
    Bytes encoded;
    std::visit(Encode{encoded}, **packet);
    SLUICE_ASSERT(std::ranges::equal(encoded, in.first(size)));
    const auto incomplete = pg::parse_startup_packet(in.first(size - 1), size);
    SLUICE_ASSERT(incomplete && !*incomplete);
    if (const auto* message = std::get_if<pg::StartupMessage>(&**packet)) {
        check_options(*message);
        check_negotiation(*message);
    }
}

// A client whose bytes arrive one at a time and that waits for every answer.
void check_conversation(ByteView in, pg::StartupNegotiation::Policy policy) {
    pg::StartupNegotiation negotiation(policy);
    std::size_t answers = 0;
    for (std::size_t size = 0; size <= in.size(); ++size) {
        const auto action = negotiation.step(in.first(size));
        if (std::holds_alternative<pg::StartupNegotiation::Read>(action)) continue;
        const auto* answer = std::get_if<pg::StartupNegotiation::Answer>(&action);
        if (answer == nullptr) return;
        SLUICE_ASSERT(++answers <= 2);  // one SSLRequest and one GSSENCRequest
        if (answer->start_tls) negotiation.on_tls();
        in = in.subspan(size);
        size = 0;
    }
}

}  // namespace

void try_input(ByteView input) {
    check_packet(input);
    for (const bool available : {false, true}) {
        for (const bool required : {false, true}) {
            pg::StartupNegotiation::Policy policy;
            policy.tls_available = available;
            policy.tls_required = required;
            check_conversation(input, policy);
        }
    }
}

}  // namespace sluice::fuzz
