#include "proxy/passthrough/login_relay.hpp"

namespace sluice::proxy {

void LoginRelay::relay(const pg::Frame& frame, ByteView raw, Bytes& out) {
    if (frame.tag == 'K') {
        const auto key = pg::parse_backend_key_data(frame.body);
        if (key) {
            pg::encode_backend_key_data(out, key->pid, exchange_key_(*key));
            return;
        }
    }
    if (frame.tag == 'Z') done_ = true;
    append(out, raw);
}

Result<void> LoginRelay::feed(ByteView chunk, Bytes& out) {
    append(held_, chunk);
    ByteView left = held_;
    while (!done_) {
        auto frame = decoder_.next(left);
        if (!frame) return std::move(frame).error().as(ErrorKind::compute);
        if (!*frame) break;
        const std::size_t size = (*frame)->size();
        relay(**frame, left.first(size), out);
        left = left.subspan(size);
    }
    if (done_) {
        append(out, left);
        left = {};
    }
    Bytes rest(left.begin(), left.end());
    held_ = std::move(rest);
    return {};
}

}  // namespace sluice::proxy
