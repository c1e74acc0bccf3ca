#include "backend/client/query_result.hpp"

#include "backend/protocol/backend.hpp"
#include "backend/protocol/frontend.hpp"
#include "common/base/assert.hpp"

#include <utility>

namespace sluice::pg {

namespace {

constexpr std::string_view copy_refusal = "COPY FROM STDIN is not supported here";

// What a row takes in a QueryResult, in bytes: a NULL, or a row without columns, is not nothing.
std::size_t memory_of(const std::vector<std::optional<std::string_view>>& values) {
    using Row = decltype(QueryResult::rows)::value_type;
    std::size_t bytes = sizeof(Row);
    for (const auto& value : values) {
        bytes += sizeof(Row::value_type) + value.value_or(std::string_view()).size();
    }
    return bytes;
}

}  // namespace

Result<ResultReader::Progress> ResultReader::take(const Frame& message, Bytes& out) {
    Result<void> taken;
    switch (message.tag) {
    case 'T': taken = take_columns(message.body); break;
    case 'D': taken = take_row(message.body); break;
    case 'C': taken = take_tag(message.body); break;
    case 'E':
        if (!failure_) failure_ = client_error(message);
        break;
    case 'G': refuse_copy(out); break;
    case 'W': return Progress::copy_both;
    case 'Z': return take_ready(message.body);
    // The extended protocol's acknowledgements: parse, bind, close, no data.
    case '1':
    case '2':
    case '3':
    case 'n':
    // Notices, notifications, parameter changes, empty queries, COPY data.
    case 'N':
    case 'A':
    case 'S':
    case 'I':
    case 'H':
    case 'd':
    case 'c': break;
    default: return Error(ErrorKind::compute, "unexpected message in a query's answer");
    }
    if (!taken) return std::move(taken).error();
    return Progress::more;
}

void ResultReader::note_dropped() {
    if (!failure_) exceed_bound();
}

void ResultReader::exceed_bound() {
    failure_ = client_error("the answer is larger than allowed");
    failure_->error.kind = ErrorKind::limit;
    result_ = QueryResult();
}

// In COPY the server passes over the Sync that came with the statement, and after our CopyFail it
// discards everything up to another one.
void ResultReader::refuse_copy(Bytes& out) {
    copy_refused_ = true;
    SLUICE_ASSERT(encode_copy_fail(out, copy_refusal));
    if (protocol_ == Protocol::extended) encode_sync(out);
}

bool ResultReader::in_step() const {
    if (!copy_refused_ || protocol_ == Protocol::simple) return true;
    return failure_ && failure_->server &&
           failure_->server->message.find(copy_refusal) != std::string::npos;
}

ClientError ResultReader::fail(ClientError error) {
    return failure_ ? std::move(*failure_) : std::move(error);
}

ClientResult<QueryResult> ResultReader::finish() && {
    if (failure_) return std::move(*failure_);
    return std::move(result_);
}

Result<void> ResultReader::take_columns(ByteView body) {
    auto columns = parse_row_description(body);
    if (!columns) return std::move(columns).error();
    if (complete_ && rows_ == Rows::of_first_statement) return {};
    result_ = QueryResult();
    complete_ = false;
    for (auto& column : *columns) result_.columns.push_back(std::move(column.name));
    return {};
}

Result<void> ResultReader::take_row(ByteView body) {
    auto values = parse_data_row(body);
    if (!values) return std::move(values).error();
    if (failure_ || complete_) return {};
    const std::size_t bytes = memory_of(*values);
    if (bytes > bytes_left_) {
        exceed_bound();
        return {};
    }
    bytes_left_ -= bytes;
    auto& row = result_.rows.emplace_back();
    row.reserve(values->size());
    for (const auto& value : *values) {
        row.push_back(value ? std::optional<std::string>(*value) : std::nullopt);
    }
    return {};
}

Result<void> ResultReader::take_tag(ByteView body) {
    auto tag = parse_command_complete(body);
    if (!tag) return std::move(tag).error();
    if (complete_ && rows_ == Rows::of_first_statement) return {};
    // The rows of an earlier statement go.
    if (complete_) result_ = QueryResult();
    result_.command_tag = *tag;
    complete_ = true;
    return {};
}

Result<ResultReader::Progress> ResultReader::take_ready(ByteView body) {
    auto status = parse_ready_for_query(body);
    if (!status) return std::move(status).error();
    status_ = *status;
    return Progress::ready;
}

}  // namespace sluice::pg
