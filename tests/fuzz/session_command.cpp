#include "backend/protocol/session_command.hpp"

#include "common/base/assert.hpp"
#include "tests/fuzz/target.hpp"

namespace sluice::fuzz {

// A name that was read is read again from its quoted form.
void try_input(ByteView input) {
    const auto command = pg::find_session_command(as_text(input));
    if (!command || command->kind != pg::SessionCommand::Kind::deallocate) return;
    SLUICE_ASSERT(!command->name.empty());
    std::string quoted = "DEALLOCATE \"";
    for (const char byte : command->name) {
        if (byte == '"') quoted += '"';
        quoted += byte;
    }
    const auto again = pg::find_session_command(quoted + '"');
    SLUICE_ASSERT(again && again->kind == command->kind && again->name == command->name);
}

}  // namespace sluice::fuzz
