#include "common/pgwal/control_data.hpp"

#include "common/base/assert.hpp"
#include "common/base/crc32c.hpp"
#include "tests/fuzz/target.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>

namespace sluice::fuzz {

namespace {

// An accepted file is written again as it was, but for the bytes between and after the fields.
void decode_and_encode(ByteView file) {
    const auto data = pgwal::decode_control_data(file);
    if (!data) {
        SLUICE_ASSERT(data.error().code && !data.error().detail.empty());
        return;
    }
    const Bytes written = pgwal::encode_control_data(*data);
    SLUICE_ASSERT(written.size() == pgwal::control_file_bytes);
    const auto again = pgwal::decode_control_data(written);
    SLUICE_ASSERT(again && *again == *data);
    SLUICE_ASSERT(!pgwal::to_string(data->state).empty());
}

// The input with a CRC at both places where versions have it, so that the fields are reached.
void with_crc(Bytes file, std::size_t offset) {
    const std::uint32_t crc = crc32c(ByteView(file).first(offset));
    boost::endian::store_little_u32(&file[offset], crc);
    decode_and_encode(file);
}

}  // namespace

// The start of a file; the rest of its 8192 bytes is zero.
void try_input(ByteView input) {
    decode_and_encode(input);
    for (const pgwal::PgMajor major : pgwal::pg_majors)
        SLUICE_ASSERT(pgwal::decode_checkpoint(major, input).has_value() ==
                      (input.size() >= pgwal::checkpoint_bytes));
    Bytes file(input.begin(), input.end());
    file.resize(pgwal::control_file_bytes);
    decode_and_encode(file);
    with_crc(file, 288);
    with_crc(std::move(file), 292);
}

}  // namespace sluice::fuzz
