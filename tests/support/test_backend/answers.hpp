#pragma once

#include "backend/protocol/backend.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test_backend {

// A query as the test server reads it: its first word in lower case, and what follows that, both
// without the blanks and semicolons around them. "ECHO a b;" is {"echo", "a b"}.
struct Command {
    std::string name;
    std::string argument;
};
Command parse_command(std::string_view query);
// 0 for what is no number.
std::uint64_t to_number(std::string_view text);

using Row = std::vector<std::optional<std::string>>;

struct Answer {
    std::vector<pg::Column> columns;  // empty: no result set
    std::vector<Row> rows;
    std::string tag;  // of CommandComplete
};
// One text column `data` with one row.
Answer one_value(std::string value);
// The answers that take no time and cannot fail: those that drivers and replication clients need
// to begin, `echo TEXT`, and "ok" for whatever is not known.
Answer answer(const Command& command);

}  // namespace sluice::test_backend
