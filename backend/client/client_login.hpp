#pragma once

#include "backend/auth/scram.hpp"
#include "backend/client/postgres_client.hpp"
#include "backend/protocol/frame.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::pg {

// From a startup packet to the first ReadyForQuery. Lives in the frame of PostgresClient::connect.
class ClientLogin {
public:
    ClientLogin(boost::asio::io_context& context,
                std::unique_ptr<net::ByteStream> stream,
                const ConnectOptions& options);

    net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> run();

    // run() failed because the server refused this kind of connection before it asked for anything:
    // another one, encrypted or not, may be let in.
    bool turned_away() const { return turned_away_; }

private:
    using Step = std::optional<ClientError>;  // nullopt: go on

    [[nodiscard]] bool send_startup();
    Step answer(const Frame& message);
    ClientError refuse(ClientError failure);
    Step negotiate(ByteView body);
    Step take_key(ByteView body);
    Step take_parameter(const Frame& message);
    Step take_ready(ByteView body);

    Step authenticate(ByteView body);
    Step take_ok();
    Step send_cleartext();
    Step send_md5(ByteView salt);
    Step begin_sasl(ByteView mechanisms);
    Step choose_binding(bool offers_plus, bool offers_plain, ScramClient::Options& scram) const;
    net::Awaitable<Step> answer_challenge();
    Step finish_sasl(ByteView data);
    // Whether the options let the server use that method; `asks` says what it does.
    Step allow(AuthMethod method, std::string_view asks) const;
    Step need_password() const;
    void complete();

    boost::asio::io_context& context_;
    const ConnectOptions& options_;
    std::unique_ptr<PostgresClient> client_;
    Bytes end_point_;  // channel binding data, empty on plain connections
    std::optional<ScramClient> scram_;
    std::optional<std::string> challenge_;  // the server's, to be answered
    bool asked_ = false;                    // the server asked for a password or SASL
    bool negotiated_ = false;
    bool authenticated_ = false;
    bool ready_ = false;
    bool turned_away_ = false;
};

}  // namespace sluice::pg
