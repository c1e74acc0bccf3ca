#include "backend/server/extended_query.hpp"

#include "backend/protocol/backend.hpp"
#include "backend/protocol/frontend.hpp"
#include "common/base/assert.hpp"
#include "common/base/exception_text.hpp"

#include <utility>

namespace sluice::pg {

namespace {

QueryError refused(std::string_view code, std::string text) {
    return QueryError(ErrorFields::error(code, std::move(text)));
}

QueryError refused(std::string_view code, std::string text, std::string hint) {
    ErrorFields fields = ErrorFields::error(code, std::move(text));
    fields.hint = std::move(hint);
    return QueryError(std::move(fields));
}

QueryError unsupported(std::string text, std::string hint) {
    return refused(sqlstate::feature_not_supported, std::move(text), std::move(hint));
}

QueryError no_parameters() {
    return unsupported("query params not implemented",
                       "Write the values into the text of the statement.");
}

QueryError no_statement(std::string_view name) {
    return refused(sqlstate::invalid_statement_name,
                   "prepared statement \"" + std::string(name) + "\" does not exist");
}

QueryError no_portal(std::string_view name) {
    return refused(sqlstate::invalid_cursor_name,
                   "portal \"" + std::string(name) + "\" does not exist");
}

bool is_text(const Int16List& formats) {
    for (std::size_t i = 0; i < formats.size(); ++i) {
        if (formats[i] != 0) return false;
    }
    return true;
}

std::optional<std::vector<Column>> columns_of(std::string_view query, Handler& handler) {
    if (is_empty_query(query) || find_session_command(query)) return std::nullopt;
    return handler.describe(query);
}

void encode_columns(Bytes& out, std::string_view query, Handler& handler) {
    const auto columns = columns_of(query, handler);
    if (columns) {
        SLUICE_ASSERT(encode_row_description(out, *columns));
    } else {
        encode_no_data(out);
    }
}

}  // namespace

Result<ExtendedQuery::Step> ExtendedQuery::take(const Frame& message,
                                                Bytes& out,
                                                Handler& handler) {
    if (skipping_) return Step(Answered());
    const std::size_t before = out.size();
    auto step = [&]() -> Result<Step> {
        try {
            return answer(message, out, handler);
        } catch (...) {
            out.resize(before);
            return Step(QueryError::internal(current_exception_text()));
        }
    }();
    if (step && std::holds_alternative<QueryError>(*step)) skipping_ = true;
    return step;
}

Result<ExtendedQuery::Step> ExtendedQuery::answer(const Frame& message,
                                                  Bytes& out,
                                                  Handler& handler) {
    switch (message.tag) {
    case 'P': return parse(message.body, out);
    case 'B': return bind(message.body, out);
    case 'D': return describe(message.body, out, handler);
    case 'E': return execute(message.body, out, handler);
    case 'C': return close(message.body, out);
    default: return protocol_error(Errc::unexpected_message, "no message of extended queries");
    }
}

void ExtendedQuery::on_sync() {
    skipping_ = false;
    portal_.reset();
}

QueryOutcome ExtendedQuery::perform(const SessionCommand& command, Bytes& out) {
    if (command.kind == SessionCommand::Kind::deallocate) {
        if (!drop_statement(command.name)) return no_statement(command.name);
    } else {
        drop_named_statements();
    }
    if (command.kind == SessionCommand::Kind::discard_all) portal_.reset();
    SLUICE_ASSERT(encode_command_complete(out, command_tag(command.kind)));
    return {};
}

void ExtendedQuery::on_simple_query() {
    drop_statement("");
    portal_.reset();
}

Result<ExtendedQuery::Step> ExtendedQuery::parse(ByteView body, Bytes& out) {
    const auto message = parse_parse(body);
    if (!message) return message.error();
    if (message->types.size() > 0) return Step(no_parameters());
    auto refusal = keep_statement(message->statement, message->query);
    if (refusal) return Step(std::move(*refusal));
    encode_parse_complete(out);
    return Step(Answered());
}

std::optional<QueryError> ExtendedQuery::keep_statement(std::string_view name,
                                                        std::string_view query) {
    if (name.empty()) drop_statement(name);
    if (statements_.contains(name)) {
        return refused(sqlstate::duplicate_prepared_statement,
                       "prepared statement \"" + std::string(name) + "\" already exists");
    }
    const std::size_t bytes = name.size() + query.size();
    if (statements_.size() >= limits_.statements_max ||
        bytes > limits_.text_bytes_max - text_bytes_) {
        return refused(sqlstate::out_of_memory,
                       "too many prepared statements",
                       "Close those that are not needed, or run DEALLOCATE ALL.");
    }
    statements_.emplace(name, query);
    text_bytes_ += bytes;
    return std::nullopt;
}

bool ExtendedQuery::drop_statement(std::string_view name) {
    const auto found = statements_.find(name);
    if (found == statements_.end()) return false;
    text_bytes_ -= found->first.size() + found->second.size();
    statements_.erase(found);
    return true;
}

// The unnamed statement is none that SQL knows of.
void ExtendedQuery::drop_named_statements() {
    std::erase_if(statements_, [](const auto& statement) { return !statement.first.empty(); });
    text_bytes_ = statements_.empty() ? 0 : statements_.begin()->second.size();
}

Result<ExtendedQuery::Step> ExtendedQuery::bind(ByteView body, Bytes& out) {
    const auto message = parse_bind(body);
    if (!message) return message.error();
    if (!message->portal.empty())
        return Step(unsupported("named portals not implemented", "Use the unnamed portal."));
    if (message->values.size() > 0) return Step(no_parameters());
    if (!is_text(message->result_formats)) {
        return Step(
            unsupported("binary results are not implemented", "Ask for results in text format."));
    }
    const auto statement = statements_.find(message->statement);
    if (statement == statements_.end()) return Step(no_statement(message->statement));
    portal_ = statement->second;
    encode_bind_complete(out);
    return Step(Answered());
}

Result<ExtendedQuery::Step> ExtendedQuery::describe(ByteView body, Bytes& out, Handler& handler) {
    const auto message = parse_describe(body);
    if (!message) return message.error();
    if (message->subject == Subject::portal) {
        if (!message->name.empty() || !portal_) return Step(no_portal(message->name));
        encode_columns(out, *portal_, handler);
        return Step(Answered());
    }
    const auto statement = statements_.find(message->name);
    if (statement == statements_.end()) return Step(no_statement(message->name));
    encode_parameter_description(out, {});
    encode_columns(out, statement->second, handler);
    return Step(Answered());
}

// A portal runs once: it has no rows left for a second Execute.
// A limit of rows means nothing where there are none; JDBC sets one when it wants no result.
Result<ExtendedQuery::Step> ExtendedQuery::execute(ByteView body, Bytes& out, Handler& handler) {
    const auto message = parse_execute(body);
    if (!message) return message.error();
    if (!message->portal.empty() || !portal_) return Step(no_portal(message->portal));
    if (message->rows_max > 0 && columns_of(*portal_, handler)) {
        return Step(unsupported("row limit in Execute message not implemented",
                                "Ask for all rows at once."));
    }
    std::string query = std::move(*portal_);
    portal_.reset();
    if (!is_empty_query(query)) return Step(Run{std::move(query)});
    encode_empty_query_response(out);
    return Step(Answered());
}

// Closing what is not there is no error.
Result<ExtendedQuery::Step> ExtendedQuery::close(ByteView body, Bytes& out) {
    const auto message = parse_close(body);
    if (!message) return message.error();
    if (message->subject == Subject::statement) {
        drop_statement(message->name);
    } else if (message->name.empty()) {
        portal_.reset();
    }
    encode_close_complete(out);
    return Step(Answered());
}

}  // namespace sluice::pg
