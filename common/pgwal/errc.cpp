#include "common/pgwal/errc.hpp"

namespace sluice::pgwal {

namespace {

// Boost's categories are never destroyed through their base; GCC warns nevertheless.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class WalCategory final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "sluice.pgwal"; }
    std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
        case Errc::unsupported_version: return "unsupported PostgreSQL version";
        case Errc::invalid_segment_size: return "invalid WAL segment size";
        case Errc::invalid_segment_name: return "invalid WAL segment name";
        case Errc::invalid_start: return "no record can start there";
        case Errc::wrong_system_id: return "WAL of another cluster";
        case Errc::wrong_segment_size: return "WAL with another segment size";
        case Errc::wrong_block_size: return "WAL with another page size";
        case Errc::wrong_magic: return "wrong page magic";
        case Errc::invalid_page_flags: return "invalid page flags";
        case Errc::wrong_page_address: return "wrong page address";
        case Errc::timeline_out_of_sequence: return "timeline out of sequence";
        case Errc::unexpected_continuation: return "unexpected continuation record";
        case Errc::missing_continuation: return "missing continuation record";
        case Errc::wrong_continuation_length: return "wrong length of continuation record";
        case Errc::invalid_record_length: return "invalid record length";
        case Errc::invalid_resource_manager: return "invalid resource manager";
        case Errc::wrong_previous_record: return "wrong link to the previous record";
        case Errc::wrong_checksum: return "wrong record checksum";
        case Errc::wrong_control_size: return "wrong size of pg_control";
        case Errc::wrong_control_checksum: return "wrong checksum of pg_control";
        case Errc::invalid_control_data: return "invalid pg_control";
        case Errc::invalid_history_line: return "invalid line of a timeline history";
        case Errc::history_line_too_long: return "line of a timeline history too long";
        case Errc::history_out_of_order: return "timeline history out of order";
        case Errc::invalid_history_name: return "invalid name of a timeline history";
        case Errc::invalid_timestamp: return "invalid time";
        case Errc::timestamp_out_of_range: return "time out of range";
        case Errc::invalid_message_prefix: return "invalid prefix of a logical message";
        }
        return "unknown WAL error";
    }
};
#pragma GCC diagnostic pop

const WalCategory wal_category;

}  // namespace

boost::system::error_code make_error_code(Errc code) {
    return {static_cast<int>(code), wal_category};
}

Error WalError::to_error() const {
    return Error(ErrorKind::storage, reason, make_error_code(code));
}

}  // namespace sluice::pgwal
