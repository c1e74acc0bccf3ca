#include "backend/protocol/session_command.hpp"

#include "common/base/text.hpp"

namespace sluice::pg {

namespace {

constexpr std::string_view blanks = " \t\n\v\f\r";

// Letters begin an identifier, and so does every byte of a letter beyond ASCII.
bool begins_identifier(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           (static_cast<unsigned char>(byte) & 0x80U) != 0;
}

bool continues_identifier(char byte) {
    return begins_identifier(byte) || (byte >= '0' && byte <= '9') || byte == '$';
}

void skip_blanks(std::string_view& text) {
    const std::size_t first = text.find_first_not_of(blanks);
    text.remove_prefix(first == std::string_view::npos ? text.size() : first);
}

std::size_t identifier_size(std::string_view text) {
    if (text.empty() || !begins_identifier(text.front())) return 0;
    std::size_t size = 1;
    while (size < text.size() && continues_identifier(text[size])) ++size;
    return size;
}

// Cuts the keyword off when the text begins with it.
bool take_keyword(std::string_view& text, std::string_view keyword) {
    std::string_view rest = text;
    skip_blanks(rest);
    if (!equal_ignoring_case(rest.substr(0, keyword.size()), keyword)) return false;
    rest.remove_prefix(keyword.size());
    if (!rest.empty() && continues_identifier(rest.front())) return false;
    text = rest;
    return true;
}

// Up to the closing quote; two quotes within are one.
std::optional<std::string> take_quoted(std::string_view& text) {
    std::string name;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            if (!text.substr(i + 1).starts_with('"')) {
                text.remove_prefix(i + 1);
                return name;
            }
            ++i;
        }
        name += text[i];
    }
    return std::nullopt;
}

std::optional<std::string> take_name(std::string_view& text) {
    skip_blanks(text);
    if (text.starts_with('"')) return take_quoted(text);
    const std::size_t size = identifier_size(text);
    std::string name = to_lower(text.substr(0, size));
    text.remove_prefix(size);
    return name;
}

bool is_all(std::string_view text) { return take_keyword(text, "all") && is_empty_query(text); }

std::optional<SessionCommand> find_deallocate(std::string_view text) {
    // PREPARE may be the name of a statement.
    std::string_view behind = text;
    if (take_keyword(behind, "prepare") && !is_empty_query(behind)) text = behind;
    if (is_all(text)) return SessionCommand{SessionCommand::Kind::deallocate_all};
    auto name = take_name(text);
    if (!name || name->empty() || !is_empty_query(text)) return std::nullopt;
    return SessionCommand{SessionCommand::Kind::deallocate, std::move(*name)};
}

}  // namespace

bool is_empty_query(std::string_view query) {
    return query.find_first_not_of(" \t\n\v\f\r;") == std::string_view::npos;
}

std::optional<SessionCommand> find_session_command(std::string_view query) {
    if (take_keyword(query, "deallocate")) return find_deallocate(query);
    if (take_keyword(query, "discard") && is_all(query)) {
        return SessionCommand{SessionCommand::Kind::discard_all};
    }
    return std::nullopt;
}

std::string_view command_tag(SessionCommand::Kind kind) {
    switch (kind) {
    case SessionCommand::Kind::deallocate: return "DEALLOCATE";
    case SessionCommand::Kind::deallocate_all: return "DEALLOCATE ALL";
    case SessionCommand::Kind::discard_all: return "DISCARD ALL";
    }
    return "";
}

}  // namespace sluice::pg
