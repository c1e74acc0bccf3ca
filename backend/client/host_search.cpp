#include "backend/client/host_search.hpp"

#include "common/crypto/random_bytes.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace sluice::pg {

namespace {

std::string label(const HostSpec& host) {
    return (host.host.empty() ? host.address : host.host) + ":" + std::to_string(host.port);
}

net::TlsMode tls_mode(const ConnInfo& info) {
    switch (info.ssl_mode) {
    case SslMode::disable: return net::TlsMode::disable;
    case SslMode::allow: return net::TlsMode::allow;
    case SslMode::prefer: return net::TlsMode::prefer;
    // As libpq: with an authority at hand, it is used.
    case SslMode::require:
        return info.ssl_root_cert.empty() ? net::TlsMode::require : net::TlsMode::verify_ca;
    case SslMode::verify_ca: return net::TlsMode::verify_ca;
    case SslMode::verify_full: return net::TlsMode::verify_full;
    }
    return net::TlsMode::verify_full;
}

net::TlsVersion tls_version(SslVersion version) {
    return version == SslVersion::tls_1_3 ? net::TlsVersion::tls_1_3 : net::TlsVersion::tls_1_2;
}

// The answer to a question that a server answers by one word.
net::Awaitable<ClientResult<bool>> ask(PostgresClient& client,
                                       std::string question,
                                       std::string_view yes,
                                       Deadline deadline) {
    auto result = co_await client.simple_query(std::move(question), deadline);
    if (!result) co_return std::move(result).error();
    if (result->rows.size() != 1 || result->rows[0].size() != 1 || !result->rows[0][0]) {
        co_return client_error("an answer without a value");
    }
    co_return *result->rows[0][0] == yes;
}

// Servers since PostgreSQL 14 say both at the login.
net::Awaitable<ClientResult<bool>> is_standby(PostgresClient& client, Deadline deadline) {
    if (const auto standby = client.parameter("in_hot_standby")) co_return *standby == "on";
    co_return co_await ask(client, "SELECT pg_catalog.pg_is_in_recovery()", "t", deadline);
}

net::Awaitable<ClientResult<bool>> is_read_only(PostgresClient& client, Deadline deadline) {
    const auto standby = client.parameter("in_hot_standby");
    const auto read_only = client.parameter("default_transaction_read_only");
    if (standby && read_only) co_return *standby == "on" || *read_only == "on";
    co_return co_await ask(client, "SHOW transaction_read_only", "on", deadline);
}

// Why a session is not what is wanted; empty: it is.
net::Awaitable<ClientResult<std::string>> mismatch(PostgresClient& client,
                                                   TargetSession wanted,
                                                   Deadline deadline) {
    const bool about_writing =
        wanted == TargetSession::read_write || wanted == TargetSession::read_only;
    if (about_writing) {
        const auto read_only = co_await is_read_only(client, deadline);
        if (!read_only) co_return ClientError(read_only.error());
        if (*read_only == (wanted == TargetSession::read_only)) co_return std::string();
        co_return std::string(*read_only ? "session is read-only" : "session is not read-only");
    }
    const auto standby = co_await is_standby(client, deadline);
    if (!standby) co_return ClientError(standby.error());
    if (*standby == (wanted == TargetSession::standby)) co_return std::string();
    co_return std::string(*standby ? "server is in hot standby mode"
                                   : "server is not in hot standby mode");
}

}  // namespace

Result<std::shared_ptr<const net::TlsClientContext>> make_tls_context(const ConnInfo& info) {
    net::TlsClientOptions options;
    options.mode = tls_mode(info);
    if (options.mode == net::TlsMode::disable) {
        return std::shared_ptr<const net::TlsClientContext>();
    }
    if (!info.ssl_root_cert.empty() && info.ssl_root_cert != "system") {
        options.ca = info.ssl_root_cert;
    }
    if (!info.ssl_cert.empty()) {
        options.identity = net::TlsServerContext::Files{info.ssl_cert, info.ssl_key};
        options.key_password = info.ssl_password;
    }
    options.offer_alpn = true;
    options.send_server_name = info.ssl_sni;
    options.min_version = tls_version(info.ssl_min_version);
    options.max_version = tls_version(info.ssl_max_version);
    return net::TlsClientContext::make(options);
}

HostSearch::HostSearch(boost::asio::io_context& context,
                       ConnInfo info,
                       Deadline deadline,
                       net::BlockingPool* pool)
    : context_(context), info_(std::move(info)), deadline_(deadline), pool_(pool) {}

net::Awaitable<HostSearch::Connected> HostSearch::run() {
    if (auto failure = prepare()) co_return std::move(*failure);
    if (info_.target_session != TargetSession::prefer_standby) {
        co_return co_await try_hosts(info_.target_session);
    }
    auto standby = co_await try_hosts(TargetSession::standby);
    if (standby || over_) co_return standby;
    co_return co_await try_hosts(TargetSession::any);
}

std::optional<ClientError> HostSearch::prepare() {
    for (const HostSpec& host : info_.hosts) {
        boost::system::error_code invalid;
        if (!host.address.empty()) boost::asio::ip::make_address(host.address, invalid);
        if (invalid)
            return client_error("could not parse network address \"" + host.address + "\"");
    }
    auto tls = make_tls_context(info_);
    if (!tls) return client_error(std::move(tls).error());
    tls_ = std::move(*tls);
    if (info_.load_balance_random) shuffle_hosts();
    return std::nullopt;
}

void HostSearch::shuffle_hosts() {
    const Bytes seed = crypto::random_bytes(sizeof(std::uint64_t));
    std::seed_seq sequence(seed.begin(), seed.end());
    std::mt19937 random(sequence);
    std::shuffle(info_.hosts.begin(), info_.hosts.end(), random);
}

ConnectOptions HostSearch::options_for(const HostSpec& host) const {
    ConnectOptions options;
    options.host = host.host;
    options.address = host.address;
    options.port = host.port;
    options.tls = tls_;
    options.ssl_negotiation = info_.ssl_negotiation;
    options.user = info_.user;
    options.database = info_.database;
    options.password = info_.password;
    options.channel_binding = info_.channel_binding;
    options.require_auth = info_.require_auth;
    options.parameters = info_.parameters;
    options.protocol_minor = info_.protocol_minor_max;
    options.protocol_minor_min = info_.protocol_minor_min;
    options.pool = pool_;
    options.deadline = deadline_;
    if (info_.connect_timeout) {
        const auto now = std::chrono::steady_clock::now();
        options.deadline = std::min(deadline_, now + *info_.connect_timeout);
    }
    return options;
}

net::Awaitable<HostSearch::Connected> HostSearch::try_hosts(TargetSession wanted) {
    ClientError failed = client_error("no host is named");
    std::string reasons;
    for (const HostSpec& host : info_.hosts) {
        auto client = co_await try_host(host, wanted);
        if (client) co_return client;
        failed = std::move(client).error();
        // Most messages about connecting name the host themselves.
        const bool named = failed.error.detail.find(label(host)) != std::string::npos;
        if (!named) failed.error = std::move(failed.error).with(label(host));
        over_ = is_over(failed);
        if (over_ || info_.hosts.size() == 1) break;
        reasons += (reasons.empty() ? "" : "; ") + failed.error.message();
    }
    if (!over_ && info_.hosts.size() > 1) {
        failed.error.code = {};
        failed.error.detail = std::move(reasons);
    }
    co_return failed;
}

bool HostSearch::is_over(const ClientError& failure) const {
    return failure.conclusive || failure.error.code == boost::asio::error::operation_aborted ||
           std::chrono::steady_clock::now() >= deadline_;
}

net::Awaitable<HostSearch::Connected> HostSearch::try_host(const HostSpec& host,
                                                           TargetSession wanted) {
    ConnectOptions options = options_for(host);
    const Deadline deadline = options.deadline;
    auto client = co_await PostgresClient::connect(context_, std::move(options));
    if (!client || wanted == TargetSession::any) co_return client;
    auto reason = co_await mismatch(**client, wanted, deadline);
    if (reason && reason->empty()) co_return client;
    co_await (*client)->close();
    if (!reason) co_return std::move(reason).error();
    co_return client_error(std::move(*reason));
}

}  // namespace sluice::pg
