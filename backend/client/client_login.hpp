#pragma once

#include "backend/auth/scram.hpp"
#include "backend/client/postgres_client.hpp"
#include "backend/protocol/frame.hpp"

#include <memory>
#include <optional>

namespace sluice::pg {

// From a startup packet to the first ReadyForQuery. Lives in the frame of PostgresClient::connect.
class ClientLogin {
public:
    ClientLogin(std::unique_ptr<net::ByteStream> stream, const ConnectOptions& options);

    net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> run();

private:
    using Step = std::optional<ClientError>;  // nullopt: go on

    [[nodiscard]] bool send_startup();
    Step answer(const Frame& message);
    Step authenticate(ByteView body);
    Step begin_sasl(ByteView mechanisms);
    Step continue_sasl(ByteView data);
    Step finish_sasl(ByteView data);
    Step need_password() const;
    Step take_parameter(const Frame& message);
    Step take_ready(ByteView body);

    const ConnectOptions& options_;
    std::unique_ptr<PostgresClient> client_;
    Bytes end_point_;  // channel binding data, empty on plain connections
    std::optional<ScramClient> scram_;
    bool authenticated_ = false;
    bool ready_ = false;
};

// An error of the server's side, kind compute, without words from the server.
ClientError client_error(Error error);
ClientError client_error(std::string detail);
// From an ErrorResponse.
ClientError client_error(const Frame& error_response);

}  // namespace sluice::pg
