#include "backend/protocol/frontend.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/target.hpp"

#include <iterator>

namespace sluice::fuzz {

namespace {

template <typename List>
std::uint64_t sum(const List& list) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < list.size(); ++i) total += list[i];
    return total;
}

// Every value lies behind the one before, inside the body.
void walk(const pg::ValueList& values, ByteView body) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (const auto& value : values) {
        bytes += 4 + (value ? value->size() : 0);
        ++count;
    }
    SLUICE_ASSERT(count == values.size());
    SLUICE_ASSERT(bytes <= body.size());
}

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

void parse_message(const pg::Frame& frame) {
    const ByteView body = frame.body;
    switch (frame.tag) {
    case 'Q': static_cast<void>(pg::parse_query(body)); break;
    case 'p':
        static_cast<void>(pg::parse_password(body));
        static_cast<void>(pg::parse_sasl_initial_response(body));
        break;
    case 'P': walk_lists(pg::parse_parse(body), body); break;
    case 'B': walk_lists(pg::parse_bind(body), body); break;
    case 'F': walk_lists(pg::parse_function_call(body), body); break;
    case 'D': static_cast<void>(pg::parse_describe(body)); break;
    case 'C': static_cast<void>(pg::parse_close(body)); break;
    case 'E': static_cast<void>(pg::parse_execute(body)); break;
    case 'f': static_cast<void>(pg::parse_copy_fail(body)); break;
    default: static_cast<void>(pg::parse_empty(body, frame.tag)); break;
    }
}

}  // namespace

void try_input(ByteView input) {
    for (const pg::Frame& frame : decode_frames(input)) parse_message(frame);
}

}  // namespace sluice::fuzz
