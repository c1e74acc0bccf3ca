#include "common/base/error.hpp"

#include <boost/system/errc.hpp>

namespace sluice {

namespace {

// Boost's categories have no virtual destructor and are never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

// A category of our own instead of Asio's, so that the base layer stays free of Asio.
class StreamCategory final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "sluice.stream"; }
    std::string message(int) const override { return "end of stream"; }
};

#pragma GCC diagnostic pop

const StreamCategory stream_category;

}  // namespace

std::string_view to_string(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::client: return "client";
    case ErrorKind::client_disconnect: return "client_disconnect";
    case ErrorKind::limit: return "limit";
    case ErrorKind::control_plane: return "control_plane";
    case ErrorKind::compute: return "compute";
    case ErrorKind::storage: return "storage";
    case ErrorKind::peer: return "peer";
    case ErrorKind::internal: return "internal";
    }
    return "internal";
}

Error Error::with(std::string_view context) && {
    detail = detail.empty() ? std::string(context) : std::string(context) + ": " + detail;
    return std::move(*this);
}

Error Error::as(ErrorKind other) && {
    kind = other;
    return std::move(*this);
}

std::string Error::message() const {
    if (!code) return detail;
    return detail.empty() ? code.message() : detail + ": " + code.message();
}

bool is_timeout(const boost::system::error_code& code) {
    return code == boost::system::errc::timed_out;
}

bool is_disconnect(const boost::system::error_code& code) {
    namespace errc = boost::system::errc;
    return code == eof_error() || code == errc::connection_refused ||
           code == errc::connection_aborted || code == errc::connection_reset ||
           code == errc::timed_out || code == errc::broken_pipe || code == errc::host_unreachable ||
           code == errc::network_unreachable || code == errc::operation_canceled ||
           code == errc::not_connected;
}

boost::system::error_code eof_error() { return {1, stream_category}; }

boost::system::error_code timed_out_error() {
    return boost::system::errc::make_error_code(boost::system::errc::timed_out);
}

}  // namespace sluice
