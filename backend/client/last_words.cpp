#include "backend/client/last_words.hpp"

#include <boost/system/errc.hpp>

namespace sluice::pg {

namespace {

bool is_closed_by_peer(const boost::system::error_code& code) {
    namespace errc = boost::system::errc;
    return code == errc::broken_pipe || code == errc::connection_reset ||
           code == errc::connection_aborted;
}

}  // namespace

net::Awaitable<std::optional<ClientError>> last_words(FramedStream& framed, const Error& failed) {
    if (!is_closed_by_peer(failed.code)) co_return std::nullopt;
    for (;;) {
        auto message = co_await framed.read_message();
        if (!message || !*message) co_return std::nullopt;
        if ((*message)->tag == 'E') co_return client_error(**message);
    }
}

}  // namespace sluice::pg
