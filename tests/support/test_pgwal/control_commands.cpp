#include "common/pgwal/timestamp.hpp"
#include "tests/support/test_pgwal/commands.hpp"
#include "tests/support/test_pgwal/data_directory.hpp"

#include <iostream>

namespace sluice::test_pgwal {

namespace {

using pgwal::ControlData;

class Lines {
public:
    void operator()(const char* name, const std::string& value) const {
        std::cout << name << " " << value << "\n";
    }
    void operator()(const char* name, std::string_view value) const {
        (*this)(name, std::string(value));
    }
    void operator()(const char* name, const char* value) const {
        (*this)(name, std::string(value));
    }
    void operator()(const char* name, Lsn value) const { (*this)(name, value.to_string()); }
    void operator()(const char* name, bool value) const { (*this)(name, value ? "True" : "False"); }
    template <class Number>
    void operator()(const char* name, Number value) const {
        (*this)(name, std::to_string(value));
    }
    void time(const char* name, std::int64_t unix_seconds) const {
        const auto timestamp = pgwal::Timestamp::from_unix_seconds(unix_seconds);
        (*this)(name, timestamp ? timestamp->to_string() + ":00" : timestamp.error().message());
    }
};

constexpr Lines line;

void print_identity(const ControlData& data) {
    line("major", pgwal::number_of(data.major));
    line("system_identifier", data.system_id);
    line("state", to_string(data.state));
    line.time("pg_control_last_modified", data.time);
}

void print_checkpoint(const ControlData& data) {
    const pgwal::CheckPoint& checkpoint = data.checkpoint;
    line("checkpoint_lsn", data.checkpoint_lsn);
    line("redo_lsn", checkpoint.redo);
    line("redo_wal_file",
         pgwal::segment_file_name(checkpoint.timeline, checkpoint.redo, data.segment_size));
    line("timeline_id", checkpoint.timeline);
    line("prev_timeline_id", checkpoint.previous_timeline);
    line("full_page_writes", checkpoint.full_page_writes);
    line("next_xid",
         std::to_string(checkpoint.next_xid >> 32U) + ":" +
             std::to_string(checkpoint.next_xid & UINT32_MAX));
    line("next_oid", checkpoint.next_oid);
    line("next_multixact_id", checkpoint.next_multixact);
    line("next_multi_offset", checkpoint.next_multixact_offset);
    line("oldest_xid", checkpoint.oldest_xid);
    line("oldest_xid_dbid", checkpoint.oldest_xid_database);
    line("oldest_active_xid", checkpoint.oldest_active_xid);
    line("oldest_multi_xid", checkpoint.oldest_multixact);
    line("oldest_multi_dbid", checkpoint.oldest_multixact_database);
    line("oldest_commit_ts_xid", checkpoint.oldest_commit_timestamp_xid);
    line("newest_commit_ts_xid", checkpoint.newest_commit_timestamp_xid);
    line.time("checkpoint_time", checkpoint.time);
    if (checkpoint.wal_level)
        line("checkpoint_wal_level", pgwal::wal_level_name(*checkpoint.wal_level));
}

void print_recovery(const ControlData& data) {
    line("unlogged_lsn", data.unlogged_lsn);
    line("min_recovery_end_lsn", data.min_recovery_point);
    line("min_recovery_end_timeline", data.min_recovery_point_timeline);
    line("backup_start_lsn", data.backup_start_point);
    line("backup_end_lsn", data.backup_end_point);
    line("end_of_backup_record_required", data.backup_end_required);
}

void print_settings(const ControlData& data) {
    line("wal_level", pgwal::wal_level_name(data.wal_level));
    line("wal_log_hints", data.wal_log_hints);
    line("max_connections", data.max_connections);
    line("max_worker_processes", data.max_worker_processes);
    line("max_wal_senders", data.max_wal_senders);
    line("max_prepared_xacts", data.max_prepared_xacts);
    line("max_locks_per_xact", data.max_locks_per_xact);
    line("track_commit_timestamp", data.track_commit_timestamp);
}

void print_init(const ControlData& data) {
    line("database_block_size", data.block_bytes);
    line("blocks_per_segment", data.blocks_per_relation_segment);
    line("bytes_per_wal_segment", data.segment_size.bytes());
    line("max_identifier_length", data.name_bytes);
    line("max_index_columns", data.index_columns_max);
    line("max_toast_chunk_size", data.toast_chunk_bytes_max);
    line("large_object_chunk_size", data.large_object_chunk_bytes);
    line("float8_pass_by_value", data.float8_by_value);
    line("data_page_checksum_version", data.data_checksum_version);
    if (data.default_char_signedness)
        line("default_char_signedness", *data.default_char_signedness);
}

Result<void> change(ControlData& data, const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    const std::string name = assignment.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : assignment.substr(equals + 1);
    if (name == "state")
        data.state = pgwal::DbState{static_cast<std::uint32_t>(std::stoul(value))};
    else if (name == "time")
        data.time = std::stoll(value);
    else
        return Error(ErrorKind::client, "there is no field " + name);
    return {};
}

}  // namespace

Result<void> print_control(const Arguments& arguments) {
    const auto data = DataDirectory(arguments.at(0)).load_control();
    if (!data) return data.error();
    print_identity(*data);
    print_checkpoint(*data);
    print_recovery(*data);
    print_settings(*data);
    print_init(*data);
    return {};
}

Result<void> edit_control(const Arguments& arguments) {
    const DataDirectory directory(arguments.at(0));
    auto data = directory.load_control();
    if (!data) return data.error();
    for (std::size_t i = 1; i < arguments.size(); ++i)
        if (auto changed = change(*data, arguments[i]); !changed) return changed;
    return directory.store_control(*data);
}

}  // namespace sluice::test_pgwal
