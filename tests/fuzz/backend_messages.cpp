#include "backend/protocol/backend.hpp"
#include "backend/protocol/error_fields.hpp"
#include "backend/protocol/replication.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/walk.hpp"

namespace sluice::fuzz {

namespace {

void try_authentication(ByteView body) {
    const auto request = pg::parse_authentication(body);
    if (request) static_cast<void>(pg::parse_sasl_mechanisms(request->data));
}

// A view and the copy of the same message agree, and what was copied encodes to the same bytes.
void try_data_row(const pg::Frame& frame) {
    const auto view = pg::view_data_row(frame.body);
    const auto copy = pg::parse_data_row(frame.body);
    SLUICE_ASSERT(view.has_value() == copy.has_value());
    if (!view) return;
    walk(*view, frame.body);
    std::vector<std::optional<std::string>> values;
    for (const auto& value : *copy) values.emplace_back(value);
    Bytes encoded;
    SLUICE_ASSERT(pg::encode_data_row(encoded, values));
    SLUICE_ASSERT(encodes(encoded, frame));
}

void try_row_description(const pg::Frame& frame) {
    const auto view = pg::view_row_description(frame.body);
    const auto copy = pg::parse_row_description(frame.body);
    SLUICE_ASSERT(view.has_value() == copy.has_value());
    if (!view) return;
    Bytes encoded;
    SLUICE_ASSERT(pg::encode_row_description(encoded, *copy));
    SLUICE_ASSERT(encodes(encoded, frame));
    SLUICE_ASSERT(static_cast<std::size_t>(std::distance(view->begin(), view->end())) ==
                  view->size());
}

// What was parsed is the same after it was encoded and parsed again; the bytes need not be: fields
// come in any order, and one may be there twice.
void try_error_fields(const pg::Frame& frame) {
    const auto fields = pg::parse_error_fields(frame.body);
    if (!fields) return;
    Bytes encoded;
    pg::encode_error_response(encoded, *fields);
    const auto again = pg::parse_error_fields(ByteView(encoded).subspan(pg::frame_header_size));
    SLUICE_ASSERT(again && again->severity == fields->severity && again->code == fields->code);
    SLUICE_ASSERT(again->message == fields->message && again->detail == fields->detail);
    SLUICE_ASSERT(again->hint == fields->hint && again->others == fields->others);
}

// What a server streams inside CopyData has one encoding.
void try_replication_message(const pg::Frame& frame) {
    const auto message = pg::parse_replication_message(frame.body);
    if (!message) return;
    Bytes encoded;
    pg::encode_replication_message(encoded, *message);
    SLUICE_ASSERT(encodes(encoded, frame));
}

void try_copy_response(ByteView body) {
    const auto response = pg::parse_copy_response(body);
    if (response) sum(response->column_formats);
}

void try_parameter_description(ByteView body) {
    const auto types = pg::parse_parameter_description(body);
    if (types) sum(*types);
}

void try_message(const pg::Frame& frame) {
    const ByteView body = frame.body;
    switch (frame.tag) {
    case 'R': try_authentication(body); break;
    case 'S': static_cast<void>(pg::parse_parameter_status(body)); break;
    case 'K': static_cast<void>(pg::parse_backend_key_data(body)); break;
    case 'v': static_cast<void>(pg::parse_negotiate_protocol_version(body)); break;
    case 'Z': static_cast<void>(pg::parse_ready_for_query(body)); break;
    case 'T': try_row_description(frame); break;
    case 'D': try_data_row(frame); break;
    case 'C': static_cast<void>(pg::parse_command_complete(body)); break;
    case 'E':
    case 'N': try_error_fields(frame); break;
    case 'A': static_cast<void>(pg::parse_notification(body)); break;
    case 'V': static_cast<void>(pg::parse_function_call_response(body)); break;
    case 't': try_parameter_description(body); break;
    case 'G':
    case 'H':
    case 'W': try_copy_response(body); break;
    case 'd': try_replication_message(frame); break;
    default: break;
    }
}

}  // namespace

void try_input(ByteView input) {
    for (const pg::Frame& frame : decode_frames(input)) try_message(frame);
}

}  // namespace sluice::fuzz
