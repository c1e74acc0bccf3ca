#pragma once

#include "common/base/result.hpp"

#include <string>
#include <vector>

namespace sluice::test_pgwal {

using Arguments = std::vector<std::string>;

// Each prints "name value" lines. A data directory belongs to a server that does not run, unless
// the command only reads.
//
//   control DATA                the control file, with names as pg_control_*() has them
//   edit-control DATA NAME=VALUE...
//                               decodes the control file, changes fields (state, by its number, and
//                               time) and encodes it again
//   messages DATA COUNT BYTES [SWITCH_EVERY]
//                               after the last record of a server that was shut down, as if it had
//                               crashed: logical messages of 0 to 2 * BYTES bytes, and an XLOG_SWITCH
//                               after each SWITCH_EVERY of them
//   checkpoint DATA             after the last record: a shutdown checkpoint, which the control file
//                               then has
//   online-checkpoint DATA      the same as a running server does it that then crashes: messages between
//                               its redo point and its record, which is the last
//   new-wal DATA LSN            takes all segments away and begins WAL at LSN with a shutdown checkpoint
//                               and a control file made anew
//   history FILE                a history file, read and written again
//   history-of FILE             its entries: "timeline end reason"
//   timestamps TEXT...          "microseconds text" of each
Result<void> print_control(const Arguments& arguments);
Result<void> edit_control(const Arguments& arguments);
Result<void> write_messages(const Arguments& arguments);
Result<void> write_checkpoint(const Arguments& arguments);
Result<void> write_online_checkpoint(const Arguments& arguments);
Result<void> write_new_wal(const Arguments& arguments);
Result<void> print_history(const Arguments& arguments);
Result<void> print_history_entries(const Arguments& arguments);
Result<void> print_timestamps(const Arguments& arguments);

}  // namespace sluice::test_pgwal
