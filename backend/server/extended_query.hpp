#pragma once

#include "backend/protocol/frame.hpp"
#include "backend/protocol/session_command.hpp"
#include "backend/server/handler.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::pg {

// The extended query protocol without I/O, as far as drivers need it to run texts: prepared
// statements by name, without parameters; one portal, the unnamed one; results as text and whole.
// Give take() the messages P B D E C, do what it says, and on_sync() at Sync. One of each session.
class ExtendedQuery {
public:
    struct Limits {
        // Drivers keep some hundreds (JDBC 256, psycopg 100).
        std::size_t statements_max = 1024;
        std::size_t text_bytes_max = 1U << 20U;  // of all statements together
    };
    explicit ExtendedQuery(Limits limits) : limits_(limits) {}

    // The message is dealt with.
    struct Answered {};
    // Run this; on failure begin_skipping().
    struct Run {
        std::string query;
    };
    using Step = std::variant<Answered, Run, QueryError>;
    // Appends the answer to `out`. With a QueryError, to be told by the caller, skipping begins; an
    // exception of the handler is one of kind internal.
    //   errors: kind client with an Errc: the peer broke the protocol
    Result<Step> take(const Frame& message, Bytes& out, Handler& handler);

    // After an error everything up to Sync is discarded, simple queries too.
    bool skipping() const { return skipping_; }
    void begin_skipping() { skipping_ = true; }
    // The end of the implicit transaction: portals do not outlive it.
    void on_sync();
    // Performs a command of either protocol and appends its CommandComplete.
    //   errors: refused: there is no such statement
    QueryOutcome perform(const SessionCommand& command, Bytes& out);
    // A simple query uses the unnamed statement and portal up.
    void on_simple_query();

private:
    Result<Step> answer(const Frame& message, Bytes& out, Handler& handler);
    Result<Step> parse(ByteView body, Bytes& out);
    Result<Step> bind(ByteView body, Bytes& out);
    Result<Step> describe(ByteView body, Bytes& out, Handler& handler);
    Result<Step> execute(ByteView body, Bytes& out, Handler& handler);
    Result<Step> close(ByteView body, Bytes& out);
    // What there is to refuse; nullopt: the statement is kept.
    std::optional<QueryError> keep_statement(std::string_view name, std::string_view query);
    // False: there is none.
    bool drop_statement(std::string_view name);
    void drop_named_statements();

    Limits limits_;
    std::map<std::string, std::string, std::less<>> statements_;  // text by name
    std::size_t text_bytes_ = 0;
    std::optional<std::string> portal_;  // the text that was bound
    bool skipping_ = false;
};

}  // namespace sluice::pg
