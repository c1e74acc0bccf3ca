#include "common/net/byte_stream.hpp"

namespace sluice::net {

Awaitable<Result<void>> ByteStream::write_all(ByteView bytes) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    while (!bytes.empty()) {
        auto written = co_await write_some(bytes);
        if (!written) co_return std::move(written).error();
        if (*written == 0) co_return nothing_written_error();
        bytes = bytes.subspan(*written);
    }
    co_return Result<void>();
}

Error nothing_written_error() {
    return Error(
        ErrorKind::peer, "failed to write message", make_error_code(boost::system::errc::io_error));
}

}  // namespace sluice::net
