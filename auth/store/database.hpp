#pragma once

#include "common/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::auth {

// Why the store did not do what was asked; Error::code carries it.
enum class StoreErrc {
    conflict = 1,  // such a row exists already
    not_found,     // what the change refers to does not exist
    full,          // no space left on the device
    busy,          // another program holds the database for too long
    corrupt,       // the file is damaged
    failed,        // any other failure of SQLite or the disk
};
boost::system::error_code make_error_code(StoreErrc code);
bool is(const Error& error, StoreErrc code);

// One SQLite connection. Not thread-safe: the Store serialises.
class Database {
public:
    // Opens or creates the file (mode 0600), foreign keys on. Changes nothing in an existing file.
    static Result<Database> open(const std::filesystem::path& file);
    Database(Database&& other) noexcept;
    Database& operator=(Database&& other) noexcept;
    ~Database();

    // Every commit reaches the disk before it returns; readers do not wait for writers.
    Result<void> use_write_ahead_log();
    // Several statements without parameters or results.
    Result<void> execute(const std::string& sql);
    std::int64_t last_insert_id() const;
    // Rows changed by the last statement.
    int changes() const;
    // The error of the last call, with its kind.
    Error last_error(std::string_view doing) const;
    sqlite3* native() const { return handle_; }

private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    sqlite3* handle_ = nullptr;
};

// One prepared statement. The first failure sticks and comes out of step() or run().
class Statement {
public:
    template <class... Args>
    Statement(Database& database, std::string_view sql, const Args&... args) : database_(database) {
        prepare(sql);
        int index = 0;
        (bind(++index, args), ...);
    }
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // True when there is a row to read, false at the end.
    Result<bool> step();
    // To the end, without reading rows.
    Result<void> run();

    std::string text(int column) const;
    std::int64_t integer(int column) const;
    std::optional<std::int64_t> optional_integer(int column) const;

private:
    void prepare(std::string_view sql);
    void bind(int index, std::string_view value);
    void bind(int index, std::int64_t value);
    void bind(int index, std::optional<std::int64_t> value);
    void check(int result);

    Database& database_;
    sqlite3_stmt* statement_ = nullptr;
    std::optional<Error> failure_;
};

// BEGIN IMMEDIATE now; ROLLBACK when it ends without a commit().
class Transaction {
public:
    explicit Transaction(Database& database);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    // Whether it could begin.
    const Result<void>& begun() const { return begun_; }
    Result<void> commit();

private:
    Database& database_;
    Result<void> begun_;
    bool open_ = false;
};

}  // namespace sluice::auth
