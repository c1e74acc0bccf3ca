#include "backend/client/conninfo_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sluice::pg {

namespace {

using Failure = std::optional<Error>;

constexpr std::size_t conninfo_bytes_max = 64U << 10U;
constexpr std::string_view blanks = " \t\n\v\f\r";

enum class Use { taken, ignored, refused };
struct Keyword {
    std::string_view name;
    Use use;
};
// All that libpq 14 to 18 know. Refused is what would change where or how safely we connect.
constexpr std::array keywords = {
    Keyword{"application_name", Use::taken},
    Keyword{"channel_binding", Use::taken},
    Keyword{"client_encoding", Use::taken},
    Keyword{"connect_timeout", Use::taken},
    Keyword{"dbname", Use::taken},
    Keyword{"fallback_application_name", Use::taken},
    Keyword{"gssdelegation", Use::ignored},
    Keyword{"gssencmode", Use::taken},
    Keyword{"gsslib", Use::ignored},
    Keyword{"host", Use::taken},
    Keyword{"hostaddr", Use::taken},
    Keyword{"keepalives", Use::ignored},
    Keyword{"keepalives_count", Use::ignored},
    Keyword{"keepalives_idle", Use::ignored},
    Keyword{"keepalives_interval", Use::ignored},
    Keyword{"krbsrvname", Use::ignored},
    Keyword{"load_balance_hosts", Use::taken},
    Keyword{"max_protocol_version", Use::taken},
    Keyword{"min_protocol_version", Use::taken},
    Keyword{"oauth_client_id", Use::refused},
    Keyword{"oauth_client_secret", Use::refused},
    Keyword{"oauth_issuer", Use::refused},
    Keyword{"oauth_scope", Use::refused},
    Keyword{"options", Use::taken},
    Keyword{"passfile", Use::ignored},
    Keyword{"password", Use::taken},
    Keyword{"port", Use::taken},
    Keyword{"replication", Use::taken},
    Keyword{"require_auth", Use::taken},
    Keyword{"requirepeer", Use::refused},
    Keyword{"scram_client_key", Use::refused},
    Keyword{"scram_server_key", Use::refused},
    Keyword{"service", Use::refused},
    Keyword{"servicefile", Use::refused},
    Keyword{"ssl_max_protocol_version", Use::taken},
    Keyword{"ssl_min_protocol_version", Use::taken},
    Keyword{"sslcert", Use::taken},
    Keyword{"sslcertmode", Use::refused},
    Keyword{"sslcompression", Use::ignored},
    Keyword{"sslcrl", Use::refused},
    Keyword{"sslcrldir", Use::refused},
    Keyword{"sslkey", Use::taken},
    Keyword{"sslkeylogfile", Use::refused},
    Keyword{"sslmode", Use::taken},
    Keyword{"sslnegotiation", Use::taken},
    Keyword{"sslpassword", Use::taken},
    Keyword{"sslrootcert", Use::taken},
    Keyword{"sslsni", Use::taken},
    Keyword{"target_session_attrs", Use::taken},
    Keyword{"tcp_user_timeout", Use::ignored},
    Keyword{"user", Use::taken},
};

const Keyword* find_keyword(std::string_view name) {
    const auto* found = std::find_if(keywords.begin(),
                                     keywords.end(),
                                     [name](const Keyword& known) { return known.name == name; });
    return found == keywords.end() ? nullptr : found;
}

Error refused(std::string reason) { return Error(ErrorKind::client, std::move(reason)); }

bool is_blank(char c) { return blanks.find(c) != std::string_view::npos; }

bool is_word(std::string_view text) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_0123456789";
    return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

// A text that is read from front to back.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}

    bool at_end() const { return at_ == text_.size(); }
    // NUL at the end; the text holds none.
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    char take() { return at_end() ? '\0' : text_[at_++]; }
    bool skip(char c) {
        if (peek() != c) return false;
        take();
        return true;
    }
    void skip_blanks() {
        while (is_blank(peek())) take();
    }
    std::string_view take_until(std::string_view stops) {
        const std::string_view taken = rest().substr(0, rest().find_first_of(stops));
        at_ += taken.size();
        return taken;
    }
    std::string_view rest() const { return text_.substr(at_); }
    std::size_t position() const { return at_ + 1; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

class Collector {
public:
    // `unknown` begins the message for a keyword that does not exist.
    Failure add(std::string_view keyword, Secret value, std::string_view unknown, std::size_t at) {
        const Keyword* known = find_keyword(keyword);
        if (known == nullptr) return refused(std::string(unknown) + naming(keyword, at));
        if (known->use == Use::ignored) return std::nullopt;
        if (known->use == Use::refused && !value.empty()) {
            return refused("connection option \"" + std::string(keyword) + "\" is not supported");
        }
        settings_.insert_or_assign(std::string(keyword), std::move(value));
        return std::nullopt;
    }

    // How a message names a word of the text. Behind a password that was not quoted as it should
    // be, a word may be the rest of it; and what is no keyword's form may hold one.
    std::string naming(std::string_view word, std::size_t position) const {
        const bool unsafe = settings_.contains("password") || settings_.contains("sslpassword");
        if (unsafe || !is_word(word)) return "at position " + std::to_string(position);
        return "\"" + std::string(word) + "\"";
    }

    ConnInfoSettings finish() && {
        std::erase_if(settings_, [](const auto& setting) { return setting.second.empty(); });
        return std::move(settings_);
    }

private:
    ConnInfoSettings settings_;
};

std::string take_plain_value(Cursor& in) {
    std::string value;
    while (!in.at_end() && !is_blank(in.peek())) {
        if (in.skip('\\') && in.at_end()) break;
        value += in.take();
    }
    return value;
}

// nullopt when the closing quote is missing.
std::optional<std::string> take_quoted_value(Cursor& in) {
    std::string value;
    in.take();
    while (!in.skip('\'')) {
        in.skip('\\');
        if (in.at_end()) return std::nullopt;
        value += in.take();
    }
    return value;
}

Result<ConnInfoSettings> split_pairs(std::string_view text) {
    Collector collector;
    Cursor in(text);
    for (in.skip_blanks(); !in.at_end(); in.skip_blanks()) {
        const std::size_t at = in.position();
        const std::string_view keyword = in.take_until("= \t\n\v\f\r");
        in.skip_blanks();
        if (!in.skip('=')) {
            return refused("missing \"=\" after the word " + collector.naming(keyword, at) +
                           " in connection info string");
        }
        in.skip_blanks();
        auto value = in.peek() == '\'' ? take_quoted_value(in)
                                       : std::optional<std::string>(take_plain_value(in));
        if (!value) return refused("unterminated quoted string in connection info string");
        auto failure =
            collector.add(keyword, Secret(std::move(*value)), "invalid connection option ", at);
        if (failure) return std::move(*failure);
    }
    return std::move(collector).finish();
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

// Percent decoding; blanks around the value are dropped. `what` names the value in messages.
Result<Secret> decode(std::string_view text, std::string_view what) {
    Cursor in(text);
    std::string value;
    in.skip_blanks();
    while (!in.at_end() && !is_blank(in.peek())) {
        if (!in.skip('%')) {
            value += in.take();
            continue;
        }
        const auto high = hex_digit(in.take());
        const auto low = hex_digit(in.take());
        if (!high || !low) return refused("invalid percent-encoded token in " + std::string(what));
        if (*high + *low == 0) {
            return refused("forbidden value %00 in " + std::string(what));
        }
        value += static_cast<char>(*high * 16 + *low);
    }
    in.skip_blanks();
    if (!in.at_end()) {
        return refused("unexpected spaces found in " + std::string(what) +
                       ", use percent-encoded spaces (%20) instead");
    }
    return Secret(std::move(value));
}

// postgresql://[user[:password]@][host[:port],...][/dbname][?keyword=value&...]
class UriReader {
public:
    UriReader(std::string_view uri, std::size_t prefix) : in_(uri) {
        for (std::size_t i = 0; i < prefix; ++i) in_.take();
    }

    Result<ConnInfoSettings> read() {
        using Step = Failure (UriReader::*)();
        for (const Step step : {&UriReader::credentials,
                                &UriReader::hosts,
                                &UriReader::database,
                                &UriReader::query}) {
            if (auto failure = (this->*step)()) return std::move(*failure);
        }
        return std::move(collector_).finish();
    }

private:
    Failure set(std::string_view keyword, std::string_view text) {
        if (text.empty()) return std::nullopt;
        auto value = decode(text, "the " + std::string(keyword));
        if (!value) return std::move(value).error();
        return collector_.add(keyword, std::move(*value), "", in_.position());
    }

    // Everything up to the first '@' before the first '/', as libpq sees it.
    Failure credentials() {
        const std::size_t end = in_.rest().find_first_of("@/");
        if (end == std::string_view::npos || in_.rest()[end] != '@') return std::nullopt;
        if (auto failure = set("user", in_.take_until(":@"))) return failure;
        const std::string_view password = in_.skip(':') ? in_.take_until("@") : "";
        in_.skip('@');
        return set("password", password);
    }

    Failure hosts() {
        std::string names;
        std::string ports;
        for (;;) {
            auto name = host();
            if (!name) return std::move(name).error();
            names += *name;
            if (in_.skip(':')) ports += in_.take_until("/?,");
            if (!in_.skip(',')) break;
            names += ',';
            ports += ',';
        }
        // The rest of a password that holds an '@' that was not percent-encoded.
        if (names.find('@') != std::string::npos) return refused("unexpected \"@\" in URI");
        if (auto failure = set("host", names)) return failure;
        return set("port", ports);
    }

    Result<std::string_view> host() {
        if (!in_.skip('[')) return in_.take_until(":/?,");
        const std::string_view address = in_.take_until("]");
        if (!in_.skip(']')) {
            return refused(
                "end of string reached when looking for matching \"]\" in IPv6 host address in "
                "URI");
        }
        if (address.empty()) return refused("IPv6 host address may not be empty in URI");
        if (!in_.at_end() && std::string_view(":/?,").find(in_.peek()) == std::string_view::npos) {
            return refused("unexpected character at position " + std::to_string(in_.position()) +
                           " in URI (expected \":\" or \"/\")");
        }
        return address;
    }

    Failure database() {
        if (!in_.skip('/')) return std::nullopt;
        return set("dbname", in_.take_until("?"));
    }

    Failure query() {
        in_.skip('?');
        while (!in_.at_end()) {
            const std::size_t at = in_.position();
            Cursor parameter(in_.take_until("&"));
            in_.skip('&');
            if (auto failure = query_parameter(parameter, at)) return failure;
        }
        return std::nullopt;
    }

    Failure query_parameter(Cursor parameter, std::size_t at) {
        const std::string_view name = parameter.take_until("=");
        if (!parameter.skip('=')) {
            return refused("missing key/value separator \"=\" in URI query parameter " +
                           collector_.naming(name, at));
        }
        if (parameter.rest().find('=') != std::string_view::npos) {
            return refused("extra key/value separator \"=\" in URI query parameter " +
                           collector_.naming(name, at));
        }
        auto keyword = decode(name, "a URI query parameter");
        if (!keyword) return std::move(keyword).error();
        auto value =
            decode(parameter.rest(), "the value of " + collector_.naming(keyword->reveal(), at));
        if (!value) return std::move(value).error();
        // JDBC's spelling.
        if (keyword->reveal() == "ssl" && value->reveal() == "true") {
            return collector_.add("sslmode", Secret("require"), "", at);
        }
        return collector_.add(
            keyword->reveal(), std::move(*value), "invalid URI query parameter ", at);
    }

    Cursor in_;
    Collector collector_;
};

}  // namespace

Result<ConnInfoSettings> split_conninfo(std::string_view text) {
    if (text.size() > conninfo_bytes_max) return refused("connection info string is too long");
    if (text.find('\0') != std::string_view::npos) {
        return refused("connection info string holds a NUL character");
    }
    for (const std::string_view prefix : {"postgresql://", "postgres://"}) {
        if (text.starts_with(prefix)) return UriReader(text, prefix.size()).read();
    }
    return split_pairs(text);
}

}  // namespace sluice::pg
