#pragma once

#include "backend/client/client_error.hpp"
#include "backend/server/framed_stream.hpp"

#include <optional>

namespace sluice::pg {

// Sending failed with `failed` because the server has closed the connection. What it said before
// is still to be read, as libpq does: its ErrorResponse, or nullopt when there is none. Does not
// wait: on a connection that is gone, reads end.
net::Awaitable<std::optional<ClientError>> last_words(FramedStream& framed, const Error& failed);

}  // namespace sluice::pg
