#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

// All of these throw StartupError that names the file and the reason.

std::string read_file(const std::filesystem::path& file);

// Puts the whole file in place or nothing: written aside, synced and renamed.
void write_file(const std::filesystem::path& file, std::string_view text, mode_t mode);

// To a file that exists and is no symbolic link: it may lie in another account's folder.
void append_file(const std::filesystem::path& file, std::string_view text);

// Makes the folder and those above it; the folder itself gets `mode` in any case.
void make_folder(const std::filesystem::path& folder, mode_t mode);

// 0 when the file does not exist.
std::uint64_t log_size(const std::filesystem::path& file);

// The last `lines_max` lines that begin at byte `from` or later; empty when there is no file.
std::vector<std::string> last_lines(const std::filesystem::path& file,
                                    std::uint64_t from,
                                    std::size_t lines_max);

// An exclusive lock on a folder, held until destruction (or the end of the process).
class FolderLock {
public:
    // Waits up to a minute for another sluicectl, saying so once on standard error.
    explicit FolderLock(const std::filesystem::path& folder);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

private:
    int descriptor_;
};

}  // namespace sluice::ctl
