#include "ctl/wal_files.hpp"

#include "tests/unit/ctl/wal_folder.hpp"

namespace sluice::ctl {
namespace {

using Ancestors = WalFileSource::Ancestors;

std::string read(WalFileSource& source, std::uint64_t from, std::size_t bytes) {
    Bytes to(bytes);
    const auto got = source.read(Lsn(from), to);
    return got ? std::string(as_text(ByteView(to).first(*got))) : got.error().message();
}

// The first page tells the server; what follows in a file is a text.
std::string segment(std::uint64_t number, std::uint32_t timeline, const std::string& text) {
    pgwal::PageHeader header;
    header.magic = pgwal::page_magic(pgwal::PgMajor::v17);
    header.info = pgwal::xlp_long_header;
    header.timeline = timeline;
    header.address = Lsn(number * mib);
    header.system_id = 5;
    header.segment_bytes = mib;
    header.block_bytes = pgwal::page_bytes;
    Bytes bytes;
    pgwal::encode_page_header(header, bytes);
    append(bytes, text);
    return std::string(as_text(bytes));
}

constexpr std::uint64_t text_at = pgwal::long_page_header_bytes;

TEST(WalFiles, TellVersionAndSegmentSize) {
    WalFolder folder;
    folder.write_messages(15);

    const auto files = WalFiles::load_folder(folder.path());

    ASSERT_TRUE(files) << files.error().message();
    EXPECT_EQ(files->major(), pgwal::PgMajor::v17);
    EXPECT_EQ(files->segment_size().bytes(), mib);
    EXPECT_EQ(files->system_id(), WalFolder::identity().system_id);
    EXPECT_EQ(files->timelines(), std::vector<std::uint32_t>{1});
    EXPECT_EQ(files->segments_of(1).size(), 2U);
}

TEST(WalFiles, LookForTheFirstFileThatHoldsWal) {
    WalFolder folder;
    folder.write("000000010000000000000002", std::string(mib, '\0'));
    folder.write("000000010000000000000003", segment(3, 1, "third"));

    const auto files = WalFiles::load_folder(folder.path());

    ASSERT_TRUE(files) << files.error().message();
    EXPECT_EQ(files->segments_of(1).size(), 2U);
}

TEST(WalFiles, RefuseWhatIsNoWal) {
    WalFolder folder;
    EXPECT_FALSE(WalFiles::load_folder(folder.path()));
    EXPECT_FALSE(WalFiles::load_folder(folder.path() / "nowhere"));

    folder.write("000000010000000000000003", std::string(100, 'x'));
    EXPECT_FALSE(WalFiles::load_folder(folder.path()));

    auto unknown = segment(3, 1, "");
    unknown[0] = '\x19';  // a magic of no version
    folder.write("000000010000000000000003", unknown);
    const auto files = WalFiles::load_folder(folder.path());
    ASSERT_FALSE(files);
    EXPECT_NE(files.error().message().find("0xD119"), std::string::npos);
    EXPECT_NE(files.error().message().find("000000010000000000000003"), std::string::npos);
}

TEST(WalFiles, TakeAFileOfAnotherNameForWhatItsFirstPageSays) {
    WalFolder folder;
    folder.write("copy", segment(9, 2, "ninth"));

    const auto files = WalFiles::load_files({folder.path() / "copy"});

    ASSERT_TRUE(files) << files.error().message();
    EXPECT_NE(files->find(2, 9), nullptr);
    EXPECT_EQ(files->find(2, 8), nullptr);
}

TEST(WalFileSource, ReadsWithinASegment) {
    WalFolder folder;
    auto third = segment(3, 1, "third");
    third.resize(mib, 'x');
    folder.write("000000010000000000000003", third);
    folder.write("000000010000000000000004", segment(4, 1, "fourth"));
    const auto files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);
    auto source = WalFileSource::load(*files, 1, Ancestors::read);
    ASSERT_TRUE(source);

    EXPECT_EQ(read(*source, 3 * mib + text_at, 5), "third");
    EXPECT_EQ(read(*source, 4 * mib - 3, 100), "xxx");
    EXPECT_EQ(read(*source, 4 * mib + text_at, 100), "fourth");
    EXPECT_EQ(read(*source, 4 * mib + text_at + 6, 100), "");
    EXPECT_EQ(read(*source, 5 * mib, 100), "");
    EXPECT_EQ(read(*source, 3 * mib + text_at + 1, 2), "hi");
}

TEST(WalFileSource, TakesAPartialSegmentWhenThereIsNoWholeOne) {
    WalFolder folder;
    folder.write("000000010000000000000003.partial", segment(3, 1, "part"));
    auto files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);
    ASSERT_NE(files->find(1, 3), nullptr);
    EXPECT_TRUE(files->find(1, 3)->name.partial);

    folder.write("000000010000000000000003", segment(3, 1, "whole"));
    files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);
    EXPECT_FALSE(files->find(1, 3)->name.partial);
}

TEST(WalFileSource, TakesEverySegmentFromTheTimelineThatHasIt) {
    WalFolder folder;
    // Timeline 2 never was an ancestor of 3.
    folder.write("00000003.history", "1\t0/480000\tno recovery target specified\n");
    for (const std::uint64_t number : {3U, 4U, 5U})
        for (const std::uint32_t timeline : {1U, 2U, 4U})
            folder.write(
                "0000000" + std::to_string(timeline) + "000000000000000" + std::to_string(number),
                segment(number, timeline, std::to_string(timeline)));
    folder.write("000000030000000000000004", segment(4, 3, "3"));
    folder.write("000000030000000000000005.partial", segment(5, 3, "3"));
    auto files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);

    auto source = WalFileSource::load(*files, 3, Ancestors::read);
    ASSERT_TRUE(source);
    EXPECT_EQ(read(*source, 3 * mib + text_at, 1), "1");
    EXPECT_EQ(read(*source, 4 * mib + text_at, 1), "3");
    EXPECT_EQ(read(*source, 5 * mib + text_at, 1), "3");
    EXPECT_EQ(read(*source, 6 * mib + text_at, 1), "");

    auto own = WalFileSource::load(*files, 3, Ancestors::ignore);
    ASSERT_TRUE(own);
    EXPECT_EQ(read(*own, 3 * mib + text_at, 1), "");

    folder.remove("000000030000000000000004");
    folder.remove("000000030000000000000005.partial");
    files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);
    auto again = WalFileSource::load(*files, 3, Ancestors::read);
    ASSERT_TRUE(again);
    EXPECT_EQ(read(*again, 4 * mib + text_at, 1), "1");
    EXPECT_EQ(read(*again, 5 * mib + text_at, 1), "");
}

TEST(WalFileSource, RefusesABrokenHistory) {
    WalFolder folder;
    folder.write("000000020000000000000003", segment(3, 2, ""));
    folder.write("00000002.history", "nonsense");
    const auto files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);

    const auto source = WalFileSource::load(*files, 2, Ancestors::read);

    ASSERT_FALSE(source);
    EXPECT_NE(source.error().message().find("00000002.history"), std::string::npos);
}

TEST(WalFileSource, KeepsTheFileOfTheLastReadOpen) {
    WalFolder folder;
    folder.write("000000010000000000000003", segment(3, 1, "third"));
    const auto files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);
    auto source = WalFileSource::load(*files, 1, Ancestors::read);
    ASSERT_TRUE(source);
    EXPECT_EQ(read(*source, 3 * mib + text_at, 5), "third");

    folder.remove("000000010000000000000003");

    EXPECT_EQ(read(*source, 3 * mib + text_at, 5), "third");
    EXPECT_EQ(read(*source, 4 * mib, 5), "");
    EXPECT_EQ(read(*source, 3 * mib, 5), "");
}

}  // namespace
}  // namespace sluice::ctl
