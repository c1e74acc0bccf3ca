#include "backend/protocol/backend.hpp"
#include "backend/protocol/error_fields.hpp"
#include "backend/protocol/replication.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/walk.hpp"

#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

namespace {

// How each message of a server is written again.
bool encode(Bytes& out, const pg::ParameterStatus& status) {
    return pg::encode_parameter_status(out, status.name, status.value);
}

bool encode(Bytes& out, const pg::BackendKey& key) {
    return pg::encode_backend_key_data(out, key.pid, key.key);
}

bool encode(Bytes& out, const std::vector<pg::Column>& columns) {
    return pg::encode_row_description(out, columns);
}

bool encode(Bytes& out, const std::vector<std::optional<std::string_view>>& values) {
    return pg::encode_data_row(out, values);
}

bool encode(Bytes& out, std::string_view command_tag) {
    return pg::encode_command_complete(out, command_tag);
}

bool encode(Bytes& out, const pg::Notification& notification) {
    return pg::encode_notification(out, notification);
}

bool encode(Bytes& out, const pg::OidList& parameter_types) {
    pg::encode_parameter_description(out, copy(parameter_types));
    return true;
}

bool encode(Bytes& out, std::optional<ByteView> function_result) {
    pg::encode_function_call_response(out, function_result);
    return true;
}

bool encode(Bytes& out, const pg::ReplicationMessage& message) {
    pg::encode_replication_message(out, message);
    return true;
}

template <typename Message>
void check(const pg::Frame& frame, const Result<Message>& message) {
    if (message) check_encoding(frame, [&](Bytes& out) { return encode(out, *message); });
}

void try_authentication(ByteView body) {
    const auto request = pg::parse_authentication(body);
    if (request) static_cast<void>(pg::parse_sasl_mechanisms(request->data));
}

// The views take the same messages as the functions that copy.
void try_data_row(const pg::Frame& frame) {
    const auto values = pg::parse_data_row(frame.body);
    check(frame, values);
    const auto view = pg::view_data_row(frame.body);
    SLUICE_ASSERT(view.has_value() == values.has_value());
    if (view) walk(*view, frame.body);
}

void try_row_description(const pg::Frame& frame) {
    const auto columns = pg::parse_row_description(frame.body);
    check(frame, columns);
    const auto view = pg::view_row_description(frame.body);
    SLUICE_ASSERT(view.has_value() == columns.has_value());
    if (!view) return;
    const auto count = static_cast<std::size_t>(std::distance(view->begin(), view->end()));
    SLUICE_ASSERT(count == view->size() && count == columns->size());
}

// The fields are the same after they were encoded and parsed again. The bytes need not be: fields
// come in any order, and one may be there twice.
void try_error_fields(ByteView body) {
    const auto fields = pg::parse_error_fields(body);
    if (!fields) return;
    Bytes encoded;
    pg::encode_error_response(encoded, *fields);
    const auto again = pg::parse_error_fields(ByteView(encoded).subspan(pg::frame_header_size));
    SLUICE_ASSERT(again && again->severity == fields->severity && again->code == fields->code);
    SLUICE_ASSERT(again->message == fields->message && again->detail == fields->detail);
    SLUICE_ASSERT(again->hint == fields->hint && again->others == fields->others);
}

void try_copy_response(ByteView body) {
    const auto response = pg::parse_copy_response(body);
    if (response) static_cast<void>(copy(response->column_formats));
}

void try_message(const pg::Frame& frame) {
    const ByteView body = frame.body;
    switch (frame.tag) {
    case 'R': try_authentication(body); break;
    case 'S': check(frame, pg::parse_parameter_status(body)); break;
    case 'K': check(frame, pg::parse_backend_key_data(body)); break;
    case 'v': static_cast<void>(pg::parse_negotiate_protocol_version(body)); break;
    case 'Z': static_cast<void>(pg::parse_ready_for_query(body)); break;
    case 'T': try_row_description(frame); break;
    case 'D': try_data_row(frame); break;
    case 'C': check(frame, pg::parse_command_complete(body)); break;
    case 'E':
    case 'N': try_error_fields(body); break;
    case 'A': check(frame, pg::parse_notification(body)); break;
    case 'V': check(frame, pg::parse_function_call_response(body)); break;
    case 't': check(frame, pg::parse_parameter_description(body)); break;
    case 'G':
    case 'H':
    case 'W': try_copy_response(body); break;
    case 'd': check(frame, pg::parse_replication_message(body)); break;
    default: break;
    }
}

}  // namespace

void try_input(ByteView input) {
    for (const pg::Frame& frame : decode_frames(input)) try_message(frame);
}

}  // namespace sluice::fuzz
