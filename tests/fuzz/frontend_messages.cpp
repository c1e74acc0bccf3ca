#include "backend/protocol/frontend.hpp"
#include "backend/protocol/replication.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/walk.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

namespace {

std::vector<std::optional<std::string_view>> texts(const pg::ValueList& values) {
    std::vector<std::optional<std::string_view>> copies;
    for (const auto& value : values) {
        copies.push_back(value ? std::optional(as_text(*value)) : std::nullopt);
    }
    return copies;
}

// How each message of a client is written again.
bool encode(Bytes& out, const pg::Parse& parse) {
    return pg::encode_parse(out, parse.statement, parse.query, copy(parse.types));
}

bool encode(Bytes& out, const pg::Bind& bind) {
    return pg::encode_bind(out,
                           bind.portal,
                           bind.statement,
                           texts(bind.values),
                           copy(bind.formats),
                           copy(bind.result_formats));
}

bool encode(Bytes& out, const pg::FunctionCall& call) {
    return pg::encode_function_call(
        out, call.oid, texts(call.arguments), copy(call.formats), call.result_format);
}

bool encode(Bytes& out, const pg::Describe& describe) { return pg::encode_describe(out, describe); }

bool encode(Bytes& out, const pg::Close& close) { return pg::encode_close(out, close); }

bool encode(Bytes& out, const pg::Execute& execute) { return pg::encode_execute(out, execute); }

bool encode(Bytes& out, const pg::SaslInitialResponse& response) {
    return pg::encode_sasl_initial_response(out, response.mechanism, response.data);
}

bool encode(Bytes& out, const pg::StandbyMessage& message) {
    pg::encode_standby_message(out, message);
    return true;
}

void walk_lists(const pg::Bind& bind, ByteView body) {
    walk(bind.values, body);
    SLUICE_ASSERT(bind.formats.size() <= 1 || bind.formats.size() == bind.values.size());
}

void walk_lists(const pg::FunctionCall& call, ByteView body) { walk(call.arguments, body); }

template <typename Message>
void walk_lists(const Message&, ByteView) {}

template <typename Message>
void check(const pg::Frame& frame, const Result<Message>& message) {
    if (!message) return;
    walk_lists(*message, frame.body);
    check_encoding(frame, [&](Bytes& out) { return encode(out, *message); });
}

void check_text(const pg::Frame& frame,
                const Result<std::string_view>& text,
                bool (*encode_text)(Bytes&, std::string_view)) {
    if (text) check_encoding(frame, [&](Bytes& out) { return encode_text(out, *text); });
}

void try_message(const pg::Frame& frame) {
    const ByteView body = frame.body;
    switch (frame.tag) {
    case 'Q': check_text(frame, pg::parse_query(body), pg::encode_query); break;
    case 'p':  // which it is, the phase of the login tells
        check_text(frame, pg::parse_password(body), pg::encode_password);
        check(frame, pg::parse_sasl_initial_response(body));
        break;
    case 'P': check(frame, pg::parse_parse(body)); break;
    case 'B': check(frame, pg::parse_bind(body)); break;
    case 'F': check(frame, pg::parse_function_call(body)); break;
    case 'D': check(frame, pg::parse_describe(body)); break;
    case 'C': check(frame, pg::parse_close(body)); break;
    case 'E': check(frame, pg::parse_execute(body)); break;
    case 'd': check(frame, pg::parse_standby_message(body)); break;
    case 'f': check_text(frame, pg::parse_copy_fail(body), pg::encode_copy_fail); break;
    default: SLUICE_ASSERT(body.empty() == pg::parse_empty(body, frame.tag).has_value()); break;
    }
}

}  // namespace

void try_input(ByteView input) {
    for (const pg::Frame& frame : decode_frames(input)) try_message(frame);
}

}  // namespace sluice::fuzz
