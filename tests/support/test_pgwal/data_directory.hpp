#pragma once

#include "common/pgwal/control_data.hpp"
#include "common/pgwal/end_of_wal.hpp"
#include "common/pgwal/wal_writer.hpp"

#include <filesystem>

namespace sluice::test_pgwal {

Result<Bytes> read_file(const std::filesystem::path& path);

// The files of a data directory that pgwal reads and writes.
class DataDirectory {
public:
    explicit DataDirectory(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::filesystem::path control_file() const { return folder_ / "global" / "pg_control"; }
    std::filesystem::path wal_folder() const { return folder_ / "pg_wal"; }

    Result<pgwal::ControlData> load_control() const;
    // Overwrites the file in place, as a server does.
    Result<void> store_control(const pgwal::ControlData& data) const;

    // From the latest checkpoint on.
    Result<pgwal::EndOfWal> find_end(const pgwal::ControlData& data) const;
    // Takes away every segment and history file.
    void remove_segments() const;

private:
    std::filesystem::path folder_;
};

// Segments in a folder. What is not written stays as it is, and is zero in new files.
class SegmentFiles final : public pgwal::WalSink {
public:
    SegmentFiles(std::filesystem::path folder, const pgwal::WalIdentity& identity)
        : folder_(std::move(folder)), identity_(identity) {}
    ~SegmentFiles() override;
    SegmentFiles(const SegmentFiles&) = delete;
    SegmentFiles& operator=(const SegmentFiles&) = delete;

    Result<void> write(Lsn lsn, ByteView bytes) override;

private:
    Result<void> open(Lsn lsn);

    std::filesystem::path folder_;
    pgwal::WalIdentity identity_;
    int descriptor_ = -1;
    std::uint64_t segment_ = 0;
};

}  // namespace sluice::test_pgwal
