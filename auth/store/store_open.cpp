#include "auth/store/store_internal.hpp"
#include "auth/web/embedded.hpp"
#include "common/base/assert.hpp"
#include "common/base/startup_error.hpp"

#include <algorithm>
#include <system_error>

namespace sluice::auth {

namespace {

// "slAU": marks a SQLite file as ours.
constexpr std::int64_t application_id = 0x736c4155;
constexpr std::int64_t schema_version = 2;

[[noreturn]] void fail(const std::filesystem::path& file,
                       const std::string& reason,
                       const std::string& what_to_do) {
    throw StartupError("database " + file.string() + ": " + reason + ". " + what_to_do);
}

[[noreturn]] void fail(const std::filesystem::path& file, const Error& error) {
    if (is(error, StoreErrc::corrupt)) {
        fail(file,
             error.detail,
             "The file is damaged or no database: restore it from a backup, or move it away to "
             "begin "
             "with an empty one");
    }
    if (is(error, StoreErrc::full)) {
        fail(file, error.message(), "Make space on its file system and start again");
    }
    if (is(error, StoreErrc::busy)) {
        fail(file, error.detail, "End the other program that uses it and start again");
    }
    fail(file,
         error.message(),
         "Check that the folder exists and that this user may write the file and its folder");
}

std::string_view schema_sql() {
    const auto& files = embedded_files();
    const auto found = std::find_if(files.begin(), files.end(), [](const EmbeddedFile& file) {
        return file.path == "store/schema.sql";
    });
    SLUICE_ASSERT(found != files.end());
    return found->content;
}

Result<std::int64_t> read_integer(Database& database, std::string_view sql) {
    Statement statement(database, sql);
    auto value = read_first(statement, [](const Statement& row) { return row.integer(0); });
    if (!value) return std::move(value).error();
    return value->value_or(0);
}

std::int64_t read_or_fail(Database& database,
                          const std::filesystem::path& file,
                          std::string_view sql) {
    auto value = read_integer(database, sql);
    if (!value) fail(file, value.error());
    return *value;
}

void check_integrity(Database& database, const std::filesystem::path& file) {
    Statement statement(database, "PRAGMA quick_check(1)");
    auto finding = read_first(statement, [](const Statement& row) { return row.text(0); });
    if (!finding) fail(file, finding.error());
    if (finding->value_or("ok") != "ok") {
        std::string text = **finding;
        std::replace(text.begin(), text.end(), '\n', ' ');
        fail(file,
             Error(ErrorKind::storage,
                   "SQLite reports: " + text,
                   make_error_code(StoreErrc::corrupt)));
    }
    Statement keys(database, "PRAGMA foreign_key_check");
    auto broken = keys.step();
    if (!broken) fail(file, broken.error());
    if (*broken) {
        fail(file,
             Error(ErrorKind::storage,
                   "table " + keys.text(0) + " refers to missing rows",
                   make_error_code(StoreErrc::corrupt)));
    }
}

void create_schema(Database& database, const std::filesystem::path& file) {
    Transaction transaction(database);
    if (!transaction.begun()) fail(file, transaction.begun().error());
    const std::string marks = "PRAGMA application_id = " + std::to_string(application_id) +
                              "; PRAGMA user_version = " + std::to_string(schema_version);
    if (auto made = database.execute(std::string(schema_sql())); !made) fail(file, made.error());
    if (auto made = database.execute(marks); !made) fail(file, made.error());
    if (auto committed = transaction.commit(); !committed) fail(file, committed.error());
}

// From schema 1, which had no seal_check.
void upgrade_schema(Database& database, const std::filesystem::path& file) {
    Transaction transaction(database);
    if (!transaction.begun()) fail(file, transaction.begun().error());
    const std::string steps =
        "CREATE TABLE seal_check (id INTEGER PRIMARY KEY CHECK (id = 1), sealed TEXT NOT NULL) "
        "STRICT; PRAGMA user_version = " +
        std::to_string(schema_version);
    if (auto made = database.execute(steps); !made) fail(file, made.error());
    if (auto committed = transaction.commit(); !committed) fail(file, committed.error());
}

// A write that changes nothing to speak of: a full disk or a read-only file shows now instead of at
// the first sign-in.
void check_writable(Database& database, const std::filesystem::path& file) {
    Transaction transaction(database);
    if (!transaction.begun()) fail(file, transaction.begun().error());
    const std::string mark = "PRAGMA user_version = " + std::to_string(schema_version);
    if (auto written = database.execute(mark); !written) fail(file, written.error());
    if (auto committed = transaction.commit(); !committed) fail(file, committed.error());
}

enum class Content { empty, first_schema, ours };

// Before anything is written: the file of another program must stay as it is.
Content check_version(Database& database, const std::filesystem::path& file) {
    const std::int64_t id = read_or_fail(database, file, "PRAGMA application_id");
    const std::int64_t version = read_or_fail(database, file, "PRAGMA user_version");
    const std::int64_t tables = read_or_fail(database, file, "SELECT count(*) FROM sqlite_schema");
    if (id == 0 && version == 0 && tables == 0) return Content::empty;
    if (id != application_id) {
        fail(file,
             "it is the database of another program",
             "Name another file under `database` in the configuration");
    }
    if (version > schema_version) {
        fail(file,
             "its schema is version " + std::to_string(version) +
                 ", this sluice-auth knows up to " + std::to_string(schema_version),
             "Install a newer sluice-auth, or restore the backup made before the upgrade");
    }
    if (version < 1) {
        fail(file,
             Error(ErrorKind::storage,
                   "its schema has version " + std::to_string(version),
                   make_error_code(StoreErrc::corrupt)));
    }
    return version == 1 ? Content::first_schema : Content::ours;
}

}  // namespace

std::unique_ptr<Store> Store::open(const std::filesystem::path& file) {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored)) {
        fail(file, "it is a folder", "Name a file under `database` in the configuration");
    }
    auto database = Database::open(file);
    if (!database) fail(file, database.error());
    check_integrity(*database, file);
    const Content content = check_version(*database, file);
    if (auto logged = database->use_write_ahead_log(); !logged) fail(file, logged.error());
    if (content == Content::empty) create_schema(*database, file);
    if (content == Content::first_schema) upgrade_schema(*database, file);
    check_writable(*database, file);
    return std::unique_ptr<Store>(new Store(std::move(*database)));
}

// A database that has no row in seal_check yet is judged by a password in it.
Result<bool> Store::is_sealed_by(const crypto::SecretBox& box) {
    return in_transaction([&]() -> Result<bool> {
        Statement select(database_,
                         "SELECT sealed FROM (SELECT sealed, 0 AS place FROM seal_check UNION ALL "
                         "SELECT password, 1 FROM target_role) ORDER BY place LIMIT 1");
        auto sealed = read_first(select, [](const Statement& row) { return row.text(0); });
        if (!sealed) return std::move(sealed).error();
        if (*sealed && !box.open(**sealed)) return false;
        Statement insert(database_,
                         "INSERT INTO seal_check (id, sealed) VALUES (1, ?) ON CONFLICT DO NOTHING",
                         box.seal(Secret("sluice")));
        if (auto inserted = insert.run(); !inserted) return std::move(inserted).error();
        return true;
    });
}

}  // namespace sluice::auth
