#include "proxy/passthrough/login_relay.hpp"

namespace sluice::proxy {

void LoginRelay::relay(const pg::Frame& frame, ByteView raw, Bytes& out) {
    if (frame.tag == 'K') {
        const auto key = pg::parse_backend_key_data(frame.body);
        if (key) {
            SLUICE_ASSERT(pg::encode_backend_key_data(out, key->pid, exchange_key_(*key)));
            return;
        }
    }
    if (frame.tag == 'R' && channel_binding_ == ChannelBinding::hide) {
        if (relay_mechanisms(frame, out)) return;
    }
    if (frame.tag == 'Z') done_ = true;
    append(out, raw);
}

bool LoginRelay::relay_mechanisms(const pg::Frame& frame, Bytes& out) {
    const auto request = pg::parse_authentication(frame.body);
    if (!request || !request->is(pg::AuthenticationRequest::Kind::sasl)) return false;
    auto mechanisms = pg::parse_sasl_mechanisms(request->data);
    if (!mechanisms) return false;
    std::erase_if(*mechanisms, [](std::string_view name) { return name.ends_with("-PLUS"); });
    return pg::encode_authentication_sasl(out, *mechanisms);
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
