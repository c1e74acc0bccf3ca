#include "backend/protocol/backend.hpp"
#include "backend/protocol/error_fields.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/target.hpp"

namespace sluice::fuzz {

namespace {

void parse_message(const pg::Frame& frame) {
    switch (frame.tag) {
    case 'R': {
        const auto request = pg::parse_authentication(frame.body);
        if (request) static_cast<void>(pg::parse_sasl_mechanisms(request->data));
        break;
    }
    case 'S': static_cast<void>(pg::parse_parameter_status(frame.body)); break;
    case 'K': static_cast<void>(pg::parse_backend_key_data(frame.body)); break;
    case 'v': static_cast<void>(pg::parse_negotiate_protocol_version(frame.body)); break;
    case 'Z': static_cast<void>(pg::parse_ready_for_query(frame.body)); break;
    case 'T': static_cast<void>(pg::parse_row_description(frame.body)); break;
    case 'D': static_cast<void>(pg::parse_data_row(frame.body)); break;
    case 'C': static_cast<void>(pg::parse_command_complete(frame.body)); break;
    case 'E':
    case 'N': static_cast<void>(pg::parse_error_fields(frame.body)); break;
    default: break;
    }
}

}  // namespace

void try_input(ByteView input) {
    for (const pg::Frame& frame : decode_frames(input)) parse_message(frame);
}

}  // namespace sluice::fuzz
