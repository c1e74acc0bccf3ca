#include "ctl/wal_directory.hpp"

#include "ctl/files.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sluice::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mib = 1U << 20U;

// Files are named and filled with a text of their own; what follows in them does not matter.
class WalDirectoryTest : public testing::Test {
protected:
    WalDirectoryTest() {
        std::string name = testing::TempDir() + "wal_directory_test.XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~WalDirectoryTest() override { fs::remove_all(folder_); }

    void write(const std::string& name, const std::string& text) {
        write_file(folder_ / name, text, 0600);
    }
    Result<WalDirectory> load(std::uint32_t timeline) {
        return WalDirectory::load(folder_, *pgwal::SegmentSize::load(mib), timeline);
    }
    static std::string read(WalDirectory& directory, std::uint64_t from, std::size_t bytes = 100) {
        Bytes to(bytes);
        const auto got = directory.read(Lsn(from), to);
        return got ? std::string(as_text(ByteView(to).first(*got))) : got.error().message();
    }

    fs::path folder_;
};

TEST_F(WalDirectoryTest, ReadsWithinASegment) {
    write("000000010000000000000003", "third" + std::string(mib, 'x'));
    write("000000010000000000000004", "fourth");
    auto directory = load(1);
    ASSERT_TRUE(directory);
    EXPECT_EQ(read(*directory, 3 * mib, 5), "third");
    EXPECT_EQ(read(*directory, 4 * mib - 3), "xxx");
    EXPECT_EQ(read(*directory, 4 * mib), "fourth");
    EXPECT_EQ(read(*directory, 4 * mib + 2), "urth");
    EXPECT_EQ(read(*directory, 4 * mib + 6), "");
    EXPECT_EQ(read(*directory, 5 * mib), "");
    EXPECT_EQ(read(*directory, 3 * mib + 1, 2), "hi");
}

TEST_F(WalDirectoryTest, TakesAPartialSegmentWhenThereIsNoWholeOne) {
    write("000000010000000000000003.partial", "part");
    auto directory = load(1);
    ASSERT_TRUE(directory);
    EXPECT_EQ(read(*directory, 3 * mib), "part");
    write("000000010000000000000003", "whole");
    EXPECT_EQ(directory->find_file(3), folder_ / "000000010000000000000003");
}

TEST_F(WalDirectoryTest, TakesEverySegmentFromTheTimelineThatHasIt) {
    // Timeline 2 never was an ancestor of 3.
    write("00000003.history", "1\t0/480000\tno recovery target specified\n");
    for (const char* segment : {"3", "4", "5"}) {
        for (const char* timeline : {"1", "2", "4"}) {
            write("0000000" + std::string(timeline) + "000000000000000" + segment, timeline);
        }
    }
    write("000000030000000000000004", "3");
    write("000000030000000000000005.partial", "3");
    auto directory = load(3);
    ASSERT_TRUE(directory);
    EXPECT_EQ(read(*directory, 3 * mib), "1");
    EXPECT_EQ(read(*directory, 4 * mib), "3");
    EXPECT_EQ(read(*directory, 5 * mib), "3");
    EXPECT_EQ(read(*directory, 6 * mib), "");

    fs::remove(folder_ / "000000030000000000000004");
    fs::remove(folder_ / "000000030000000000000005.partial");
    auto again = load(3);
    EXPECT_EQ(read(*again, 4 * mib), "1");
    EXPECT_EQ(read(*again, 5 * mib), "");
}

TEST_F(WalDirectoryTest, NeedsTheHistoryOfItsTimeline) {
    auto missing = load(2);
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message().find("00000002.history"), std::string::npos);

    write("00000002.history", "nonsense");
    auto bad = load(2);
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().message().find("00000002.history"), std::string::npos);
}

TEST_F(WalDirectoryTest, KeepsTheFileOfTheLastReadOpen) {
    write("000000010000000000000003", "third");
    auto directory = load(1);
    ASSERT_TRUE(directory);
    EXPECT_EQ(read(*directory, 3 * mib), "third");
    fs::remove(folder_ / "000000010000000000000003");
    EXPECT_EQ(read(*directory, 3 * mib), "third");
    EXPECT_EQ(read(*directory, 4 * mib), "");
    EXPECT_EQ(read(*directory, 3 * mib), "");
}

TEST_F(WalDirectoryTest, TakesNoFolderForASegment) {
    fs::create_directory(folder_ / "000000010000000000000003");
    auto directory = load(1);
    ASSERT_TRUE(directory);
    EXPECT_EQ(read(*directory, 3 * mib), "");
}

}  // namespace
}  // namespace sluice::ctl
