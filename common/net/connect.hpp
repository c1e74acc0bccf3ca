#pragma once

#include "common/net/socket_stream.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::net {

// Connects to host:port, every resolved address in turn, or to the Unix socket `host`/.s.PGSQL.<port>
// when host begins with a slash. Must run on a coroutine whose executor is `context`.
//   errors: kind peer; detail names host:port and the last reason; timed_out at the deadline
// A literal address is not resolved. Names are resolved on Asio's resolver thread, one for `context`,
// one after another: while a name server is silent, the other look-ups of the context wait too, each
// up to its own deadline, and how long one takes is for resolv.conf to say (`timeout`, `attempts`).
Awaitable<Result<std::unique_ptr<SocketStream>>> connect(boost::asio::io_context& context,
                                                         std::string host,
                                                         std::uint16_t port,
                                                         Deadline deadline);

}  // namespace sluice::net
