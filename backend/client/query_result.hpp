#pragma once

#include "backend/client/client_error.hpp"
#include "backend/protocol/frame.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice::pg {

struct QueryResult {
    std::vector<std::string> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;
    std::string command_tag;
};

// Gathers the messages that answer one query, simple or extended. Without I/O.
class ResultReader {
public:
    enum class Progress {
        more,
        ready,      // ReadyForQuery: finish() has the outcome
        copy_both,  // the server began a replication stream
    };
    enum class Protocol { simple, extended };
    // Which rows are kept when several statements give some.
    enum class Rows { of_last_statement, of_first_statement };

    // Rows are bounded to `bytes_max` of memory in all; what is beyond is read and dropped, and
    // finish() fails with kind limit.
    explicit ResultReader(std::size_t bytes_max,
                          Protocol protocol = Protocol::simple,
                          Rows rows = Rows::of_last_statement)
        : protocol_(protocol), rows_(rows), bytes_left_(bytes_max) {}

    // `out` receives what has to be answered.
    //   errors: kind compute: no server sends that
    Result<Progress> take(const Frame& message, Bytes& out);
    // A message was too large for the connection and has been dropped.
    void note_dropped();
    // Of the last ReadyForQuery: I idle, T in a transaction, E in a failed one.
    char status() const { return status_; }
    // Whether that ReadyForQuery is known to be the last one: not after a COPY of the extended
    // protocol that failed by itself, when the server may have taken both of our Syncs.
    bool in_step() const;

    // The connection broke: what the server said last (FATAL, say) tells more than `error`.
    ClientError fail(ClientError error);
    ClientResult<QueryResult> finish() &&;

private:
    void exceed_bound();
    void refuse_copy(Bytes& out);
    Result<void> take_columns(ByteView body);
    Result<void> take_row(ByteView body);
    Result<void> take_tag(ByteView body);
    Result<Progress> take_ready(ByteView body);

    Protocol protocol_;
    Rows rows_;
    QueryResult result_;
    std::optional<ClientError> failure_;
    std::size_t bytes_left_;
    char status_ = 'I';
    bool complete_ = false;  // result_ has its tag
    bool copy_refused_ = false;
};

}  // namespace sluice::pg
