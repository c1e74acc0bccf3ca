#include "ctl/files.hpp"

#include "common/base/startup_error.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>

namespace sluice::ctl {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
protected:
    FilesTest() {
        std::string name = testing::TempDir() + "files_test.XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~FilesTest() override { fs::remove_all(folder_); }

    fs::path folder_;
};

TEST_F(FilesTest, WritesTheWholeFileWithItsMode) {
    write_file(folder_ / "a", "old", 0644);
    write_file(folder_ / "a", "new\n", 0600);

    EXPECT_EQ(read_file(folder_ / "a"), "new\n");
    struct stat found {};
    ASSERT_EQ(::stat((folder_ / "a").c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0600U);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(FilesTest, AppendsButNotThroughALink) {
    write_file(folder_ / "a", "one\n", 0600);
    append_file(folder_ / "a", "two\n");
    EXPECT_EQ(read_file(folder_ / "a"), "one\ntwo\n");

    fs::create_symlink(folder_ / "a", folder_ / "link");
    EXPECT_THROW(append_file(folder_ / "link", "three\n"), StartupError);
    EXPECT_THROW(append_file(folder_ / "missing", "three\n"), StartupError);
    EXPECT_EQ(read_file(folder_ / "a"), "one\ntwo\n");
}

TEST_F(FilesTest, ReadsAnEmptyFileAndRefusesAMissingOne) {
    write_file(folder_ / "empty", "", 0600);

    EXPECT_EQ(read_file(folder_ / "empty"), "");
    EXPECT_THROW(read_file(folder_ / "missing"), StartupError);
}

TEST_F(FilesTest, LastLinesBeginAtTheGivenByte) {
    write_file(folder_ / "log", "one\ntwo\nthree\nfour\n", 0600);

    EXPECT_EQ(last_lines(folder_ / "log", 0, 2), (std::vector<std::string>{"three", "four"}));
    EXPECT_EQ(last_lines(folder_ / "log", 14, 9), (std::vector<std::string>{"four"}));
    EXPECT_TRUE(last_lines(folder_ / "missing", 0, 9).empty());
}

}  // namespace
}  // namespace sluice::ctl
