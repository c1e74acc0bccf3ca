#pragma once

#include "common/pgwal/logical_message.hpp"
#include "common/pgwal/wal_writer.hpp"
#include "ctl/files.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace sluice::ctl {

inline constexpr std::uint64_t mib = 1U << 20U;

// A folder with WAL of a PostgreSQL 17 in segments of 1 MiB, which begins with segment 3.
class WalFolder {
public:
    WalFolder() {
        std::string name = testing::TempDir() + "wal_folder.XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~WalFolder() { std::filesystem::remove_all(path_); }
    WalFolder(const WalFolder&) = delete;
    WalFolder& operator=(const WalFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    static pgwal::SegmentSize segment_size() { return *pgwal::SegmentSize::load(mib); }
    static pgwal::WalIdentity identity(std::uint32_t timeline = 1) {
        return {pgwal::PgMajor::v17, segment_size(), 7'000'000'000'000'000'001, timeline};
    }

    void write(const std::string& name, std::string_view content) const {
        write_file(path_ / name, content, 0600);
    }
    std::string read(const std::string& name) const { return read_file(path_ / name); }
    void remove(const std::string& name) const { std::filesystem::remove(path_ / name); }
    void rename(const std::string& from, const std::string& to) const {
        std::filesystem::rename(path_ / from, path_ / to);
    }

    // Writes messages of 100,000 bytes, about ten a segment; the last segment is filled with zeros.
    std::vector<pgwal::WrittenRecord> write_messages(std::size_t count,
                                                     std::uint32_t timeline = 1) const {
        pgwal::WalBuffer wal;
        auto writer =
            pgwal::WalWriter::open(identity(timeline), {Lsn(3 * mib), Lsn(0x2FFF00)}, wal);
        EXPECT_TRUE(writer);
        const Bytes text(100'000, 'x');
        const auto message = pgwal::logical_message_record({.prefix = "test", .message = text});
        EXPECT_TRUE(message);
        std::vector<pgwal::WrittenRecord> records;
        for (std::size_t i = 0; i < count; ++i) records.push_back(*writer->append(*message));
        EXPECT_TRUE(writer->finish());
        write_segments(wal, timeline);
        return records;
    }

    void write_segments(const pgwal::WalBuffer& wal, std::uint32_t timeline) const {
        for (std::uint64_t offset = 0; offset < wal.bytes().size(); offset += mib)
            write(pgwal::segment_file_name(timeline, wal.start() + offset, segment_size()),
                  as_text(ByteView(wal.bytes()).subspan(offset, mib)));
    }

private:
    std::filesystem::path path_;
};

}  // namespace sluice::ctl
