#include "common/crypto/key_file.hpp"

#include "common/crypto/random_bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace sluice::crypto {

namespace {

constexpr std::size_t file_bytes_max = 64U << 10U;

struct FileClose {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using FileHandle = std::unique_ptr<std::FILE, FileClose>;

Error file_error(const std::string& action, const std::filesystem::path& file, int number) {
    return Error(ErrorKind::storage,
                 action + " " + file.string(),
                 {number, boost::system::generic_category()});
}

// Opens a file that did not exist before, so nobody else has it open or chose its mode.
FileHandle create(const std::filesystem::path& file, FileAccess access) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return nullptr;
    if (access == FileAccess::everybody) ::fchmod(descriptor, 0644);
    return FileHandle(::fdopen(descriptor, "w"));
}

bool write_all(FileHandle file, std::string_view content) {
    const bool written =
        std::fwrite(content.data(), 1, content.size(), file.get()) == content.size();
    return std::fclose(file.release()) == 0 && written;
}

}  // namespace

Result<void> write_key_file(const std::filesystem::path& file,
                            std::string_view content,
                            FileAccess access) {
    std::filesystem::path fresh = file;
    fresh += "." + random_id() + ".new";
    FileHandle opened = create(fresh, access);
    if (!opened) return file_error("cannot write", file, errno);
    const bool written = write_all(std::move(opened), content);
    if (written && std::rename(fresh.c_str(), file.c_str()) == 0) return {};
    const int number = errno;
    std::remove(fresh.c_str());
    return file_error("cannot write", file, number);
}

Result<Secret> read_key_file(const std::filesystem::path& file) {
    const FileHandle opened(std::fopen(file.c_str(), "re"));
    if (!opened) return file_error("cannot read", file, errno);
    std::string content(file_bytes_max + 1, '\0');
    const std::size_t count = std::fread(content.data(), 1, content.size(), opened.get());
    if (std::ferror(opened.get()) != 0) return file_error("cannot read", file, errno);
    if (count > file_bytes_max) return file_error("cannot read", file, EFBIG);
    content.resize(count);
    return Secret(std::move(content));
}

}  // namespace sluice::crypto
