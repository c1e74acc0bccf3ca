#include "common/pgwal/logical_message.hpp"
#include "tests/support/test_pgwal/commands.hpp"
#include "tests/support/test_pgwal/data_directory.hpp"

#include <iostream>
#include <random>

namespace sluice::test_pgwal {

namespace {

using pgwal::ControlData;
using pgwal::WrittenRecord;

pgwal::WalIdentity identity_of(const ControlData& data) {
    return {data.major, data.segment_size, data.system_id, data.checkpoint.timeline};
}

// Where the WAL of a server that was shut down goes on.
Result<pgwal::WalPosition> find_position(const DataDirectory& directory, const ControlData& data) {
    const auto end = directory.find_end(data);
    if (!end) return end.error();
    if (data.state != pgwal::DbState::shut_down || end->records != 1)
        return Error(ErrorKind::client,
                     "the server was not shut down: " + std::to_string(end->records) +
                         " records from the checkpoint on, state " +
                         std::string(to_string(data.state)));
    return pgwal::WalPosition{end->lsn, end->last_record};
}

void print_record(const char* name, const WrittenRecord& record) {
    std::cout << name << "_start " << record.start.to_string() << "\n"
              << name << "_end " << record.end.to_string() << "\n"
              << name << "_next " << record.next.to_string() << "\n";
}

struct MessagePlan {
    std::uint64_t count = 0;
    std::size_t average_bytes = 0;
    // 0: never.
    std::uint64_t switch_every = 0;
};

Result<WrittenRecord> append_message(pgwal::WalWriter& writer, std::uint64_t number, Bytes& text) {
    const std::string prefix = "sluice test " + std::to_string(number);
    const auto content = pgwal::logical_message_record({.prefix = prefix, .message = text});
    if (!content) return content.error();
    return writer.append(*content);
}

// The last record.
Result<WrittenRecord> append_messages(pgwal::WalWriter& writer, const MessagePlan& plan) {
    std::mt19937 random(1);
    WrittenRecord last;
    for (std::uint64_t number = 1; number <= plan.count; ++number) {
        Bytes text(random() % (2 * plan.average_bytes + 1));
        for (std::uint8_t& byte : text) byte = static_cast<std::uint8_t>('a' + random() % 26);
        const auto written = append_message(writer, number, text);
        if (!written) return written.error();
        last = *written;
        if (number == 1) print_record("first", last);
        if (plan.switch_every == 0 || number % plan.switch_every != 0) continue;
        const auto switched = writer.append_switch();
        if (!switched) return switched.error();
        if (*switched) last = **switched;
    }
    return last;
}

// Appends at the end of a data directory's WAL, and stores its control file as `append` leaves it.
template <class Append>
Result<void> extend_wal(const std::string& path, Append append) {
    const DataDirectory directory(path);
    auto data = directory.load_control();
    if (!data) return data.error();
    const auto position = find_position(directory, *data);
    if (!position) return position.error();

    SegmentFiles files(directory.wal_folder(), identity_of(*data));
    auto writer = pgwal::WalWriter::open(identity_of(*data), *position, files);
    if (!writer) return writer.error();
    if (auto appended = append(*writer, *data); !appended) return appended;
    if (auto finished = writer->finish(); !finished) return finished;
    return directory.store_control(*data);
}

Result<void> append_online_checkpoint(pgwal::WalWriter& writer, ControlData& data) {
    data.checkpoint.redo = writer.next_start();
    data.checkpoint.oldest_active_xid = static_cast<std::uint32_t>(data.checkpoint.next_xid);
    if (data.major >= pgwal::PgMajor::v17) {
        const auto redo = writer.append(pgwal::checkpoint_redo_record(data.wal_level));
        if (!redo) return redo.error();
    }
    const auto before = append_messages(writer, {3, 10'000});
    if (!before) return before.error();
    const auto checkpoint = writer.append(
        pgwal::checkpoint_record(data.major, pgwal::CheckpointKind::online, data.checkpoint));
    if (!checkpoint) return checkpoint.error();
    print_record("checkpoint", *checkpoint);
    std::cout << "redo " << data.checkpoint.redo.to_string() << "\n";
    data.checkpoint_lsn = checkpoint->start;
    data.state = pgwal::DbState::in_production;
    return {};
}

}  // namespace

Result<void> write_messages(const Arguments& arguments) {
    MessagePlan plan{std::stoull(arguments.at(1)), std::stoull(arguments.at(2))};
    if (arguments.size() > 3) plan.switch_every = std::stoull(arguments[3]);
    return extend_wal(arguments.at(0), [&plan](pgwal::WalWriter& writer, ControlData& data) {
        const auto last = append_messages(writer, plan);
        if (!last) return Result<void>(last.error());
        print_record("last", *last);
        data.state = pgwal::DbState::in_production;
        return Result<void>();
    });
}

Result<void> write_checkpoint(const Arguments& arguments) {
    return extend_wal(arguments.at(0), [](pgwal::WalWriter& writer, ControlData& data) {
        data.checkpoint.redo = writer.next_start();
        data.checkpoint.next_xid += 1000;
        const auto written = writer.append(
            pgwal::checkpoint_record(data.major, pgwal::CheckpointKind::shutdown, data.checkpoint));
        if (!written) return Result<void>(written.error());
        print_record("checkpoint", *written);
        data.checkpoint_lsn = written->start;
        return Result<void>();
    });
}

Result<void> write_online_checkpoint(const Arguments& arguments) {
    return extend_wal(arguments.at(0), append_online_checkpoint);
}

Result<void> write_new_wal(const Arguments& arguments) {
    const DataDirectory directory(arguments.at(0));
    const auto old = directory.load_control();
    if (!old) return old.error();
    const auto start = Lsn::parse(arguments.at(1));
    if (!start) return Error(ErrorKind::client, "no LSN: " + arguments.at(1));

    // What belongs to the data, and nothing else of the old file.
    ControlData data;
    data.major = old->major;
    data.system_id = old->system_id;
    data.state = pgwal::DbState::shut_down;
    data.time = old->time;
    data.checkpoint = old->checkpoint;
    data.checkpoint.redo = *start;
    data.checkpoint_lsn = *start;
    data.segment_size = old->segment_size;
    data.data_checksum_version = old->data_checksum_version;
    data.default_char_signedness = old->default_char_signedness;

    directory.remove_segments();
    SegmentFiles files(directory.wal_folder(), identity_of(data));
    if (auto begun = pgwal::write_segment_start(identity_of(data), *start, files); !begun)
        return begun;
    auto writer = pgwal::WalWriter::open(identity_of(data), {*start, Lsn()}, files);
    if (!writer) return writer.error();
    const auto written = writer->append(
        pgwal::checkpoint_record(data.major, pgwal::CheckpointKind::shutdown, data.checkpoint));
    if (!written) return written.error();
    if (auto finished = writer->finish(); !finished) return finished;
    print_record("checkpoint", *written);
    return directory.store_control(data);
}

}  // namespace sluice::test_pgwal
