#include "backend/protocol/copy_messages.hpp"

#include "backend/protocol/message_writer.hpp"

#include <boost/endian/conversion.hpp>

#include <array>

namespace sluice::pg {

void encode_copy_data(Bytes& out, ByteView data) {
    constexpr std::size_t length_size = 4;
    SLUICE_ASSERT(data.size() <= message_bytes_limit - length_size);
    // Not by MessageWriter: bulk data is copied at the speed of memory.
    std::array<std::uint8_t, 1 + length_size> header{'d'};
    boost::endian::store_big_u32(&header[1], static_cast<std::uint32_t>(length_size + data.size()));
    append(out, header);
    append(out, data);
}

void encode_copy_done(Bytes& out) { MessageWriter(out, 'c'); }

}  // namespace sluice::pg
