#include "backend/server/error_report.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::pg {
namespace {

using boost::system::error_code;

error_code system_error(int number) { return {number, boost::system::system_category()}; }

Error peer_error(error_code code) { return Error(ErrorKind::peer, "", code); }

ErrorReport connection(error_code code, Stage stage) {
    return report(ConnectionError(peer_error(code)), stage);
}

ErrorReport violation(Errc code, const char* detail, Stage stage) {
    return report(ConnectionError(protocol_error(code, detail)), stage);
}

const char* to_string(log::Level level) {
    switch (level) {
    case log::Level::trace: return "trace";
    case log::Level::debug: return "DEBUG";
    case log::Level::info: return "INFO";
    case log::Level::warn: return "WARN";
    case log::Level::error: return "ERROR";
    }
    return "";
}

std::string answer_of(const ErrorReport& report) {
    std::string text;
    if (report.answer != CopyAnswer::none) text = "CopyDone";
    if (report.answer == CopyAnswer::copy_done_and_command_complete) text += ", CommandComplete";
    if (report.tell) {
        text = report.tell->severity + " " + report.tell->code + " `" + report.tell->message + "`";
    }
    return text.empty() ? "nothing" : text;
}

std::string session_of(const ErrorReport& report) {
    return report.ends_session ? "ends" : "goes on";
}

std::string log_of(const ErrorReport& report) {
    return std::string(to_string(report.level)) + " `" + std::string(report.sentence) + "`";
}

std::string row(const std::string& condition, const ErrorReport& report) {
    return "| " + condition + " | " + log_of(report) + " | " + answer_of(report) + " | " +
           session_of(report) + " |";
}

std::vector<std::string> connection_rows() {
    const auto handshake = Stage::handshake;
    const auto unexpected = "invalid frontend message type N";
    return {
        row("closed before it said anything (a port probe)", connection(eof_error(), Stage::probe)),
        row("end of the stream inside a message, or in a login",
            connection(eof_error(), Stage::busy)),
        row("refused, aborted, reset, broken pipe, host or network unreachable",
            connection(system_error(ECONNRESET), Stage::idle)),
        row("TLS handshake fails", connection({}, handshake)),
        row("no startup packet within `login_timeout`", connection(timed_out_error(), handshake)),
        row("no password within `login_timeout`", connection(timed_out_error(), Stage::login)),
        row("no query within `idle_timeout`", connection(timed_out_error(), Stage::idle)),
        row("answer not read within `send_timeout`", connection(timed_out_error(), Stage::busy)),
        row("cancelled or stopped", connection(system_error(ECANCELED), Stage::idle)),
        row("any other failure of the socket", connection(system_error(EIO), handshake)),
        row("TLS fails later", connection({}, Stage::idle)),
        row("length of the startup packet is wrong",
            violation(Errc::invalid_startup_length, "invalid length of startup packet", handshake)),
        row("broken startup packet",
            violation(
                Errc::invalid_startup_layout, "invalid startup packet layout: ...", handshake)),
        row("length of a cancel request is wrong",
            violation(Errc::invalid_cancel_length, "invalid length of cancel request", handshake)),
        row("data behind an SSLRequest or GSSENCRequest",
            violation(Errc::data_before_tls, "", handshake)),
        row("direct TLS without a certificate", violation(Errc::tls_unavailable, "", handshake)),
        row("other version, or a second SSLRequest",
            violation(Errc::unsupported_protocol,
                      "unsupported frontend protocol X.Y: server supports 3.0 to 3.2",
                      handshake)),
        row("no user in the startup packet",
            violation(Errc::missing_user,
                      "no PostgreSQL user name specified in startup packet",
                      handshake)),
        row("no TLS where it is required",
            violation(Errc::insecure_connection, "must connect with TLS", handshake)),
        row("length of a message is wrong",
            violation(Errc::invalid_message_length, "message length 3", Stage::idle)),
        row("broken message", violation(Errc::invalid_message, "malformed Bind", Stage::busy)),
        row("message out of place", violation(Errc::unexpected_message, unexpected, Stage::busy)),
        row("the handler or the password check refuses the login",
            report_refused_login(ErrorFields::error("SQLSTATE", "its text"))),
        row("an exception of the handler at the login", report_unchecked_login("cause")),
        row("OpenSSL refuses MD5 (FIPS mode), which the login needs",
            report_unchecked_login("cause", "MD5 authentication is not available")),
    };
}

std::vector<std::string> query_rows() {
    const ConnectionError gone(peer_error(system_error(ECONNRESET)));
    return {
        row("`refused`", report(QueryError(ErrorFields::error("SQLSTATE", "its text")))),
        row("`internal`, or an exception", report(QueryError::internal("cause"))),
        row("`disconnected`", report(QueryError::disconnected(gone))),
        row("`shutdown`", report(QueryError::shutdown())),
    };
}

std::string copy_row(const std::string& kind, const CopyStreamEnd& end) {
    const ErrorReport stock = report(end, CopyEnding::stock);
    const ErrorReport neon = report(end, CopyEnding::neon);
    EXPECT_EQ(log_of(stock), log_of(neon));
    EXPECT_EQ(stock.reason, neon.reason);
    return "| " + kind + " | " + log_of(stock) + " | " + stock.reason + " | " + answer_of(stock) +
           " | " + session_of(stock) + " | " + answer_of(neon) + " | " + session_of(neon) + " |";
}

std::vector<std::string> copy_rows() {
    const auto unexpected =
        protocol_error(Errc::unexpected_message, "unexpected message in COPY stream: type N");
    const auto disconnected = [](Error error) {
        return CopyStreamEnd::disconnected(ConnectionError(std::move(error)));
    };
    return {
        copy_row("`server_initiated`", CopyStreamEnd::server_initiated("its text")),
        copy_row("`copy_done`", CopyStreamEnd::copy_done()),
        copy_row("`copy_fail`", CopyStreamEnd::copy_fail("its text")),
        copy_row("`terminate`", CopyStreamEnd::terminate()),
        copy_row("`eof`", CopyStreamEnd::eof()),
        copy_row("`disconnected`, expected", disconnected(peer_error(system_error(ECONNRESET)))),
        copy_row("`disconnected`, other", disconnected(peer_error(system_error(EIO)))),
        copy_row("`disconnected`, violation", disconnected(unexpected)),
        copy_row("`cancelled`", CopyStreamEnd::cancelled()),
        copy_row("`failed`, refused",
                 CopyStreamEnd::failed(QueryError(ErrorFields::error("SQLSTATE", "its text")))),
        copy_row("`failed`, internal", CopyStreamEnd::failed(QueryError::internal("the cause"))),
    };
}

// The rows of the table below a heading of docs/backend.md.
std::vector<std::string> documented_rows(const std::string& heading) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/backend.md");
    std::vector<std::string> rows;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("#")) inside = line == "### " + heading;
        if (inside && line.starts_with("| ")) rows.push_back(line);
    }
    if (!rows.empty()) rows.erase(rows.begin());  // the names of the columns
    return rows;
}

std::string joined(const std::vector<std::string>& rows) {
    std::string text;
    for (const std::string& line : rows) text += line + "\n";
    return text;
}

TEST(DocsTable, MatchesTheCode) {
    EXPECT_EQ(joined(documented_rows("Connections")), joined(connection_rows()));
    EXPECT_EQ(joined(documented_rows("Queries")), joined(query_rows()));
    EXPECT_EQ(joined(documented_rows("COPY streams")), joined(copy_rows()));
}

TEST(ErrorReport, WritesOneLineWithItsFields) {
    const log::Capture capture;
    write(log::Log(), report(CopyStreamEnd::copy_fail("no more"), CopyEnding::stock));
    write(log::Log(), connection(eof_error(), Stage::idle));
    write(log::Log(), report(QueryError(ErrorFields::error("42601", "syntax error"))));
    EXPECT_EQ(capture.text(),
              "INFO copy stream ended end=copy_fail sqlstate=00000 reason=\"received CopyFail: no "
              "more\"\n"
              "INFO connection lost reason=\"end of stream\"\n"
              "INFO query refused sqlstate=42601 reason=\"syntax error\"\n");
}

}  // namespace
}  // namespace sluice::pg
