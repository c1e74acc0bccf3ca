#include "backend/protocol/frontend.hpp"
#include "backend/protocol/replication.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/walk.hpp"

namespace sluice::fuzz {

namespace {

void walk_lists(const pg::Parse& parse, ByteView) { sum(parse.types); }

void walk_lists(const pg::Bind& bind, ByteView body) {
    walk(bind.values, body);
    sum(bind.formats);
    sum(bind.result_formats);
    SLUICE_ASSERT(bind.formats.size() <= 1 || bind.formats.size() == bind.values.size());
}

void walk_lists(const pg::FunctionCall& call, ByteView body) {
    walk(call.arguments, body);
    sum(call.formats);
}

template <typename Message>
void walk_lists(const Result<Message>& message, ByteView body) {
    if (message) walk_lists(*message, body);
}

// What a standby sends inside CopyData has one encoding.
void try_standby_message(const pg::Frame& frame) {
    const auto message = pg::parse_standby_message(frame.body);
    if (!message) return;
    Bytes encoded;
    pg::encode_standby_message(encoded, *message);
    SLUICE_ASSERT(encodes(encoded, frame));
}

void try_message(const pg::Frame& frame) {
    const ByteView body = frame.body;
    switch (frame.tag) {
    case 'Q': static_cast<void>(pg::parse_query(body)); break;
    case 'p':  // which it is, the phase of the login tells
        static_cast<void>(pg::parse_password(body));
        static_cast<void>(pg::parse_sasl_initial_response(body));
        break;
    case 'P': walk_lists(pg::parse_parse(body), body); break;
    case 'B': walk_lists(pg::parse_bind(body), body); break;
    case 'F': walk_lists(pg::parse_function_call(body), body); break;
    case 'D': static_cast<void>(pg::parse_describe(body)); break;
    case 'C': static_cast<void>(pg::parse_close(body)); break;
    case 'E': static_cast<void>(pg::parse_execute(body)); break;
    case 'd': try_standby_message(frame); break;
    case 'f': static_cast<void>(pg::parse_copy_fail(body)); break;
    default: static_cast<void>(pg::parse_empty(body, frame.tag)); break;
    }
}

}  // namespace

void try_input(ByteView input) {
    for (const pg::Frame& frame : decode_frames(input)) try_message(frame);
}

}  // namespace sluice::fuzz
