// sluicectl wal craft: the shapes of wal_shapes.hpp on a stock server, by SQL functions alone.

#include "common/base/startup_error.hpp"
#include "common/pgwal/version.hpp"
#include "ctl/cluster_folder.hpp"
#include "ctl/commands.hpp"
#include "ctl/must.hpp"
#include "ctl/passwords.hpp"
#include "ctl/sql.hpp"
#include "ctl/table.hpp"
#include "ctl/wal_shapes.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <charconv>
#include <thread>

namespace sluice::ctl {

namespace {

using std::chrono::milliseconds;

Error unexpected(const std::string& sql) {
    return Error(ErrorKind::compute, "the server's answer to '" + sql + "' is not as expected");
}

template <class Number>
std::optional<Number> parse_number(const std::string& text, int base = 10) {
    Number number{};
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number, base);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return number;
}

class SqlWalServer final : public WalServer {
public:
    SqlWalServer(std::unique_ptr<SqlSession> session, milliseconds timeout)
        : session_(std::move(session)), timeout_(timeout) {}

    // The first column of the first row.
    Result<std::string> value(const std::string& sql) {
        auto result = session_->run(sql, timeout_);
        if (!result) return std::move(result).error();
        if (result->rows.empty() || result->rows.front().empty() || !result->rows.front().front())
            return unexpected(sql);
        return *result->rows.front().front();
    }

    Result<Lsn> insert_position() override { return lsn("SELECT pg_current_wal_insert_lsn()"); }
    Result<Lsn> switch_segment() override { return lsn("SELECT pg_switch_wal()"); }

    Result<Lsn> emit_message(MessageKind kind, std::uint64_t bytes) override {
        return lsn(fmt::format("SELECT pg_logical_emit_message({}, '{}', repeat('x', {}))",
                               kind == MessageKind::in_transaction,
                               message_prefix,
                               bytes));
    }

    // The server's WAL writer does it within three wal_writer_delay.
    Result<void> wait_flushed(Lsn end) override {
        const auto deadline = std::chrono::steady_clock::now() + timeout_;
        for (;;) {
            auto flushed = lsn("SELECT pg_current_wal_flush_lsn()");
            if (!flushed) return std::move(flushed).error();
            if (*flushed >= end) return {};
            if (std::chrono::steady_clock::now() >= deadline)
                return Error(ErrorKind::compute,
                             fmt::format("the server did not flush its WAL up to {}: lower its "
                                         "wal_writer_delay, or raise --timeout",
                                         end.to_string()));
            std::this_thread::sleep_for(milliseconds(20));
        }
    }

private:
    Result<Lsn> lsn(const std::string& sql) {
        auto text = value(sql);
        if (!text) return std::move(text).error();
        const auto parsed = Lsn::parse(*text);
        if (!parsed) return unexpected(sql);
        return *parsed;
    }

    std::unique_ptr<SqlSession> session_;
    milliseconds timeout_;
};

template <class Number>
Number must_number(SqlWalServer& server, const std::string& sql, int base = 10) {
    const auto number = parse_number<Number>(must(server.value(sql)), base);
    if (!number) throw StartupError(unexpected(sql).message());
    return *number;
}

// What a reader of the WAL has to know of the server.
struct ServerFacts {
    std::uint64_t version_num = 0;
    pgwal::SegmentSize segment_size;
    std::uint32_t timeline = 0;
};

ServerFacts read_facts(SqlWalServer& server) {
    ServerFacts facts;
    facts.version_num = must_number<std::uint64_t>(server, "SHOW server_version_num");
    must(pgwal::load_major_of_version_num(facts.version_num));
    if (must(server.value("SELECT pg_is_in_recovery()")) == "t")
        throw StartupError("the server is a standby, which writes no WAL: connect to its primary");
    facts.segment_size = must(pgwal::SegmentSize::load(must_number<std::uint64_t>(
        server, "SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'")));
    facts.timeline = must_number<std::uint32_t>(
        server, "SELECT left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)", 16);
    return facts;
}

pg::ConnInfo connection_of(const WalCraftOptions& options) {
    if (options.connection.empty()) {
        const auto cluster = Cluster::open(options.dir);
        return conninfo_of({cluster.file.postgres_socket.string(), cluster.file.ports.postgres},
                           "postgres");
    }
    auto info = must(pg::parse_conninfo(options.connection));
    if (options.password_file)
        info.password = choose_password({options.password_file, false}, "Password", false).password;
    return info;
}

SqlWalServer connect(const WalCraftOptions& options) {
    auto session = must(SqlSession::open(connection_of(options), options.timeout));
    SqlWalServer server(std::move(session), options.timeout);
    // A standby that synchronous_standby_names waits for may be absent; a COMMIT that is not
    // flushed would leave the end of the WAL to chance.
    must(server.value("SELECT set_config('synchronous_commit', 'local', false)"));
    return server;
}

std::vector<std::string> segments_of(const CraftedWal& wal, const ServerFacts& facts) {
    const auto size = facts.segment_size;
    std::vector<std::string> names;
    for (auto segment = size.segment_of(wal.record_starts.front());
         size.start_of(segment) < wal.end_of_wal;
         ++segment) {
        names.push_back(to_string(pgwal::SegmentName{facts.timeline, segment, false}, size));
    }
    return names;
}

void print_json(const CraftedWal& wal, WalShape shape, const ServerFacts& facts) {
    boost::json::array starts;
    for (const auto start : wal.record_starts) starts.emplace_back(start.to_string());
    boost::json::array segments;
    for (const auto& name : segments_of(wal, facts)) segments.emplace_back(name);
    const boost::json::object answer{{"shape", to_string(shape)},
                                     {"server_version_num", facts.version_num},
                                     {"segment_bytes", facts.segment_size.bytes()},
                                     {"timeline", facts.timeline},
                                     {"record_starts", std::move(starts)},
                                     {"end_of_wal", wal.end_of_wal.to_string()},
                                     {"segments", std::move(segments)}};
    fmt::print("{}\n", boost::json::serialize(answer));
}

void print_text(const CraftedWal& wal, WalShape shape, const ServerFacts& facts) {
    std::vector<std::string> starts;
    for (const auto start : wal.record_starts) starts.push_back(start.to_string());
    fmt::print(
        "{}",
        format_table({{"Shape", std::string(to_string(shape))},
                      {"Server", fmt::format("{}", facts.version_num)},
                      {"Segment size", fmt::format("{}", facts.segment_size.bytes())},
                      {"Timeline", fmt::format("{}", facts.timeline)},
                      {"Segments", fmt::format("{}", fmt::join(segments_of(wal, facts), " "))},
                      {"Record starts", fmt::format("{}", fmt::join(starts, " "))},
                      {"End of WAL", wal.end_of_wal.to_string()}}));
}

}  // namespace

int run(const WalCraftOptions& options) {
    auto server = connect(options);
    const auto facts = read_facts(server);
    const auto wal = must(craft_wal(options.shape, facts.segment_size, server));
    if (options.json) {
        print_json(wal, options.shape, facts);
    } else {
        print_text(wal, options.shape, facts);
    }
    return exit_status::ok;
}

}  // namespace sluice::ctl
