#pragma once

// For the .cpp files of the store only.

#include "auth/core/times.hpp"
#include "auth/store/store.hpp"

namespace sluice::auth {

inline Error not_found(std::string what) {
    return Error(ErrorKind::client, std::move(what), make_error_code(StoreErrc::not_found));
}

// Names what exists in the error of an insert that met a row of the same name.
inline Result<void> naming(Result<void> inserted, std::string what) {
    if (inserted || !is(inserted.error(), StoreErrc::conflict)) return inserted;
    return Error(ErrorKind::client, std::move(what), make_error_code(StoreErrc::conflict));
}

// Reads every row with `read(statement)`.
template <class Read>
auto read_all(Statement& statement, Read read) -> Result<std::vector<decltype(read(statement))>> {
    std::vector<decltype(read(statement))> rows;
    for (;;) {
        auto row = statement.step();
        if (!row) return std::move(row).error();
        if (!*row) return rows;
        rows.push_back(read(statement));
    }
}

// Reads the first row, if there is one.
template <class Read>
auto read_first(Statement& statement, Read read)
    -> Result<std::optional<decltype(read(statement))>> {
    using Row = decltype(read(statement));
    auto row = statement.step();
    if (!row) return std::move(row).error();
    if (!*row) return std::optional<Row>();
    return std::optional<Row>(read(statement));
}

template <class Work>
auto Store::locked(Work work) -> decltype(work()) {
    const std::lock_guard lock(mutex_);
    return work();
}

template <class Work>
auto Store::in_transaction(Work work) -> decltype(work()) {
    const std::lock_guard lock(mutex_);
    Transaction transaction(database_);
    if (!transaction.begun()) return transaction.begun().error();
    auto result = work();
    if (!result) return result;
    auto committed = transaction.commit();
    if (!committed) return std::move(committed).error();
    return result;
}

}  // namespace sluice::auth
