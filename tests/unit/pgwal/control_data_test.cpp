#include "common/pgwal/control_data.hpp"

#include "common/base/crc32c.hpp"
#include "common/pgwal/errc.hpp"
#include "tests/unit/pgwal/control_file_samples.hpp"

#include <boost/endian/conversion.hpp>
#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::pgwal {
namespace {

std::size_t crc_offset(PgMajor major) { return major == PgMajor::v18 ? 292 : 288; }

// A file with four bytes changed, and a CRC that matches.
Bytes with_field(const ControlFileSample& sample, std::size_t offset, std::uint32_t value) {
    Bytes file = sample.file();
    boost::endian::store_little_u32(&file[offset], value);
    const std::size_t crc = crc_offset(sample.major);
    boost::endian::store_little_u32(&file[crc], crc32c(ByteView(file).first(crc)));
    return file;
}

const ControlFileSample& sample_of(PgMajor major) {
    return *std::find_if(control_file_samples.begin(),
                         control_file_samples.end(),
                         [major](const auto& sample) { return sample.major == major; });
}

std::string failure(ByteView file, Errc code) {
    const auto data = decode_control_data(file);
    EXPECT_FALSE(data);
    if (data) return "";
    EXPECT_EQ(data.error().code, code);
    EXPECT_EQ(data.error().kind, ErrorKind::storage);
    return data.error().detail;
}

TEST(ControlData, IsReadAsAServerOf15WroteIt) {
    const auto data = decode_control_data(sample_of(PgMajor::v15).file());
    ASSERT_TRUE(data) << data.error().message();
    EXPECT_EQ(data->major, PgMajor::v15);
    EXPECT_EQ(data->system_id, 7713082527953119825U);
    EXPECT_EQ(data->state, DbState::in_production);
    EXPECT_EQ(data->time, 1795841970);
    EXPECT_EQ(data->checkpoint_lsn, Lsn(0x1939C70));
    EXPECT_EQ(data->unlogged_lsn, Lsn(1000));
    EXPECT_EQ(data->min_recovery_point, Lsn());
    EXPECT_EQ(data->min_recovery_point_timeline, 0U);
    EXPECT_EQ(data->backup_start_point, Lsn());
    EXPECT_EQ(data->backup_end_point, Lsn());
    EXPECT_FALSE(data->backup_end_required);
    EXPECT_EQ(data->wal_level, 2);
    EXPECT_TRUE(data->wal_log_hints);
    EXPECT_EQ(data->max_connections, 77);
    EXPECT_EQ(data->max_worker_processes, 9);
    EXPECT_EQ(data->max_wal_senders, 7);
    EXPECT_EQ(data->max_prepared_xacts, 3);
    EXPECT_EQ(data->max_locks_per_xact, 65);
    EXPECT_TRUE(data->track_commit_timestamp);
    EXPECT_EQ(data->block_bytes, 8192U);
    EXPECT_EQ(data->blocks_per_relation_segment, 131072U);
    EXPECT_EQ(data->segment_size, SegmentSize());
    EXPECT_EQ(data->name_bytes, 64U);
    EXPECT_EQ(data->index_columns_max, 32U);
    EXPECT_EQ(data->toast_chunk_bytes_max, 1996U);
    EXPECT_EQ(data->large_object_chunk_bytes, 2048U);
    EXPECT_TRUE(data->float8_by_value);
    EXPECT_EQ(data->data_checksum_version, 0U);
    EXPECT_EQ(data->default_char_signedness, std::nullopt);
    EXPECT_EQ(data->mock_authentication_nonce[0], 0xA4);
    EXPECT_EQ(data->mock_authentication_nonce[31], 0x08);
}

TEST(ControlData, HoldsTheCheckpoint) {
    const auto data = decode_control_data(sample_of(PgMajor::v15).file());
    ASSERT_TRUE(data);
    const CheckPoint& checkpoint = data->checkpoint;
    EXPECT_EQ(checkpoint.redo, Lsn(0x1939C38));
    EXPECT_EQ(checkpoint.timeline, 1U);
    EXPECT_EQ(checkpoint.previous_timeline, 1U);
    EXPECT_TRUE(checkpoint.full_page_writes);
    EXPECT_EQ(checkpoint.wal_level, std::nullopt);
    EXPECT_EQ(checkpoint.next_xid, 729U);
    EXPECT_EQ(checkpoint.next_oid, 24576U);
    EXPECT_EQ(checkpoint.next_multixact, 1U);
    EXPECT_EQ(checkpoint.next_multixact_offset, 0U);
    EXPECT_EQ(checkpoint.oldest_xid, 717U);
    EXPECT_EQ(checkpoint.oldest_xid_database, 1U);
    EXPECT_EQ(checkpoint.oldest_multixact, 1U);
    EXPECT_EQ(checkpoint.oldest_multixact_database, 1U);
    EXPECT_EQ(checkpoint.time, 1795841970);
    EXPECT_EQ(checkpoint.oldest_commit_timestamp_xid, 725U);
    EXPECT_EQ(checkpoint.newest_commit_timestamp_xid, 728U);
    EXPECT_EQ(checkpoint.oldest_active_xid, 729U);
}

TEST(ControlData, HasWhatOnlyNewerVersionsHave) {
    for (const ControlFileSample& sample : control_file_samples) {
        SCOPED_TRACE(number_of(sample.major));
        const auto data = decode_control_data(sample.file());
        ASSERT_TRUE(data) << data.error().message();
        EXPECT_EQ(data->major, sample.major);
        EXPECT_EQ(data->max_connections, 77);
        EXPECT_EQ(data->checkpoint.wal_level.has_value(), sample.major >= PgMajor::v17);
        EXPECT_EQ(data->checkpoint.wal_level.value_or(2), 2);
        EXPECT_EQ(data->default_char_signedness.has_value(), sample.major == PgMajor::v18);
        EXPECT_TRUE(data->default_char_signedness.value_or(true));
    }
    EXPECT_EQ(decode_control_data(sample_of(PgMajor::v18).file())->data_checksum_version, 1U);
}

TEST(ControlData, IsWrittenToTheByteAsServersDo) {
    for (const ControlFileSample& sample : control_file_samples) {
        SCOPED_TRACE(number_of(sample.major));
        const Bytes file = sample.file();
        const auto data = decode_control_data(file);
        ASSERT_TRUE(data);
        EXPECT_EQ(encode_control_data(*data), file);
    }
}

TEST(ControlData, ReadsWhatItWrites) {
    for (const PgMajor major : pg_majors) {
        SCOPED_TRACE(number_of(major));
        ControlData data;
        data.major = major;
        data.system_id = UINT64_MAX;
        data.state = DbState::in_archive_recovery;
        data.time = -1;
        data.checkpoint_lsn = Lsn(0x0102030405060708);
        data.checkpoint.redo = Lsn(UINT64_MAX);
        data.checkpoint.next_xid = 0x1122334455667788;
        data.checkpoint.oldest_active_xid = UINT32_MAX;
        data.checkpoint.time = INT64_MIN;
        data.min_recovery_point = Lsn(0x42);
        data.min_recovery_point_timeline = 7;
        data.backup_start_point = Lsn(0x43);
        data.backup_end_point = Lsn(0x44);
        data.backup_end_required = true;
        data.max_connections = INT32_MIN;
        data.segment_size = *SegmentSize::load(SegmentSize::bytes_max);
        data.float8_by_value = false;
        data.mock_authentication_nonce.fill(0xEE);
        if (major >= PgMajor::v17) data.checkpoint.wal_level = -7;
        if (major >= PgMajor::v18) data.default_char_signedness = false;
        const auto again = decode_control_data(encode_control_data(data));
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(*again, data);
    }
}

TEST(ControlData, FieldsOfOtherVersionsAreLeftOutOrZero) {
    ControlData data;
    data.major = PgMajor::v14;
    data.checkpoint.wal_level = 2;
    data.default_char_signedness = true;
    EXPECT_EQ(decode_control_data(encode_control_data(data))->checkpoint.wal_level, std::nullopt);
    data.major = PgMajor::v18;
    data.checkpoint.wal_level.reset();
    data.default_char_signedness.reset();
    const auto again = decode_control_data(encode_control_data(data));
    EXPECT_EQ(again->checkpoint.wal_level, 0);
    EXPECT_EQ(again->default_char_signedness, false);
}

TEST(ControlData, AnotherSizeIsRefused) {
    Bytes file = control_file_samples[0].file();
    file.push_back(0);
    EXPECT_EQ(failure(file, Errc::wrong_control_size), "pg_control has 8193 bytes instead of 8192");
    file.resize(296);
    EXPECT_EQ(failure(file, Errc::wrong_control_size), "pg_control has 296 bytes instead of 8192");
    EXPECT_EQ(failure({}, Errc::wrong_control_size), "pg_control has 0 bytes instead of 8192");
}

TEST(ControlData, EveryFlippedBitIsNoticed) {
    for (const ControlFileSample& sample : control_file_samples) {
        Bytes file = sample.file();
        for (std::size_t bit = 0; bit < 8 * (crc_offset(sample.major) + 4); ++bit) {
            file[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
            const auto data = decode_control_data(file);
            ASSERT_FALSE(data) << "bit " << bit;
            const bool version = bit / 8 >= 8 && bit / 8 < 16;
            EXPECT_EQ(data.error().code,
                      version ? Errc::unsupported_version : Errc::wrong_control_checksum);
            file[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        }
    }
}

TEST(ControlData, DamageIsToldByTheChecksums) {
    Bytes file = sample_of(PgMajor::v15).file();
    file[100] ^= 1;
    const std::string detail = failure(file, Errc::wrong_control_checksum);
    EXPECT_NE(detail.find("the checksum in pg_control is 1291363110, that of its bytes "),
              std::string::npos)
        << detail;
}

TEST(ControlData, UnknownVersionsAreNamed) {
    // PostgreSQL 13 has the control version of 14 to 16.
    const auto& sample = sample_of(PgMajor::v14);
    EXPECT_EQ(failure(with_field(sample, 12, 202007201), Errc::unsupported_version),
              "pg_control version 1300 with catalog version 202007201 is not that of a release of "
              "PostgreSQL 14 to 18");
    // 18 is not 17 with another number.
    EXPECT_EQ(failure(with_field(sample_of(PgMajor::v17), 8, 1800), Errc::unsupported_version),
              "pg_control version 1800 with catalog version 202406281 is not that of a release of "
              "PostgreSQL 14 to 18");
    EXPECT_EQ(failure(with_field(sample, 8, 1300U << 16U), Errc::unsupported_version),
              "pg_control version 85196800 with catalog version 202107181 is not that of a release "
              "of PostgreSQL 14 to 18; its bytes are in the order of another kind of machine");
    EXPECT_EQ(failure(Bytes(8192), Errc::unsupported_version),
              "pg_control version 0 with catalog version 0 is not that of a release of PostgreSQL "
              "14 to 18");
}

TEST(ControlData, OtherMachinesAndUnknownStatesAreRefused) {
    for (const ControlFileSample& sample : control_file_samples) {
        SCOPED_TRACE(number_of(sample.major));
        EXPECT_EQ(failure(with_field(sample, 16, 7), Errc::invalid_control_data),
                  "pg_control holds the unknown cluster state 7");
        EXPECT_EQ(failure(with_field(sample, 204, 4), Errc::invalid_control_data),
                  "pg_control was written on a machine with another alignment (4 instead of 8) or "
                  "floating point format");
        EXPECT_NE(failure(with_field(sample, 212, 0), Errc::invalid_control_data), "");
        EXPECT_EQ(failure(with_field(sample, 224, 4096), Errc::wrong_block_size),
                  "pg_control tells a WAL page size of 4096 instead of 8192");
        EXPECT_EQ(failure(with_field(sample, 228, 3 << 20), Errc::invalid_segment_size),
                  "pg_control: WAL segment size 3145728 is not a power of two from 1 MiB to 1 GiB");
    }
}

TEST(ControlData, StatesHavePgControldatasNames) {
    EXPECT_EQ(to_string(DbState::startup), "starting up");
    EXPECT_EQ(to_string(DbState::shut_down), "shut down");
    EXPECT_EQ(to_string(DbState::shut_down_in_recovery), "shut down in recovery");
    EXPECT_EQ(to_string(DbState::shutting_down), "shutting down");
    EXPECT_EQ(to_string(DbState::in_crash_recovery), "in crash recovery");
    EXPECT_EQ(to_string(DbState::in_archive_recovery), "in archive recovery");
    EXPECT_EQ(to_string(DbState::in_production), "in production");
}

TEST(CheckPointBody, Has88BytesInEveryVersion) {
    for (const ControlFileSample& sample : control_file_samples) {
        SCOPED_TRACE(number_of(sample.major));
        const Bytes file = sample.file();
        const ByteView body = ByteView(file).subspan(40, 88);
        const auto checkpoint = decode_checkpoint(sample.major, body);
        ASSERT_TRUE(checkpoint);
        EXPECT_EQ(*checkpoint, decode_control_data(file)->checkpoint);
        Bytes out{1, 2, 3};
        encode_checkpoint(sample.major, *checkpoint, out);
        ASSERT_EQ(out.size(), 91U);
        EXPECT_TRUE(std::equal(body.begin(), body.end(), out.begin() + 3));
        EXPECT_FALSE(decode_checkpoint(sample.major, body.first(87)));
    }
}

TEST(CheckPointBody, NamesTheWalLevel) {
    EXPECT_EQ(wal_level_name(0), "minimal");
    EXPECT_EQ(wal_level_name(1), "replica");
    EXPECT_EQ(wal_level_name(2), "logical");
    EXPECT_EQ(wal_level_name(3), "unknown");
    EXPECT_EQ(wal_level_name(-1), "unknown");
}

}  // namespace
}  // namespace sluice::pgwal
