#include "backend/auth/password.hpp"
#include "backend/auth/saslprep.hpp"
#include "backend/auth/scram.hpp"
#include "backend/auth/scram_server.hpp"
#include "common/base/assert.hpp"
#include "tests/fuzz/lines.hpp"
#include "tests/fuzz/target.hpp"

#include <charconv>

namespace sluice::fuzz {

namespace {

constexpr std::string_view known_password = "pencil";

pg::ScramClient make_client(std::string_view password) {
    pg::ScramClient::Options options;
    options.password = Secret(std::string(password));
    options.nonce = "nonce";
    return pg::ScramClient(std::move(options));
}

pg::ScramSecret make_secret(std::string_view password) {
    return pg::make_scram_secret(Secret(std::string(password)), Bytes{'s', 'a', 'l', 't'}, 1);
}

pg::ScramServer make_server(const pg::ScramSecret& secret, Bytes end_point = {}) {
    pg::ScramServer::Options options;
    options.role = "alice";
    options.secret = secret;
    options.nonce = "server";
    options.end_point = std::move(end_point);
    return pg::ScramServer(std::move(options));
}

// Counts up to a million are allowed, and too slow for a fuzzer.
bool is_slow(std::string_view server_first) {
    const std::size_t at = server_first.rfind(",i=");
    if (at == std::string_view::npos) return false;
    std::uint32_t count = 0;
    std::from_chars(server_first.data() + at + 3, server_first.data() + server_first.size(), count);
    return count > 100 && count <= pg::scram_iterations_max;
}

// A client, and a server that sends the two lines.
void try_client(std::string_view server_first, std::string_view server_final) {
    if (is_slow(server_first)) return;
    pg::ScramClient client = make_client(known_password);
    SLUICE_ASSERT(!client.finish(server_final));
    if (!client.challenge(server_first)) return;
    const bool finished = client.finish(server_final).has_value();
    SLUICE_ASSERT(finished == client.finished());
    SLUICE_ASSERT(!finished || server_final.starts_with("v="));
}

// A server, and a client that sends the two lines.
void try_server(std::string_view client_first, std::string_view client_final) {
    static const pg::ScramSecret secret = make_secret(known_password);
    for (const auto mechanism : {pg::scram_sha_256, pg::scram_sha_256_plus}) {
        for (const Bytes& end_point : {Bytes{}, Bytes{1, 2, 3}}) {
            pg::ScramServer server = make_server(secret, end_point);
            if (!server.first(mechanism, client_first)) continue;
            if (server.final(client_final))
                SLUICE_ASSERT(crypto::sha256(server.client_key()) == secret.stored_key);
        }
    }
}

// Our client and our server agree on any password, and on no other than that.
void try_password(std::string_view password) {
    pg::ScramClient client = make_client(password);
    pg::ScramServer server = make_server(make_secret(password));
    const auto server_first = server.first(client.mechanism(), client.first());
    SLUICE_ASSERT(server_first);
    const auto client_final = client.challenge(*server_first);
    SLUICE_ASSERT(client_final);
    const auto server_final = server.final(*client_final);
    SLUICE_ASSERT(server_final);
    SLUICE_ASSERT(client.finish(*server_final));

    pg::ScramServer other = make_server(make_secret(std::string(password) + "x"));
    SLUICE_ASSERT(other.first(client.mechanism(), client.first()));
    SLUICE_ASSERT(!other.final(*client_final));
}

// Text that was prepared stays as it is.
void try_saslprep(std::string_view password) {
    const Secret prepared = pg::saslprep(Secret(std::string(password)));
    SLUICE_ASSERT(pg::saslprep(prepared).reveal() == prepared.reveal());
}

void try_secret(std::string_view text) {
    static_cast<void>(pg::parse_stored_password(text));
    const auto secret = pg::parse_scram_secret(text);
    if (!secret) return;
    const auto again = pg::parse_scram_secret(pg::to_string(*secret));
    SLUICE_ASSERT(again && pg::to_string(*again) == pg::to_string(*secret));
}

}  // namespace

void try_input(ByteView input) {
    std::string_view text = as_text(input);
    const std::string_view first = take_line(text);
    const std::string_view second = take_line(text);
    try_client(first, second);
    try_server(first, second);
    try_password(first);
    try_saslprep(first);
    try_secret(first);
}

}  // namespace sluice::fuzz
