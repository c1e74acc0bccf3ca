#pragma once

#include "common/pgwal/checkpoint.hpp"
#include "common/pgwal/layouts.hpp"

#include <type_traits>

namespace sluice::pgwal {

// A field that not every version has.
//   Visitor: CStructReader or CStructWriter
template <class Visitor, class Field, class Visit>
void visit_optional(Visitor& visitor, bool there, Field& field, Visit visit) {
    if (!there) return;
    auto value = field.value_or(typename Field::value_type{});
    (visitor.*visit)(value);
    if constexpr (!std::is_const_v<Field>) field = value;
}

// The fields of struct CheckPoint in their order, for reading and for writing.
template <class Visitor, class Checkpoint>
void visit_checkpoint(Visitor& visitor, const Layout& layout, Checkpoint& checkpoint) {
    visitor.align(8);
    visitor.lsn(checkpoint.redo);
    visitor.u32(checkpoint.timeline);
    visitor.u32(checkpoint.previous_timeline);
    visitor.boolean(checkpoint.full_page_writes);
    visit_optional(visitor, layout.checkpoint_wal_level, checkpoint.wal_level, &Visitor::i32);
    visitor.u64(checkpoint.next_xid);
    visitor.u32(checkpoint.next_oid);
    visitor.u32(checkpoint.next_multixact);
    visitor.u32(checkpoint.next_multixact_offset);
    visitor.u32(checkpoint.oldest_xid);
    visitor.u32(checkpoint.oldest_xid_database);
    visitor.u32(checkpoint.oldest_multixact);
    visitor.u32(checkpoint.oldest_multixact_database);
    visitor.i64(checkpoint.time);
    visitor.u32(checkpoint.oldest_commit_timestamp_xid);
    visitor.u32(checkpoint.newest_commit_timestamp_xid);
    visitor.u32(checkpoint.oldest_active_xid);
    visitor.align(8);
}

}  // namespace sluice::pgwal
