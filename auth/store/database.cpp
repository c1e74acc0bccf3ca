#include "auth/store/database.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sluice::auth {

namespace {

constexpr int busy_timeout_ms = 5000;

// Boost's categories are never destroyed through their base; GCC warns nevertheless.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class StoreCategory final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "sluice.auth.store"; }
    std::string message(int value) const override {
        switch (static_cast<StoreErrc>(value)) {
        case StoreErrc::conflict: return "it exists already";
        case StoreErrc::not_found: return "it does not exist";
        case StoreErrc::full: return "the file system of the database is full";
        case StoreErrc::busy: return "another program holds the database";
        case StoreErrc::corrupt: return "the database file is damaged";
        case StoreErrc::failed: return "the database does not work";
        }
        return "unknown error";
    }
};
#pragma GCC diagnostic pop

// A full disk is not always SQLITE_FULL: files that SQLite keeps beside the database fail with an
// I/O error.
bool is_out_of_space(sqlite3* handle, int sqlite_code) {
    const int family = sqlite_code & 0xff;
    if (family != SQLITE_IOERR && family != SQLITE_CANTOPEN) return false;
    const int reason = sqlite3_system_errno(handle);
    return reason == ENOSPC || reason == EDQUOT;
}

StoreErrc errc_of(int sqlite_code) {
    switch (sqlite_code & 0xff) {
    case SQLITE_CONSTRAINT:
        return sqlite_code == SQLITE_CONSTRAINT_FOREIGNKEY ? StoreErrc::not_found
                                                           : StoreErrc::conflict;
    case SQLITE_FULL: return StoreErrc::full;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return StoreErrc::busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return StoreErrc::corrupt;
    default: return StoreErrc::failed;
    }
}

// SQLite would make the file readable for everybody that the umask lets.
Result<void> create_private(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        const boost::system::error_code code(errno, boost::system::system_category());
        return Error(ErrorKind::storage, "cannot open it for writing", code);
    }
    ::close(descriptor);
    return {};
}

}  // namespace

boost::system::error_code make_error_code(StoreErrc code) {
    static const StoreCategory category;
    return {static_cast<int>(code), category};
}

bool is(const Error& error, StoreErrc code) { return error.code == make_error_code(code); }

Result<Database> Database::open(const std::filesystem::path& file) {
    if (auto created = create_private(file); !created) return std::move(created).error();
    sqlite3* handle = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int result = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
    Database database(handle);
    if (result != SQLITE_OK) return database.last_error("cannot open it");
    sqlite3_busy_timeout(handle, busy_timeout_ms);
    auto set_up = database.execute(
        "PRAGMA foreign_keys = ON;"
        "PRAGMA trusted_schema = OFF;"
        "PRAGMA secure_delete = ON;");
    if (!set_up) return std::move(set_up).error();
    return database;
}

Result<void> Database::use_write_ahead_log() {
    return execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<void> Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return last_error("SQLite");
    }
    return {};
}

std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

int Database::changes() const { return sqlite3_changes(handle_); }

Error Database::last_error(std::string_view doing) const {
    const int sqlite_code = sqlite3_extended_errcode(handle_);
    const bool full = is_out_of_space(handle_, sqlite_code);
    const StoreErrc code = full ? StoreErrc::full : errc_of(sqlite_code);
    const bool refused = code == StoreErrc::conflict || code == StoreErrc::not_found;
    return Error(refused ? ErrorKind::client : ErrorKind::storage,
                 std::string(doing) + ": " + sqlite3_errmsg(handle_),
                 make_error_code(code));
}

void Statement::prepare(std::string_view sql) {
    check(sqlite3_prepare_v2(
        database_.native(), sql.data(), static_cast<int>(sql.size()), &statement_, nullptr));
}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::check(int result) {
    if (result != SQLITE_OK && !failure_) failure_ = database_.last_error("SQLite");
}

void Statement::bind(int index, std::string_view value) {
    if (failure_) return;
    // A null pointer would bind NULL instead of the empty text.
    const char* data = value.data() == nullptr ? "" : value.data();
    check(sqlite3_bind_text(
        statement_, index, data, static_cast<int>(value.size()), SQLITE_TRANSIENT));
}

void Statement::bind(int index, std::int64_t value) {
    if (!failure_) check(sqlite3_bind_int64(statement_, index, value));
}

void Statement::bind(int index, std::optional<std::int64_t> value) {
    if (value) {
        bind(index, *value);
    } else if (!failure_) {
        check(sqlite3_bind_null(statement_, index));
    }
}

Result<bool> Statement::step() {
    if (failure_) return *failure_;
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    failure_ = database_.last_error("SQLite");
    return *failure_;
}

Result<void> Statement::run() {
    for (;;) {
        auto row = step();
        if (!row) return std::move(row).error();
        if (!*row) return {};
    }
}

std::string Statement::text(int column) const {
    const auto* data = sqlite3_column_text(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return data == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return integer(column);
}

Transaction::Transaction(Database& database)
    : database_(database), begun_(database.execute("BEGIN IMMEDIATE")) {
    open_ = begun_.has_value();
}

Transaction::~Transaction() {
    // SQLite may have rolled back by itself (disk full); then this has nothing to do.
    if (open_) static_cast<void>(database_.execute("ROLLBACK"));
}

Result<void> Transaction::commit() {
    if (!begun_) return begun_;
    auto committed = database_.execute("COMMIT");
    if (committed) open_ = false;
    return committed;
}

}  // namespace sluice::auth
