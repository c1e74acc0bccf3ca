#include "ctl/files.hpp"

#include "common/base/startup_error.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <fstream>
#include <sstream>
#include <thread>

namespace sluice::ctl {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(std::string_view action, const fs::path& file) {
    throw StartupError(
        fmt::format("cannot {} {}: {}", action, file.string(), std::strerror(errno)));
}

class Descriptor {
public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return value_; }

private:
    int value_;
};

void write_all(int descriptor, std::string_view text, const fs::path& file) {
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("write", file);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void sync_folder(const fs::path& folder) {
    const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0 || ::fsync(descriptor.get()) != 0) fail("sync", folder);
}

}  // namespace

std::string read_file(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (!stream || !(text << stream.rdbuf())) {
        // An empty file sets the fail bit of `text` although nothing is wrong.
        if (!stream.is_open()) fail("read", file);
    }
    return text.str();
}

void write_file(const fs::path& file, std::string_view text, mode_t mode) {
    auto aside = file;
    aside += ".new";
    ::unlink(aside.c_str());
    {
        const Descriptor descriptor(
            ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (descriptor.get() < 0) fail("create", aside);
        write_all(descriptor.get(), text, aside);
        if (::fchmod(descriptor.get(), mode) != 0 || ::fsync(descriptor.get()) != 0) {
            fail("write", aside);
        }
    }
    if (::rename(aside.c_str(), file.c_str()) != 0) fail("write", file);
    sync_folder(file.parent_path());
}

void append_file(const fs::path& file, std::string_view text) {
    const Descriptor descriptor(
        ::open(file.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (descriptor.get() < 0) fail("write", file);
    write_all(descriptor.get(), text, file);
}

void make_folder(const fs::path& folder, mode_t mode) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        throw StartupError(fmt::format("cannot create {}: {}", folder.string(), error.message()));
    }
    if (::chmod(folder.c_str(), mode) != 0) fail("set the mode of", folder);
}

std::uint64_t log_size(const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    return error ? 0 : size;
}

std::vector<std::string> last_lines(const fs::path& file,
                                    std::uint64_t from,
                                    std::size_t lines_max) {
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(from));
    std::deque<std::string> lines;
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(std::move(line));
        if (lines.size() > lines_max) lines.pop_front();
    }
    return {lines.begin(), lines.end()};
}

FolderLock::FolderLock(const fs::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ < 0) fail("open", folder);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    bool told = false;
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) fail("lock", folder);
        if (std::chrono::steady_clock::now() > deadline) {
            ::close(descriptor_);
            throw StartupError(
                fmt::format("another sluicectl is still working on {}", folder.string()));
        }
        if (!told) fmt::print(stderr, "waiting for another sluicectl to finish\n");
        told = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

FolderLock::~FolderLock() { ::close(descriptor_); }

}  // namespace sluice::ctl
