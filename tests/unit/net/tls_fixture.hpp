#pragma once

#include "common/net/race.hpp"
#include "common/net/tls_stream.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice::net {

inline const test::TestCertificates& certificates() {
    static const test::TestCertificates made;
    return made;
}

inline std::shared_ptr<const TlsServerContext> server_context(
    const crypto::CertificateFiles& pair = certificates().server) {
    const TlsServerContext::Files files{pair.certificate, pair.key};
    auto loaded = TlsServerContext::load(files, TlsServerContext::Alpn::postgresql);
    return loaded ? *loaded : nullptr;
}

inline std::shared_ptr<const TlsClientContext> client_context(TlsMode mode = TlsMode::require) {
    auto made = TlsClientContext::make(mode, certificates().authority.certificate);
    return made ? *made : nullptr;
}

using TlsResult = Result<std::unique_ptr<TlsStream>>;

// What both sides made of a handshake.
struct Handshake {
    TlsResult client;
    TlsResult server;
};

struct HandshakeOptions {
    std::shared_ptr<const TlsServerContext> server = server_context();
    std::shared_ptr<const TlsClientContext> client = client_context();
    std::string name = "localhost";
    TlsStream::Negotiation negotiation = TlsStream::Negotiation::ssl_request;
};

inline Handshake shake_hands(boost::asio::io_context& context,
                             test::StreamPair pair,
                             HandshakeOptions options = {}) {
    auto results = test::run_coroutine(
        context,
        both(TlsStream::connect(std::move(pair.client), options.client, options.name),
             TlsStream::accept(std::move(pair.server), options.server, {}, options.negotiation)));
    return {std::move(std::get<0>(results)), std::move(std::get<1>(results))};
}

}  // namespace sluice::net
