#include "backend/client/conninfo.hpp"

#include "common/base/assert.hpp"
#include "tests/fuzz/target.hpp"

namespace sluice::fuzz {

// What was read is written as text that reads back as the same, and the text for logs does not
// depend on the passwords.
void try_input(ByteView input) {
    auto info = pg::parse_conninfo(as_text(input));
    if (!info) return;
    SLUICE_ASSERT(!info->hosts.empty() && !info->user.empty() && !info->database.empty());
    const std::string text = pg::format_conninfo(*info);
    const auto again = pg::parse_conninfo(text);
    SLUICE_ASSERT(again && pg::format_conninfo(*again) == text);

    const std::string logged = pg::redacted(*info);
    if (!info->password.empty()) info->password = Secret("another");
    if (!info->ssl_password.empty()) info->ssl_password = Secret("another");
    SLUICE_ASSERT(pg::redacted(*info) == logged);
}

}  // namespace sluice::fuzz
