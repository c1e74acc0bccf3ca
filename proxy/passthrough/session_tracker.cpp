#include "proxy/passthrough/session_tracker.hpp"

#include <boost/endian/conversion.hpp>

namespace sluice::proxy {

void MessageWalker::start_body() {
    const std::uint32_t length = boost::endian::load_big_u32(&header_[1]);
    if (length < 4) broken_ = true;
    body_left_ = length < 4 ? 0 : length - 4;
    body_starts_ = true;
    header_size_ = 0;
}

void SessionTracker::on_client(ByteView chunk) {
    client_.feed(
        chunk, [this](char tag) { on_client_message(tag); }, [](char, std::uint8_t) {});
}

void SessionTracker::on_client_message(char tag) {
    switch (tag) {
    case 'Q':
    case 'F': ++awaited_; break;
    case 'S':
        ++awaited_;
        lacks_sync_ = false;
        break;
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
    case 'H': lacks_sync_ = true; break;
    default: break;
    }
}

void SessionTracker::on_compute(ByteView chunk) {
    compute_.feed(
        chunk,
        [this](char tag) {
            if (tag == 'Z' && awaited_ != 0) --awaited_;
        },
        [this](char tag, std::uint8_t byte) {
            if (tag == 'Z') status_ = static_cast<char>(byte);
        });
}

bool SessionTracker::idle() const {
    return awaited_ == 0 && !lacks_sync_ && status_ == 'I' && client_.at_boundary() &&
           compute_.at_boundary() && !client_.broken() && !compute_.broken();
}

}  // namespace sluice::proxy
