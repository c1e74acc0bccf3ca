#pragma once

#include "backend/protocol/error_fields.hpp"
#include "backend/server/framed_stream.hpp"

#include <optional>

namespace sluice::pg {

// The last words of a server, also in a coroutine that was cancelled. They take two seconds at most
// and have no result: a peer that is gone does not matter.

// Sends what waits in the buffer and closes the sending side.
net::Awaitable<void> hang_up(FramedStream& framed);

// The same for a peer that has to learn something and may be sending: closing a socket with unread
// input would take back what was said, so that is read. With an ErrorResponse if there are fields.
net::Awaitable<void> say_goodbye(FramedStream& framed, std::optional<ErrorFields> fields);

// One ErrorResponse without a buffer.
net::Awaitable<void> send_error_and_close(net::ByteStream& stream, ErrorFields fields);

}  // namespace sluice::pg
